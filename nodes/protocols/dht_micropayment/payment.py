"""Steps Q1, P1-P3, B1: n coins for one order, all of them or none.

The paper pays one coin; here up to 64 travel in one message. The payee signs beforehand until
when it decides and what it then gives back. It delivers only when all n are certified; otherwise
it cancels, once and durably, and pays back every coin that is certified, then or later.

A payee that keeps seven of ten is proven by its quote and the certificates, not prevented.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass, replace

from crypto.documents import Signed, open_document, sign_document
from crypto.hashing import Digest
from crypto.signing import SigningKey
from nodes.protocols.dht_micropayment import guards as rules
from nodes.protocols.dht_micropayment.coin import Trust
from nodes.protocols.dht_micropayment.messages import (
    AskQuote,
    CancelReason,
    GiveBack,
    Outcome,
    Payment,
    Promise,
    Quote,
    Receipt,
    Taken,
)
from nodes.protocols.dht_micropayment.moves import Kept, Moves, moved
from nodes.protocols.dht_micropayment.refusals import (
    NoSuchQuote,
    NotYoursToGiveBack,
    PaidByAnother,
    QuoteHasEnded,
    QuoteIsNotYours,
    WrongNumberOfCoins,
    WrongReceipt,
)
from nodes.protocols.dht_micropayment.step import Step
from nodes.protocols.dht_micropayment.transfer import (
    Order,
    Receiver,
    Transfer,
    chains_of,
    check_transfers,
    terms_of,
)
from nodes.protocols.guard import Guards
from nodes.protocols.message import Milliseconds, PartyId, TransactionId


class PayerState(enum.StrEnum):
    """A payment as its payer sees it."""

    ASKED = "asked"
    PAYING = "paying"
    """The coins are committed to it: it can only be completed."""
    CERTIFIED = "certified"
    """All coins are the payee's, but no receipt has come: the certificates prove the payment."""
    PAID = "paid"
    CANCELLED = "cancelled"
    """The payee gives back what is certified."""
    REFUSED = "refused"
    """The payee would not take it."""


PAYER_MOVES: Moves[PayerState] = {
    PayerState.ASKED: frozenset({PayerState.PAYING, PayerState.REFUSED}),
    PayerState.PAYING: frozenset(
        {PayerState.CERTIFIED, PayerState.PAID, PayerState.CANCELLED, PayerState.REFUSED}
    ),
    PayerState.CERTIFIED: frozenset({PayerState.PAID, PayerState.CANCELLED, PayerState.REFUSED}),
    PayerState.PAID: frozenset(),
    PayerState.CANCELLED: frozenset(),
    PayerState.REFUSED: frozenset(),
}


class PayeeState(enum.StrEnum):
    """A payment as its payee sees it."""

    QUOTED = "quoted"
    PENDING = "pending"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"


PAYEE_MOVES: Moves[PayeeState] = {
    PayeeState.QUOTED: frozenset({PayeeState.PENDING, PayeeState.CANCELLED}),
    PayeeState.PENDING: frozenset({PayeeState.DELIVERED, PayeeState.CANCELLED}),
    PayeeState.DELIVERED: frozenset(),
    PayeeState.CANCELLED: frozenset(),
}


class Outgoing(Kept, frozen=True):
    """A payment at its payer."""

    state: PayerState
    transaction: TransactionId
    payee: PartyId
    order: Order
    count: int
    quote: Signed[Quote] | None = None
    coins: tuple[bytes, ...] = ()
    """Keys of the holdings committed to it, in the order of the transfers."""
    receipt: Signed[Receipt] | None = None
    reason: str = ""

    def moved(self, to: PayerState, **changes: object) -> "Outgoing":
        return moved(self, PAYER_MOVES, to, **changes)


class Incoming(Kept, frozen=True):
    """A payment at its payee."""

    state: PayeeState
    transaction: TransactionId
    quote: Signed[Quote]
    terms: Digest | None = None
    chains: tuple[Digest, ...] = ()
    coins: tuple[bytes, ...] = ()
    """Keys of the holdings it brought, in the order of the transfers."""
    reason: CancelReason | None = None

    @property
    def quoted(self) -> Quote:
        return open_document(Quote, self.quote)

    def moved(self, to: PayeeState, **changes: object) -> "Incoming":
        return moved(self, PAYEE_MOVES, to, **changes)


# Q1, payer and payee


def ask(order: bytes, count: int) -> AskQuote:
    return AskQuote(order, count)


def give_quote(
    asked: AskQuote,
    payer: PartyId,
    transaction: TransactionId,
    deadline: Milliseconds,
    key: SigningKey,
) -> Incoming:
    """Q1, payee: the promise, signed; saved before it is given."""
    quote = Quote(
        payee=key.public_key,
        payer=payer,
        order=asked.order,
        count=asked.count,
        deadline=deadline,
        gives_back=Promise.EVERY_CERTIFIED_COIN,
    )
    return Incoming(PayeeState.QUOTED, transaction, sign_document(quote, key))


def check_quote(
    signed: Signed[Quote], asked: AskQuote, me: PartyId, payee: PartyId, now: Milliseconds
) -> Quote:
    """Q1r, payer. Raises QuoteIsNotYours, WrongNumberOfCoins or QuoteHasEnded."""
    quote = _read_quote(signed)
    if (quote.payee, quote.payer, quote.order) != (payee, me, asked.order):
        raise QuoteIsNotYours()
    if quote.count != asked.count:
        raise WrongNumberOfCoins(f"{quote.count} quoted, {asked.count} asked")
    if quote.deadline <= now:
        raise QuoteHasEnded()
    return quote


def _read_quote(signed: Signed[Quote]) -> Quote:
    try:
        return open_document(Quote, signed)
    except ValueError as error:
        raise QuoteIsNotYours(str(error)) from error


# P1, payee


def check_payment(
    payment: Payment, known: Incoming | None, payer: PartyId, receiver: Receiver, trust: Trust
) -> tuple[Step, ...]:
    """P1: what was quoted, for whom it was quoted, every coin good to take. Nothing certified yet.

    Raises NoSuchQuote, QuoteIsNotYours, QuoteHasEnded, WrongNumberOfCoins, PaidByAnother (anyone
    can read a transfer in its register) or what `check_transfers` raises.
    """
    if known is None:
        raise NoSuchQuote()
    quote = known.quoted
    if quote.payer != payer or payment.quote != known.quote:
        raise QuoteIsNotYours()
    if known.state is not PayeeState.QUOTED and chains_of(payment.transfers) != known.chains:
        raise QuoteHasEnded("another payment was taken for it")
    if len(payment.transfers) != quote.count:
        raise WrongNumberOfCoins(f"{quote.count} quoted, {len(payment.transfers)} came")
    late = receiver.now > quote.deadline  # then it will be given back
    receiver = replace(receiver, lenient=late, pays_on=True)
    steps = check_transfers(payment.transfers, quote.order, receiver, trust, kind="pay")
    if any(step.body.payer != payer for step in steps):
        raise PaidByAnother()
    return steps


def take_in(
    known: Incoming, transfers: Sequence[Transfer], coins: tuple[bytes, ...], now: Milliseconds
) -> Incoming:
    """P1: kept before it is answered. One that comes too late is taken in to be given back."""
    chains = chains_of(transfers)
    terms = terms_of(known.quoted.order, chains)
    if now > known.quoted.deadline:
        return known.moved(
            PayeeState.CANCELLED,
            terms=terms,
            chains=chains,
            coins=coins,
            reason=CancelReason.DEADLINE,
        )
    return known.moved(PayeeState.PENDING, terms=terms, chains=chains, coins=coins)


@dataclass(frozen=True)
class Progress:
    """How far the coins of a payment are."""

    certified: bool
    """All of them."""
    found_absent: bool
    """At the first look-up no register showed another record."""
    conflict: bool
    """Some register holds another record."""


def is_good(progress: Progress, guards: Guards) -> bool:
    """When goods may leave: all certified, or (printed) all found absent when looked up."""
    if guards.is_on(rules.payment_is_certified):
        return rules.payment_is_certified.holds(progress.certified)
    return progress.found_absent


def decide(payment: Incoming, progress: Progress, now: Milliseconds, guards: Guards) -> Incoming:
    """P3: the payee's one durable choice; the same record while there is nothing to choose yet."""
    if payment.state is not PayeeState.PENDING:
        return payment
    if progress.conflict:
        return payment.moved(PayeeState.CANCELLED, reason=CancelReason.CONFLICT)
    if is_good(progress, guards):
        return payment.moved(PayeeState.DELIVERED)
    if now > payment.quoted.deadline:
        return payment.moved(PayeeState.CANCELLED, reason=CancelReason.DEADLINE)
    return payment


def expire_quote(payment: Incoming, now: Milliseconds) -> Incoming:
    """A quote nobody paid for."""
    if payment.state is PayeeState.QUOTED and now > payment.quoted.deadline:
        return payment.moved(PayeeState.CANCELLED, reason=CancelReason.DEADLINE)
    return payment


def report(payment: Incoming, key: SigningKey) -> Taken:
    """P1r: how it stands; a delivered payment with its receipt."""
    if payment.state is PayeeState.DELIVERED:
        return Taken(Outcome.DELIVERED, sign_document(_receipt(payment), key), None)
    if payment.state is PayeeState.CANCELLED:
        return Taken(Outcome.CANCELLED, None, payment.reason)
    return Taken(Outcome.PENDING, None, None)


def _receipt(payment: Incoming) -> Receipt:
    quote = payment.quoted
    assert payment.terms is not None, "a delivered payment has been taken in"
    return Receipt(
        payee=quote.payee,
        payer=quote.payer,
        order=quote.order,
        count=quote.count,
        terms=payment.terms,
    )


# P1r, payer


def take_answer(payment: Outgoing, answer: Taken, me: PartyId, terms: Digest) -> Outgoing:
    """P1r, payer: the same record while the payment is pending. Raises WrongReceipt."""
    if answer.outcome is Outcome.PENDING:
        return payment
    if answer.outcome is Outcome.CANCELLED:
        reason = answer.reason.value if answer.reason else ""
        return payment.moved(PayerState.CANCELLED, reason=reason)
    if answer.receipt is None:
        raise WrongReceipt("none came")
    check_receipt(answer.receipt, payment, me, terms)
    return payment.moved(PayerState.PAID, receipt=answer.receipt)


def check_receipt(signed: Signed[Receipt], payment: Outgoing, me: PartyId, terms: Digest) -> None:
    """Raise WrongReceipt unless the payee signed for this very payment."""
    try:
        receipt = open_document(Receipt, signed)
    except ValueError as error:
        raise WrongReceipt(str(error)) from error
    wanted = Receipt(payment.payee, me, payment.order, payment.count, terms)
    if receipt != wanted:
        raise WrongReceipt()


# B1, payer of the cancelled payment


def check_given_back(
    message: GiveBack, sender: PartyId, receiver: Receiver, trust: Trust
) -> tuple[Step, ...]:
    """B1: coins that `receiver` paid to `sender` in their last step, on their way back.

    Anything else would be taken out of the payment it belongs to. Raises NotYoursToGiveBack or
    what `check_transfers` raises.
    """
    steps = check_transfers(message.transfers, message.order, receiver, trust, kind="pay")
    for step in steps:
        paid_by = step.previous.payer if step.previous else None
        if (step.body.payer, paid_by) != (sender, receiver.me):
            raise NotYoursToGiveBack()
    return steps
