"""Q1, Q2, R1: what a customer asks of the broker itself. The paper has none of these.

    Q1   how does my order stand? A vendor cannot hide an accept by silence (PID-A7)
    Q2   take the number out of use, if its order has not come: then nothing was debited, for good
    R1   give unspent money back, as vouchers (PID-R9)

Each question and each answer is under BCus_key; a question's time makes its answer a new one.
"""

import msgspec

from crypto import codec
from crypto.hashing import Digest, digest
from nodes.protocols.anonymous_micropayment.messages import (
    AskOrder,
    Blinded,
    OrderStanding,
    PrepaidRefunded,
    RefundPrepaid,
    VoidOrder,
    VoidStanding,
)
from nodes.protocols.anonymous_micropayment.numbers import Fresh
from nodes.protocols.anonymous_micropayment.order import check_response
from nodes.protocols.anonymous_micropayment.refusals import (
    NoSuchPseudonym,
    NumberTooFarAhead,
    PrepaidTooSmall,
    QuestionNotAuthentic,
    RefundDiffers,
    StandingNotTheBrokers,
)
from nodes.protocols.anonymous_micropayment.state import (
    Prepaid,
    Purchase,
    PurchaseState,
    Refunded,
    Settled,
    Wallet,
)
from nodes.protocols.anonymous_micropayment.tags import Field, framed_tag, is_framed_tag
from nodes.protocols.anonymous_micropayment.values import (
    Decision,
    Nonce,
    Response,
    Secret,
    Standing,
    Tag,
)
from nodes.protocols.anonymous_micropayment.voucher import total
from nodes.protocols.guard import Guards
from nodes.protocols.message import Milliseconds

Question = AskOrder | VoidOrder
Answer = OrderStanding | VoidStanding


# Customer


def ask(purchase: Purchase, secret: Secret, now: Milliseconds) -> AskOrder:
    """Q1."""
    asked = AskOrder(purchase.pseudonym, purchase.number, now, bytes(32))
    return msgspec.structs.replace(asked, tag=_question_tag(asked, secret))


def void(purchase: Purchase, secret: Secret, now: Milliseconds) -> VoidOrder:
    """Q2."""
    asked = VoidOrder(purchase.pseudonym, purchase.number, now, bytes(32))
    return msgspec.structs.replace(asked, tag=_question_tag(asked, secret))


def take_standing(
    purchase: Purchase, question: Question, answer: Answer, secret: Secret, guards: Guards
) -> Purchase:
    """Q1r, Q2r, customer: the broker's word on a doubted or owed order.

    `secret` is the key the question was asked with. The order may lie with a vendor that claims it
    later, so "nothing" changes nothing; Q2 then makes it certain. Raises StandingNotTheBrokers.
    """
    if not is_framed_tag(answer.tag, secret, "standing", *_standing_fields(question, answer)):
        raise StandingNotTheBrokers()
    paid = answer.standing in (Standing.ACCEPTED, Standing.HANDED_ON)
    if paid and not _is_accept(answer.response, purchase, guards):
        raise StandingNotTheBrokers()
    to = _STATES.get(answer.standing, purchase.state)
    if to is purchase.state:
        return purchase
    return purchase.moved(to, response=answer.response)


_STATES = {
    Standing.ACCEPTED: PurchaseState.OWED,
    Standing.HANDED_ON: PurchaseState.OWED,
    Standing.REJECTED: PurchaseState.REJECTED,
    Standing.VOIDED: PurchaseState.VOIDED,
    Standing.GIVEN_BACK: PurchaseState.GIVEN_BACK,
}


def _is_accept(response: Response | None, purchase: Purchase, guards: Guards) -> bool:
    if response is None or response.decision is not Decision.ACCEPT:
        return False
    check_response(response, purchase.order, purchase.secret, guards)
    return True


# Broker


def check_question(question: Question, prepaid: Prepaid | None) -> Prepaid:
    """Raises NoSuchPseudonym or QuestionNotAuthentic."""
    if prepaid is None:
        raise NoSuchPseudonym()
    fields = _question_fields(question)
    if not is_framed_tag(question.tag, prepaid.secret, _label(question), *fields):
        raise QuestionNotAuthentic()
    return prepaid


def take_out_of_use(
    question: VoidOrder, prepaid: Prepaid, before: Settled | None, now: Milliseconds
) -> tuple[Prepaid, Settled]:
    """Q2, broker: the decision there is, or that the number is void.

    A number whose window is past is as good as void. Raises NumberTooFarAhead.
    """
    if before is not None:
        return prepaid, before
    told = prepaid.window.tell(question.number)
    if told is Fresh.TOO_FAR_AHEAD:
        raise NumberTooFarAhead()
    if told is Fresh.FRESH:
        window = prepaid.window.use(question.number)
        prepaid = msgspec.structs.replace(prepaid, window=window)
    return prepaid, Settled(
        state=Standing.VOIDED,
        pseudonym=prepaid.pseudonym,
        number=question.number,
        order=None,
        response=None,
        account=None,
        settled_at=now,
    )


def standing(question: AskOrder, settled: Settled | None, secret: Secret) -> OrderStanding:
    """Q1r, broker."""
    state = settled.state if settled else Standing.NOTHING
    answer = OrderStanding(state, settled.response if settled else None, bytes(32))
    return msgspec.structs.replace(answer, tag=_standing_tag(question, answer, secret))


def void_standing(question: VoidOrder, settled: Settled, secret: Secret) -> VoidStanding:
    """Q2r, broker."""
    answer = VoidStanding(settled.state, settled.response, bytes(32))
    return msgspec.structs.replace(answer, tag=_standing_tag(question, answer, secret))


# R1, R2


def ask_refund(
    wallet: Wallet, secret: Secret, nonce: Nonce, blinded: tuple[Blinded, ...]
) -> RefundPrepaid:
    """R1, customer: to be on disk before it is sent."""
    asked = RefundPrepaid(wallet.pseudonym, nonce, blinded, bytes(32))
    tag = framed_tag(secret, "refund", *_refund_fields(asked))
    return msgspec.structs.replace(asked, tag=tag)


def refund(
    asked: RefundPrepaid, prepaid: Prepaid | None, before: Refunded | None
) -> tuple[Prepaid, Digest] | None:
    """R1, broker: the pseudonym debited, and what the refund is known by; None for a repeat.

    An expired pseudonym too gets its money. Raises NoSuchPseudonym, QuestionNotAuthentic,
    RefundDiffers or PrepaidTooSmall.
    """
    if prepaid is None:
        raise NoSuchPseudonym()
    contents = digest("anonymous_micropayment/refund", codec.encode(asked.blinded))
    if not is_framed_tag(asked.tag, prepaid.secret, "refund", *_refund_fields(asked)):
        raise QuestionNotAuthentic()
    if before is not None:
        if before.contents != contents:
            raise RefundDiffers()
        return None
    amount = total(asked.blinded)
    if prepaid.balance < amount:
        raise PrepaidTooSmall(f"{prepaid.balance} there, {amount} wanted")
    return msgspec.structs.replace(prepaid, balance=prepaid.balance - amount), contents


def refunded(
    asked: RefundPrepaid, signatures: tuple[bytes, ...], secret: Secret
) -> PrepaidRefunded:
    """R2, broker."""
    return PrepaidRefunded(signatures, framed_tag(secret, "refunded", asked.nonce, *signatures))


def check_refunded(asked: RefundPrepaid, answer: PrepaidRefunded, secret: Secret) -> None:
    """R2, customer, before the vouchers are unblinded. Raises StandingNotTheBrokers."""
    fields = (asked.nonce, *answer.signatures)
    if not is_framed_tag(answer.tag, secret, "refunded", *fields):
        raise StandingNotTheBrokers()


# What the tags cover


def _label(question: Question) -> str:
    return "question" if isinstance(question, AskOrder) else "void"


def _question_fields(question: Question) -> tuple[Field, ...]:
    return question.pseudonym, question.number, question.asked_at


def _question_tag(question: Question, secret: Secret) -> Tag:
    return framed_tag(secret, _label(question), *_question_fields(question))


def _standing_fields(question: Question, answer: Answer) -> tuple[Field, ...]:
    response = codec.encode(answer.response)
    return _label(question), *_question_fields(question), answer.standing.value, response


def _standing_tag(question: Question, answer: Answer, secret: Secret) -> Tag:
    return framed_tag(secret, "standing", *_standing_fields(question, answer))


def _refund_fields(asked: RefundPrepaid) -> tuple[Field, ...]:
    return asked.pseudonym, asked.nonce, codec.encode(asked.blinded)
