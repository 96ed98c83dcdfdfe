"""Coins that players hold, signed over to whomever a test wants; nothing is written down."""

from collections.abc import Sequence
from typing import Any

from dht.records import FraudProof, Kind
from nodes.protocols.dht_micropayment import holding as rule
from nodes.protocols.dht_micropayment.holding import Holding
from nodes.protocols.dht_micropayment.messages import (
    AskQuote,
    GiveBack,
    Payment,
    QuoteGiven,
    Redeem,
    ReportFraud,
)
from nodes.protocols.dht_micropayment.transfer import Transfer, terms_of
from nodes.protocols.message import Message
from scenarios.lab.node_client import Node
from tests.battery.letters import Letter, Sample
from tests.battery.players import Player, Spender
from tests.battery.stage import Stage

ORDER = b"one order"
OTHER_ORDER = b"another order"


def signed_over(
    payer: Player, coins: Sequence[Holding], payee: bytes, order: bytes = ORDER, kind: Kind = "pay"
) -> tuple[Transfer, ...]:
    """One payment of all these coins; nothing keeps this wallet from signing again."""
    party = payer.party
    terms = terms_of(order, [coin.chain for coin in coins])
    return tuple(
        rule.sign_committed(
            rule.commit(coin, kind, payee, terms, bytes(16), party.id, party.guards), party.key
        )
        for coin in coins
    )


def take(spender: Spender, count: int) -> list[Holding]:
    """Coins that nobody else in this test uses."""
    coins = list(spender.wallet.purse.free())[:count]
    assert len(coins) == count, "withdraw more"
    spender.wallet.purse.speak_for(coins)
    return coins


def redemption(payer: Player, coins: Sequence[Holding], broker: Node, **how: Any) -> Redeem:
    order = how.pop("order", ORDER)
    how = {"kind": "redeem", **how}
    return Redeem(order, signed_over(payer, coins, bytes.fromhex(broker.id), order, **how))


def gift(payer: Player, coins: Sequence[Holding], payee: Node, **how: Any) -> GiveBack:
    order = how.pop("order", ORDER)
    return GiveBack(order, signed_over(payer, coins, bytes.fromhex(payee.id), order, **how))


async def quoted(payer: Player, payee: Node, count: int, transaction: bytes) -> QuoteGiven:
    asked = AskQuote(ORDER, count)
    told = await payer.party.send(bytes.fromhex(payee.id), asked, transaction, QuoteGiven)
    return told.message


async def payment(
    payer: Player, coins: Sequence[Holding], payee: Node, transaction: bytes, **how: Any
) -> Payment:
    given = await quoted(payer, payee, len(coins), transaction)
    return Payment(given.quote, signed_over(payer, coins, bytes.fromhex(payee.id), **how))


def fraud(cheat: Player, coin: Holding, payees: Sequence[bytes]) -> ReportFraud:
    """One coin signed over to two parties."""
    first, second = (signed_over(cheat, [coin], payee)[0] for payee in payees)
    proof = FraudProof(first.record, second.record)
    return ReportFraud(proof, first.predecessor, first.evidence)


async def said(stage: Stage, sender: Player, to: Node, message: Message) -> None:
    letter = Letter(Sample(message, sender, to, sender.party.fresh_transaction()))
    told = await stage.post(to, letter.sample.declaration, letter.wire())
    assert told.code == "accepted", told
