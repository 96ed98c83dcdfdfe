"""K1, K3, A1, W1-W5, D1, D4: money in an account, coins, and money again."""

from typing import Any

import msgspec

from crypto import codec
from crypto.documents import open_document, sign_document
from crypto.sealing import seal
from crypto.signing import SigningKey
from nodes.protocols.electronic_cash import deposit as depositing
from nodes.protocols.electronic_cash import messages as words
from nodes.protocols.electronic_cash import withdrawal as withdrawals
from nodes.protocols.electronic_cash.blinding import block_context, block_digest
from nodes.protocols.electronic_cash.coin import DenominationKey, KeyList
from nodes.protocols.electronic_cash.documents import IssueOrder, WithdrawalBlock
from nodes.protocols.electronic_cash.guards import deposit_id
from nodes.protocols.electronic_cash.holding import Spending, Withdrawing
from nodes.protocols.electronic_cash.refusals import UnknownDeposit, UnknownWithdrawal
from nodes.protocols.electronic_cash.spending import Wanted
from tests.battery.cash import Elsewhere, Ready, code
from tests.battery.letters import ACCEPTED, Rules, Sample

ANYTHING: Rules = (("*", ACCEPTED),)


async def _listed(ready: Ready) -> tuple[DenominationKey, ...]:
    asked = words.KeysQuery(ready.id(ready.bank))
    answer = await ready.told(asked, ready.holder, ready.authority, words.Keys)
    assert answer.listed is not None
    return open_document(KeyList, answer.listed).keys


async def publish_keys(ready: Ready) -> Sample:
    keys = await _listed(ready)
    (first, *_), unfit = keys, b"\xfe" * 256

    def published(*keys: DenominationKey) -> tuple[Sample, str]:
        message = words.PublishKeys(keys)
        sample = ready.sample(message, ready.banks_voice, ready.authority)
        return sample, code("keys-not-acceptable")

    return ready.sample(
        words.PublishKeys(keys),
        ready.banks_voice,
        ready.authority,
        altered=(("*", code("keys-not-acceptable")),),
        elsewhere={
            "one less": published(*keys[:-1]),
            "in another order": published(*keys[::-1]),
            "two for one amount": published(*keys, DenominationKey(1, 1, unfit)),
            "one that serves twice": published(*keys, DenominationKey(2, 1, first.modulus)),
            "an unfit one": published(*keys, DenominationKey(2, 1, unfit)),
        },
    )


async def keys_query(ready: Ready) -> Sample:
    message = words.KeysQuery(ready.id(ready.bank))
    return ready.sample(message, ready.holder, ready.authority, altered=ANYTHING, stored=False)


async def account_query(ready: Ready) -> Sample:
    return ready.sample(words.AccountQuery(), ready.holder, ready.bank, stored=False)


# W1, W2, W4, W5


async def withdraw(ready: Ready) -> Sample:
    holder, bank, home = ready.holder, ready.id(ready.bank), ready.id(ready.home)
    parties = withdrawals.Parties(holder.party.id, bank, home, ready.sealing_key_of(ready.home))
    transaction, cash = ready.fresh(), holder.cash
    known = cash.withdrawer.table.values(holder.party.store.committed)[0]
    async with holder.party.store.transaction() as tx:
        index = cash.purse.next_index(tx)
        record, message = withdrawals.ask(cash.purse.wallet, index, parties, (2, 1), transaction)
        cash.withdrawer.table.put(tx, record.withdrawal, record)

    def asked(name: str, **changes: object) -> tuple[Sample, str]:
        changed = msgspec.structs.replace(message, **changes)
        return ready.sample(changed, holder, ready.bank), code(name)

    return ready.sample(
        message,
        holder,
        ready.bank,
        transaction=transaction,
        altered=(
            ("coin_server", "message/unknown-sender"),
            ("amount", code("wrong-denominations")),
            ("denominations.*", code("wrong-denominations")),
            ("*", ACCEPTED),
        ),
        elsewhere={
            "with a nonce used before": asked("nonce-used", nonce=known.nonce),
            "without a nonce": asked("nonce-used", nonce=None),
            "more than there is": asked("not-enough-money", amount=1024, denominations=(512, 512)),
            "of no denomination": asked("wrong-denominations", denominations=(3,)),
            "from a peer": asked("wrong-coin-server", coin_server=ready.id(ready.merchant)),
        },
    )


async def issue(ready: Ready) -> Sample:
    """At a coin server of which nobody else withdraws."""
    keys, bank = await _listed(ready), ready.id(ready.bank)
    used = SigningKey.generate().public_key

    def ordered(number: int, key: bytes = b"", **changes: object) -> words.Issue:
        block = _block(ready, key or SigningKey.generate().public_key)
        fields: dict[str, Any] = {
            "bank": bank,
            "coin_server": ready.id(ready.second),
            "handle": HANDLE,
            "amount": 2,
            "denominations": (2,),
            "withdrawal": ready.holder.party.fresh(32),
            "number": number,
            "block": block_digest(block),
            "keys": tuple(one for one in keys if one.denomination == 2),
        }
        order = IssueOrder(**{**fields, **changes})
        return words.Issue(sign_document(order, ready.banks_voice.party.key), block)

    def sample(message: words.Issue) -> Sample:
        return ready.sample(message, ready.banks_voice, ready.second)

    await ready.told(ordered(1, used), ready.banks_voice, ready.second, words.Issued)
    unsealed = msgspec.structs.replace(ordered(2, block=block_digest(b"x")), block=b"x")
    return ready.sample(
        ordered(2),
        ready.banks_voice,
        ready.second,
        stored=False,
        altered=(("block", code("block-unreadable")), ("*", code("wrong-document"))),
        signed_anew=(
            ("order.content.bank", code("wrong-document")),
            ("order.content.coin_server", code("not-paid-for")),
            ("order.content.handle", code("block-unreadable")),
            ("order.content.block", code("block-unreadable")),
            ("order.content.amount", code("wrong-denominations")),
            ("order.content.denominations.*", code("wrong-denominations")),
            ("order.content.keys.*", code("key-not-published")),
        ),
        elsewhere={
            "with a number used before": (sample(ordered(1)), code("issue-repeated")),
            "with a block that nobody sealed": (sample(unsealed), code("block-unreadable")),
            "to a key in use": (sample(ordered(2, used)), code("key-in-use")),
            "without the key": (sample(ordered(2, keys=())), code("wrong-denominations")),
        },
    )


HANDLE = b"h" * 32


def _block(ready: Ready, key: bytes) -> bytes:
    """X, as a user seals it."""
    holder = ready.holder.party
    content = WithdrawalBlock(
        secret=holder.fresh(32),
        reply_key=holder.sealing_key.public_key,
        handle=HANDLE,
        denominations=(2,),
        keys=(key,),
    )
    context = block_context(ready.id(ready.bank), ready.id(ready.second))
    return seal(ready.sealing_key_of(ready.second), codec.encode(content), context)


async def _delivered(ready: Ready) -> words.Deliver:
    """What the merchant got for its withdrawal, once more."""
    (record,) = ready.merchants_voice.kept("cash_withdrawing", Withdrawing)
    asked = words.WithdrawalQuery(record.nonce)
    answer = await ready.told(asked, ready.merchants_voice, ready.bank, words.WithdrawalState)
    assert answer.delivery is not None
    return answer.delivery


async def deliver(ready: Ready) -> Sample:
    """Again, to who has the coins: whatever else it says changes nothing."""
    return ready.sample(
        await _delivered(ready),
        ready.banks_voice,
        ready.merchant,
        altered=(("withdrawal", UnknownWithdrawal.code), ("*", ACCEPTED)),
    )


async def withdrawal_query(ready: Ready) -> Sample:
    (record,) = ready.merchants_voice.kept("cash_withdrawing", Withdrawing)
    message = words.WithdrawalQuery(record.nonce)
    anothers = ready.sample(message, ready.holder, ready.bank)
    return ready.sample(
        message,
        ready.merchants_voice,
        ready.bank,
        altered=(("nonce", UnknownWithdrawal.code),),
        stored=False,
        elsewhere={"about another's": (anothers, UnknownWithdrawal.code)},
    )


# D1, D4


async def deposit(ready: Ready) -> Sample:
    holder, bank = ready.holder, ready.id(ready.bank)
    nonce, purse = holder.party.fresh(32), holder.cash.purse
    name = deposit_id(bank, holder.party.id, nonce)
    (held,) = ready.take(1)
    async with holder.party.store.transaction() as tx:
        purse.coins.add(tx, [held])
    wanted = Wanted("deposit", held.coin.amount, bank, name, ready.until(), opening=nonce)
    order = await purse.order(wanted, coins=[held])
    message = depositing.request_deposit(order)
    (done,) = ready.merchants_voice.kept("cash_orders", Spending)
    sellers = _of_seller(ready, message)

    def asked(refusal: str, **changes: object) -> tuple[Sample, str]:
        changed = msgspec.structs.replace(message, **changes)
        return ready.sample(changed, holder, ready.bank), code(refusal)

    elsewhere: Elsewhere = {
        "for another's account": (sellers, code("deposit-of-another")),
        "of another's id": asked("not-yours", deposit=done.reference),
        "without what opens its id": asked("deposit-of-another", nonce=None),
        "of a peer's coins": asked("wrong-coin-server", coin_server=ready.id(ready.merchant)),
        "beyond what is outstanding": asked("beyond-outstanding", amount=2**50),
    }
    return ready.sample(
        message,
        holder,
        ready.bank,
        transaction=order.transaction,
        altered=(
            ("coin_server", "message/unknown-sender"),
            ("deposit", code("deposit-of-another")),
            ("nonce", code("deposit-of-another")),
            ("*", ACCEPTED),
        ),
        elsewhere=elsewhere,
    )


def _of_seller(ready: Ready, message: words.Deposit) -> Sample:
    return ready.sample(message, ready.seller, ready.bank)


async def deposited(ready: Ready) -> Sample:
    """Again, to who has its receipt: whatever else it says changes nothing."""
    (done,) = ready.merchants_voice.kept("cash_orders", Spending)
    assert done.reference is not None
    return ready.sample(
        words.Deposited(done.reference, None, None, code("order-too-late"), b""),
        ready.banks_voice,
        ready.merchant,
        altered=(("deposit", UnknownDeposit.code), ("*", ACCEPTED)),
    )
