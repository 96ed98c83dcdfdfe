"""Every message in step order. What the paper does not have bears a letter instead of a number.

From step 3 on, and in everything a customer says to a vendor or to the broker, envelopes are
anonymous: neither side signs, and a keyed hash in the body proves what must be proven. So nobody
learns who asks, and a purchase (5-8) takes no operation with a public key.
"""

from typing import Annotated

import msgspec

from crypto.documents import Document, Signed, document
from nodes.protocols.anonymous_micropayment.values import (
    Catalogue,
    Complaint,
    GoodsBytes,
    GoodsName,
    Nonce,
    Order,
    OrderNumber,
    Price,
    Pseudonym,
    PseudonymCertificate,
    Response,
    Secret,
    Standing,
    Tag,
    Value,
    VendorName,
)
from nodes.protocols.message import (
    Amount,
    Message,
    Milliseconds,
    Name,
    PartyId,
    Role,
    answer,
    message,
)

MAX_VOUCHERS = 64
MAX_BOX_BYTES = 128 * 1024
VENDORS = (Role.PEER, Role.ESCROW_SERVER)
CUSTOMERS = Role.PEER

SealingPublicKey = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
Modulus = Annotated[bytes, msgspec.Meta(min_length=256, max_length=512)]
BlindValue = Annotated[bytes, msgspec.Meta(min_length=256, max_length=512)]
Box = Annotated[bytes, msgspec.Meta(max_length=MAX_BOX_BYTES)]
"""Sealed (HPKE) inside the body: the answer to it is sealed to a key that lies in it."""


# K1, K2: BCA_key, once


@message("K1", sender=Role.BROKER, receiver=Role.CERTIFICATE_AUTHORITY, sealed=True)
class AskSharedKey(Message, frozen=True):
    """The broker wants the key by which it will know the authority's pseudonyms."""


@answer("K2", to=AskSharedKey, sealed=True)
class SharedKeyGiven(Message, frozen=True):
    """The authority and this broker share BCA_key; asked again, it is the same."""

    key: Secret


# 1, 2: a pseudonym, once


@message("1", sender=CUSTOMERS, receiver=Role.CERTIFICATE_AUTHORITY, sealed=True)
class RequestPseudonym(Message, frozen=True):
    """A customer shows who it is (the envelope's signature) and wants a PID."""

    broker: PartyId


@answer("2", to=RequestPseudonym, sealed=True)
class PseudonymGiven(Message, frozen=True):
    """The PID and its certificate, h(PID || BCA_key)."""

    certificate: PseudonymCertificate
    shared_key: Secret | None
    """BCA_key itself: only in a world that follows the printed step 5 (PID-A1)."""


# V1-V6: vouchers, what is deposited with


class VoucherKey(Value, frozen=True):
    """The broker's key for vouchers of one amount."""

    amount: Price
    modulus: Modulus


@document("anonymous_micropayment/voucher-keys/1", signers=("broker",))
class VoucherKeys(Document, frozen=True):
    """The same list for everybody, or a key would say whose voucher it signed."""

    broker: PartyId
    keys: Annotated[tuple[VoucherKey, ...], msgspec.Meta(min_length=1, max_length=16)]


class Blinded(Value, frozen=True):
    """A voucher to be, as the broker may see it."""

    amount: Price
    value: BlindValue


class Voucher(Value, frozen=True):
    """The broker owes `amount` to whoever shows this first."""

    amount: Price
    serial: Secret
    signature: BlindValue


BlindedVouchers = Annotated[
    tuple[Blinded, ...], msgspec.Meta(min_length=1, max_length=MAX_VOUCHERS)
]
BlindSignatures = Annotated[
    tuple[BlindValue, ...], msgspec.Meta(min_length=1, max_length=MAX_VOUCHERS)
]
Vouchers = Annotated[tuple[Voucher, ...], msgspec.Meta(min_length=1, max_length=MAX_VOUCHERS)]


@message("V1", sender=CUSTOMERS, receiver=Role.BROKER, anonymous=True)
class AskVoucherKeys(Message, frozen=True):
    """Somebody wants to see the keys. Nobody says who, so nobody can be shown keys of his own."""


@answer("V2", to=AskVoucherKeys, anonymous=True)
class VoucherKeysGiven(Message, frozen=True):
    """The list, signed."""

    keys: Signed[VoucherKeys]


@message("V3", sender=CUSTOMERS, receiver=Role.BROKER)
class BuyVouchers(Message, frozen=True):
    """A peer buys vouchers from its account."""

    blinded: BlindedVouchers


@answer("V4", to=BuyVouchers)
class VouchersSigned(Message, frozen=True):
    """The account is debited, the vouchers are signed blindly, in the order asked for."""

    signatures: BlindSignatures


@message("V5", sender=CUSTOMERS, receiver=Role.BROKER)
class CashVouchers(Message, frozen=True):
    """A peer turns vouchers into money in its account."""

    vouchers: Vouchers


@answer("V6", to=CashVouchers)
class VouchersCashed(Message, frozen=True):
    """The account is credited."""

    amount: Amount


# 3, 4: prepayment


class Funds(Value, frozen=True):
    """What is paid in, opaque to the deposit; its instrument reads it."""

    instrument: Name
    payment: Annotated[bytes, msgspec.Meta(max_length=MAX_BOX_BYTES)]


class DepositContents(Value, frozen=True):
    """What the broker reads of a deposit."""

    certificate: PseudonymCertificate
    funds: Funds
    reply_key: SealingPublicKey
    """Fresh (epk): a certified key in its place would say who this is (PID-R2)."""
    nonce: Nonce
    hides: bool
    """Orders bear an alias in place of PID and S_N (PID-A9)."""
    proof: Tag | None
    """Under the pseudonym's present BCus_key, if it has one (PID-A12)."""


@message("3", sender=CUSTOMERS, receiver=Role.BROKER, anonymous=True)
class Deposit(Message, frozen=True):
    """Money under a pseudonym."""

    box: Box | None
    """The contents, sealed to the broker."""
    contents: DepositContents | None
    """As printed: for everyone to read (PID-A11, PID-A12)."""


class ConfirmedContents(Value, frozen=True):
    """What the customer reads of a confirmation."""

    nonce: Nonce
    amount: Amount
    balance: Amount
    secret: Secret
    """BCus_key."""
    tag: Tag | None
    """Under the pseudonym's certificate (PID-A11)."""


@answer("4", to=Deposit, anonymous=True)
class DepositConfirmed(Message, frozen=True):
    """E_c(amount || BCus_key), sealed to the deposit's reply key."""

    box: Box


# S1, S2, G1, G2: vendors and their goods


@message("S1", sender=VENDORS, receiver=Role.BROKER, sealed=True)
class RegisterVendor(Message, frozen=True):
    """A party wants to be paid under a name."""

    vendor: VendorName


@answer("S2", to=RegisterVendor, sealed=True)
class VendorRegistered(Message, frozen=True):
    """The broker binds the name to the party's account and agrees BVend_key with it."""

    vendor: VendorName
    key: Secret


@message("G1", sender=CUSTOMERS, receiver=VENDORS, anonymous=True)
class AskCatalogue(Message, frozen=True):
    """Somebody looks at what a vendor sells."""


@answer("G2", to=AskCatalogue, anonymous=True)
class CatalogueGiven(Message, frozen=True):
    """What the vendor sells, signed once for everybody."""

    catalogue: Signed[Catalogue]


# 5-8: a purchase


@message("5", sender=CUSTOMERS, receiver=VENDORS, anonymous=True)
class PlaceOrder(Message, frozen=True):
    """The customer sends C_order."""

    order: Order
    goods: GoodsName


@message("6", sender=VENDORS, receiver=Role.BROKER, anonymous=True)
class ClaimOrder(Message, frozen=True):
    """The vendor has C_order checked and wants the amount."""

    order: Order
    account: PartyId | None
    """As printed: where the money goes is what the message says (PID-A5)."""
    tag: Tag | None
    """Under BVend_key, over the whole order."""


@answer("7", to=ClaimOrder, anonymous=True)
class OrderAnswered(Message, frozen=True):
    """B_respond; the amount is transferred if it says accept."""

    response: Response
    tag: Tag | None
    """Under BVend_key: the vendor cannot check the response's own (PID-A6)."""


@answer("8", to=PlaceOrder, anonymous=True)
class GoodsSent(Message, frozen=True):
    """B_respond and, if it says accept, the goods."""

    response: Response
    goods: GoodsBytes | None


# Q1, Q2, R1: the customer asks the broker


@message("Q1", sender=CUSTOMERS, receiver=Role.BROKER, anonymous=True)
class AskOrder(Message, frozen=True):
    """How does the order under this number stand? A vendor's silence hides it no longer."""

    pseudonym: Pseudonym
    number: OrderNumber
    asked_at: Milliseconds
    tag: Tag


@answer("Q1r", to=AskOrder, anonymous=True)
class OrderStanding(Message, frozen=True):
    """What is on the broker's books, with the response once given."""

    standing: Standing
    response: Response | None
    tag: Tag


@message("Q2", sender=CUSTOMERS, receiver=Role.BROKER, anonymous=True)
class VoidOrder(Message, frozen=True):
    """Take the number out of use, unless its order has come in."""

    pseudonym: Pseudonym
    number: OrderNumber
    asked_at: Milliseconds
    tag: Tag


@answer("Q2r", to=VoidOrder, anonymous=True)
class VoidStanding(Message, frozen=True):
    """Voided; or what came of the order before."""

    standing: Standing
    response: Response | None
    tag: Tag


@message("R1", sender=CUSTOMERS, receiver=Role.BROKER, anonymous=True)
class RefundPrepaid(Message, frozen=True):
    """The customer wants unspent money back, as vouchers."""

    pseudonym: Pseudonym
    nonce: Nonce
    blinded: BlindedVouchers
    tag: Tag


@answer("R2", to=RefundPrepaid, anonymous=True)
class PrepaidRefunded(Message, frozen=True):
    """The pseudonym is debited, the vouchers are signed blindly."""

    signatures: BlindSignatures
    tag: Tag


# E1: what becomes of an accepted order (for who holds payments for others)


@message("E1", sender=VENDORS, receiver=Role.BROKER, anonymous=True)
class DisposeOfOrder(Message, frozen=True):
    """The vendor gives an order's amount back to the pseudonym, or hands it on to an account."""

    order: Order
    to: PartyId | None
    """None: back to the customer."""
    tag: Tag


@answer("E2", to=DisposeOfOrder, anonymous=True)
class OrderDisposed(Message, frozen=True):
    """Done, once."""

    standing: Standing
    tag: Tag


# T0, T1: tracing


@message("T0", sender=VENDORS, receiver=Role.BROKER)
class Complain(Message, frozen=True):
    """A vendor states that something about an order was unlawful."""

    complaint: Signed[Complaint]


@message("T1", sender=Role.BROKER, receiver=Role.CERTIFICATE_AUTHORITY, sealed=True)
class RequestIdentity(Message, frozen=True):
    """The broker states whose order a complaint is about, and wants to know who that is."""

    pseudonym: Pseudonym
    complaint: Signed[Complaint] | None
    """The evidence; without it nobody is named."""


@answer("T2", to=RequestIdentity, sealed=True)
class IdentityTold(Message, frozen=True):
    """Who was given the pseudonym."""

    identity: PartyId
