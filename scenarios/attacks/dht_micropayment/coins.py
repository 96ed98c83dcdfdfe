"""Coins in a cheat's hands: honest steps by its wallet, and signatures that no honest wallet gives.

An honest wallet saves the one step that follows a coin before it signs it. Here a step is signed
first and saved, if at all, when the cheat wants its own books to look honest.
"""

from collections.abc import Iterable

import msgspec

from crypto import codec
from crypto.documents import Signed
from dht.outcomes import Written
from dht.records import Body, Certificate, Kind, Put, Record, RegisterName
from nodes.protocols.accounts.messages import AccountOpened, OpenAccount
from nodes.protocols.dht_micropayment import holding as rule
from nodes.protocols.dht_micropayment import step as steps
from nodes.protocols.dht_micropayment.coin import Coin, Evidence
from nodes.protocols.dht_micropayment.holding import CoinState, Holding
from nodes.protocols.dht_micropayment.judge import judge
from nodes.protocols.dht_micropayment.messages import (
    AskQuote,
    Payment,
    QuoteGiven,
    Redeem,
    Redeemed,
    Taken,
)
from nodes.protocols.dht_micropayment.payment import PayeeState
from nodes.protocols.dht_micropayment.refusals import RegisterIsWritten
from nodes.protocols.dht_micropayment.transfer import Transfer, terms_of
from nodes.protocols.message import Milliseconds, PartyId, Role, TransactionId
from nodes.runtime.party import Party
from scenarios.adversaries.outsider import Mallory, Voice
from scenarios.lab.acting import Act
from scenarios.lab.node_client import Json, Node

ORDER = b"bread"
SALES = "sales"
"""What a payee has delivered for, a coin each."""
ENDED = (PayeeState.DELIVERED.value, PayeeState.CANCELLED.value)


def members(act: Act) -> list[Node]:
    """Those who vote. Cheats who came later are peers, too, and not in the roster."""
    return [node for node in act.world.peers if node.name.startswith("peer-")]


def id_of(node: Node) -> PartyId:
    return bytes.fromhex(node.id)


# what honest owners do


async def withdraw(owner: Node, count: int = 1) -> None:
    """Coins from the broker, all opened when this returns."""
    asked = await owner.control("withdraw", count=count)
    await owner.until(asked["transaction"], "held")


async def pay(payer: Node, payee: Node) -> str:
    """One coin, certified and with its receipt: the transaction."""
    asked = await payer.control("transfer", to=payee.name, count=1)
    transaction = str(asked["transaction"])
    await payer.until(transaction, "paid")
    await payee.until(transaction, "delivered")
    return transaction


async def redeem(holder: Node) -> Json:
    """One coin to the broker: how it ended."""
    asked = await holder.control("redeem", count=1)
    return await holder.until(asked["transaction"], "credited", "refused")


async def can_redeem(act: Act, holder: Node) -> bool:
    """Whether a party gets its one coin back into its account; what it is told if not, is noted.

    Its wallet looks first whether the coin's next place is still free.
    """
    ended = await act.attempt(holder, redeem(holder))
    if ended is None:
        return False
    if ended["state"] == "credited" and ended["credited"] == 1:
        return True
    act.refused(ended["reason"] or RegisterIsWritten.code, act.live.broker)
    return False


async def ruled(act: Act, keepers: Iterable[Node], denial: str) -> list[str]:
    """Who cannot deny this (ids in hex), by what these parties keep of their coins.

    A judge has that and the signed roster, and no word from anybody.
    """
    books, authority = await act.live.books(), act.live.certificate_authority
    roster = books.ledgers[authority.name].roster
    assert roster is not None, "the world was ready"
    signatures = tuple(map(bytes.fromhex, roster.signatures))
    pieces = [codec.encode(Signed(bytes.fromhex(roster.content), signatures))]
    for keeper in keepers:
        kept = books.ledgers[keeper.name].coins
        pieces += [bytes.fromhex(coin.certificate) for coin in kept if coin.certificate]
    keys = {Role.CERTIFICATE_AUTHORITY: frozenset({id_of(authority)})}
    found = judge(pieces, keys)
    return [one.culprit.hex() for one in found if one.denial == denial and one.culprit]


async def has_an_account(mallory: Mallory) -> None:
    """Opened, so that the ledgers have a balance of it to begin with."""
    broker = (await mallory.party.directory.named("broker")).id
    await mallory.party.send(
        broker, OpenAccount(), mallory.party.fresh_transaction(), AccountOpened
    )


# what a cheat has


def held_by(mallory: Mallory) -> list[Holding]:
    """Its coins, the oldest serial first."""
    held = [coin for coin in mallory.wallet.purse if coin.state is CoinState.HELD]
    return sorted(held, key=lambda coin: coin.coin.serial)


def spent_by(mallory: Mallory) -> Holding:
    """A coin it once held and paid on."""
    [spent] = [coin for coin in mallory.wallet.purse.all() if coin.state is CoinState.SPENT]
    return spent


async def look_up(mallory: Mallory, name: RegisterName) -> Certificate:
    """The certified step in a register: registers are there to be read."""
    transaction = mallory.party.fresh_transaction()
    reading = await mallory.wallet.registers.look_up(name, transaction)
    assert reading is not None, "this node has its place in the ring"
    assert reading.certificate is not None, "that step was certified"
    return reading.certificate


async def write(
    mallory: Mallory,
    record: Record,
    predecessor: Certificate | None,
    evidence: Evidence | bytes,
    step: str = "P3",
) -> Written:
    """Put a record to its witnesses, whatever it is."""
    data = evidence if isinstance(evidence, bytes) else codec.encode(evidence)
    body = codec.decode(record.signed.content, Body)
    put = Put(record, predecessor, data)
    transaction = mallory.party.fresh_transaction()
    written = await mallory.wallet.registers.write(step, body, put, transaction)
    assert written is not None, "this node has its place in the ring"
    return written


def refused_by(act: Act, written: Written) -> None:
    """Note what the first witness said that gave no vote."""
    names = {id_of(node): node.name for node in members(act)}
    if written.refusals:
        first = written.refusals[0]
        act.refused(first.code, names[first.voter])
    elif written.conflicts:
        act.refused(RegisterIsWritten.code, "the witnesses")


# what a cheat signs


def committed(
    holder: Mallory | Voice,
    coin: Holding,
    payee: PartyId,
    order: bytes = ORDER,
    kind: Kind = "pay",
) -> Holding:
    """The coin as if it had never been signed over to anybody else."""
    party = holder.party
    terms = terms_of(order, [coin.chain])
    transaction = party.fresh_transaction()
    return rule.commit(coin, kind, payee, terms, transaction, party.id, party.guards)


async def remember(mallory: Mallory, coin: Holding) -> None:
    """Its own books say so too."""
    async with mallory.party.store.transaction() as tx:
        mallory.wallet.purse.save(tx, coin)


def signed(holder: Mallory | Voice, coin: Holding) -> Transfer:
    return rule.sign_committed(coin, holder.party.key)


def signed_away(mallory: Mallory, coin: Holding, payee: PartyId, order: bytes = ORDER) -> Transfer:
    """A payment that is written down nowhere: the next one will be signed as well."""
    return signed(mallory, committed(mallory, coin, payee, order))


def step_behind(
    mallory: Mallory,
    coin: Coin,
    evidence: Evidence,
    before: Certificate,
    payee: PartyId,
    *,
    index: int | None = None,
    kind: Kind = "pay",
    payer: PartyId | None = None,
    order: bytes = ORDER,
) -> Transfer:
    """The step behind a certified one, by whoever says that he is its payee; or further on."""
    last = steps.read_step(before.record)
    place = steps.next_register(coin, last)
    if index is not None:
        place = msgspec.structs.replace(place, index=index)
    body = steps.next_step(
        coin,
        last,
        place,
        kind=kind,
        payer=payer or mallory.id,
        payee=payee,
        terms=terms_of(order, [place.chain]),
    )
    return Transfer(steps.sign_step(body, mallory.party.key), before, evidence)


# where a cheat goes with it


async def buy(
    act: Act,
    mallory: Mallory,
    payee: Node,
    transfer: Transfer,
    order: bytes = ORDER,
) -> str:
    """Q1, P1 with this coin: how the payment ended; refused, delivered or cancelled.

    `transfer` is signed for this order. A refusal is noted.
    """
    transaction = mallory.party.fresh_transaction()
    taken = await act.attempt(payee, offer(mallory, payee, transfer, transaction, order))
    return "refused" if taken is None else await ended(act, payee, transaction)


async def offer(
    mallory: Mallory,
    payee: Node,
    transfer: Transfer,
    transaction: TransactionId,
    order: bytes = ORDER,
) -> Taken:
    party, to = mallory.party, id_of(payee)
    given = await party.send(to, AskQuote(order, 1), transaction, QuoteGiven)
    payment = Payment(given.message.quote, (transfer,))
    return (await party.send(to, payment, transaction, Taken)).message


async def ended(act: Act, payee: Node, transaction: TransactionId) -> str:
    """Delivered or cancelled; that the coin's place was taken is noted as a refusal."""
    known = await payee.until(transaction.hex(), *ENDED)
    if known["state"] == "cancelled" and known["reason"] == "conflict":
        act.refused(RegisterIsWritten.code, payee)
    return str(known["state"])


async def hand_in(party: Party, transfer: Transfer, order: bytes = ORDER) -> Redeemed:
    """D1 with this coin."""
    broker = (await party.directory.named("broker")).id
    message = Redeem(order, (transfer,))
    return (await party.send(broker, message, party.fresh_transaction(), Redeemed)).message


# time


async def until_moment(act: Act, mallory: Mallory, moment: Milliseconds) -> None:
    """All clocks are set forward to just after a moment."""
    ahead = moment - mallory.party.now()
    await act.live.advance(max(ahead, 0) / 1000 + 1)
