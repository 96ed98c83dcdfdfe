"""The mends of this protocol, each a rule that can be switched off to show what it prevents.

Where a mend changes what is made, one function follows one of two strategies: `tag_of` (PID-A3),
`order.order_key` (PID-A1), `deposit.agree` (PID-A2), `deposit.make_deposit` (PID-A11, PID-A12) and
`settlement.credited_to` (PID-A5). PID-A4, A7, A13 and A14 are refused by the printed rules
themselves and have no guard; PID-A9 is a mode of each pseudonym; non-delivery (PID-A8) and a broker
that forges orders (PID-A10) stay open.
"""

from crypto.hashing import Digest
from nodes.protocols.anonymous_micropayment.messages import (
    ClaimOrder,
    ConfirmedContents,
    Deposit,
    DepositContents,
    OrderAnswered,
    PseudonymGiven,
)
from nodes.protocols.anonymous_micropayment.refusals import (
    AnswerNotTheBrokers,
    AuthorityKeyShown,
    ConfirmationNotTheBrokers,
    DepositNotSealed,
    GoodsNotAsOrdered,
    NotThePseudonymsOwner,
    NotTheVendor,
    OrderNotAuthentic,
    SecretIsTheCertificate,
)
from nodes.protocols.anonymous_micropayment.tags import (
    Statement,
    all_of_order,
    framed_tag,
    is_framed_tag,
    is_printed_tag,
    printed_tag,
)
from nodes.protocols.anonymous_micropayment.values import (
    Order,
    PseudonymCertificate,
    Response,
    Secret,
    Tag,
)
from nodes.protocols.guard import Guards, guard

# Every keyed hash of the paper


@guard("fields-are-framed", mends=("PID-A3",), refuses=OrderNotAuthentic)
def fields_are_framed(tag: Tag, key: Secret, statement: Statement) -> bool:
    """A keyed hash covers each field behind its length, so no field runs into the next."""
    return is_framed_tag(tag, key, statement.label, *statement.said)


def tag_of(key: Secret, statement: Statement, guards: Guards) -> Tag:
    """The keyed hash of this world: mended, or as printed."""
    if guards.is_on(fields_are_framed):
        return framed_tag(key, statement.label, *statement.said)
    return printed_tag(key, *statement.printed)


def is_tagged(tag: Tag, key: Secret, statement: Statement, guards: Guards) -> bool:
    if guards.is_on(fields_are_framed):
        return fields_are_framed.holds(tag, key, statement)
    return is_printed_tag(tag, key, *statement.printed)


# Steps 1, 2


@guard("authority-key-stays-secret", mends=("PID-A1",), refuses=AuthorityKeyShown)
def authority_key_stays_secret(given: PseudonymGiven) -> bool:
    """No customer gets the key of authority and broker: orders are made with its own (PID-R1)."""
    return given.shared_key is None


# Steps 3, 4


@guard("deposit-is-sealed", mends=("PID-A11", "PID-A12"), refuses=DepositNotSealed)
def deposit_is_sealed(deposit: Deposit) -> bool:
    """Only the broker reads a deposit: nobody else sees certificate, money or reply key."""
    return deposit.box is not None


@guard("rekey-needs-the-old-key", mends=("PID-A12",), refuses=NotThePseudonymsOwner)
def rekey_needs_the_old_key(contents: DepositContents, present: Secret) -> bool:
    """A pseudonym's key is replaced only for who has the present one."""
    proof = contents.proof
    return proof is not None and is_framed_tag(proof, present, "rekey", *rekey_fields(contents))


def rekey_fields(contents: DepositContents) -> tuple[bytes, ...]:
    return contents.certificate.pseudonym, contents.nonce, contents.reply_key


@guard("key-comes-from-the-broker", mends=("PID-A11",), refuses=ConfirmationNotTheBrokers)
def key_comes_from_the_broker(
    confirmed: ConfirmedContents, certificate: PseudonymCertificate, reply_key: bytes
) -> bool:
    """The customer's key comes from who can recompute the pseudonym's certificate."""
    fields = confirmation_fields(confirmed, reply_key)
    return confirmed.tag is not None and is_framed_tag(
        confirmed.tag, certificate.tag, "confirmation", *fields
    )


def confirmation_fields(confirmed: ConfirmedContents, reply_key: bytes) -> tuple[bytes | int, ...]:
    return confirmed.nonce, confirmed.amount, confirmed.balance, confirmed.secret, reply_key


@guard("orders-are-beyond-the-authority", mends=("PID-A2",), refuses=SecretIsTheCertificate)
def orders_are_beyond_the_authority(secret: Secret, certificate: PseudonymCertificate) -> bool:
    """Orders are made with a key of broker and customer, which the authority cannot compute."""
    return secret != certificate.tag


# Steps 5-8


@guard("order-names-the-goods", mends=("PID-A8",), refuses=GoodsNotAsOrdered)
def order_names_the_goods(order: Order, goods: Digest) -> bool:
    """An order fixes what was ordered, so other goods are seen to be others."""
    return order.goods == goods


@guard("vendor-is-authenticated", mends=("PID-A5",), refuses=NotTheVendor)
def vendor_is_authenticated(claim: ClaimOrder, key: Secret) -> bool:
    """An order is claimed by the vendor it names; the account is the one that is registered."""
    fields = all_of_order(claim.order)
    return claim.tag is not None and is_framed_tag(claim.tag, key, "claim", *fields)


@guard("answer-is-the-brokers", mends=("PID-A6",), refuses=AnswerNotTheBrokers)
def answer_is_the_brokers(answered: OrderAnswered, order: Order, key: Secret) -> bool:
    """The vendor gives goods only on an accept that it can check itself."""
    fields = answer_fields(order, answered.response)
    return answered.tag is not None and is_framed_tag(answered.tag, key, "answer", *fields)


def answer_fields(order: Order, response: Response) -> tuple[int | str | bytes | None, ...]:
    reason = None if response.reason is None else response.reason.value
    return response.decision.value, reason, response.tag, *all_of_order(order)
