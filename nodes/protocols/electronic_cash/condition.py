"""Steps C1-C4: a pending coin, which a judge's word gives to one of two one-time keys.

With it e-cash serves where an item or a licence changes hands: the market holds no money, the
coin server knows an amount and a transaction but no person, and the judge (a game server, an
arbiter) signs what it signs anyway. Time alone never gives anything back: after `until` anyone
may ask the judge to void the transaction, and the judge says one of two things, once.
"""

import msgspec

from crypto import codec
from crypto.documents import sign_document
from crypto.hashing import digest
from nodes.protocols.electronic_cash import guards as rules
from nodes.protocols.electronic_cash.circulation import (
    CoinServer,
    Mint,
    Presented,
    journal,
    retire,
    seal_change,
    settlement,
)
from nodes.protocols.electronic_cash.documents import (
    ChangeBlock,
    Condition,
    Outcome,
    PendingCoin,
    Verdict,
)
from nodes.protocols.electronic_cash.holding import Spending
from nodes.protocols.electronic_cash.messages import Pend, Pending, Resolve, Resolved
from nodes.protocols.electronic_cash.reading import checked
from nodes.protocols.electronic_cash.refusals import (
    PaymentNotAsOrdered,
    UnknownPending,
    WrongVerdict,
)
from nodes.protocols.electronic_cash.state import Change, Vault, WaitingCoin


def condition_digest(condition: Condition) -> bytes:
    """The reference of an order that pends."""
    return digest("electronic_cash/condition", codec.encode(condition))


def request_pend(spending: Spending) -> Pend:
    """Step C1, holder."""
    return Pend(spending.spend)


def pend(presented: Presented, coin_server: CoinServer, vault: Vault) -> tuple[Change, Pending]:
    """Step C2, coin server: the value is nobody's until the judge speaks."""
    made = presented.order
    condition = made.condition
    if condition is None or not made.amount:
        raise PaymentNotAsOrdered("nothing to wait for")
    reference = condition_digest(condition)
    coin_server.guards.require(rules.payment_is_as_ordered, made, made.amount, reference)
    serials = retire(presented, "pend", coin_server, vault)
    mint = Mint(coin_server, vault)
    coins = tuple(mint.coin(output.key, output.amount) for output in made.outputs)
    receipt = PendingCoin(coin_server.id, presented.request, made.amount, condition)
    block = ChangeBlock(
        coins, settlement(presented, coin_server), sign_document(receipt, coin_server.key)
    )
    change = seal_change(presented, block)
    answer = Pending(presented.request, change)
    entry = journal(presented, answer, change, coin_server, None)
    waiting = (presented.request, WaitingCoin(made.amount, condition))
    return Change(serials, tuple(mint.made), presented.request, entry, waiting), answer


def resolve(
    message: Resolve, waiting: WaitingCoin | None, coin_server: CoinServer, vault: Vault
) -> tuple[Change, Resolved]:
    """Steps C3, C4, coin server: the judge has spoken; a repeat changes nothing.

    Raises UnknownPending, WrongVerdict.
    """
    if waiting is None:
        raise UnknownPending()
    condition = waiting.condition
    verdict = checked(Verdict, message.verdict)
    if (verdict.judge, verdict.transaction) != (condition.judge, condition.transaction):
        raise WrongVerdict()
    key = condition.payee_key if verdict.outcome is Outcome.REGISTERED else condition.refund_key
    if waiting.released_to is not None:
        return Change(), Resolved(waiting.released_to)
    mint = Mint(coin_server, vault)
    mint.coin(key, waiting.amount)
    done = msgspec.structs.replace(waiting, released_to=key)
    return Change(issued=tuple(mint.made), waiting=(message.request, done)), Resolved(key)
