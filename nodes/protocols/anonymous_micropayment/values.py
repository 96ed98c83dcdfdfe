"""What the messages are made of. Names stand for the paper's symbols.

PID       Pseudonym      16 random bytes
S_N       OrderNumber    1, 2, 3, ... under one pseudonym
Vend_ID   VendorName     what a vendor is registered by at the broker
C_order   Order          B_respond   Response
"""

import enum
from typing import Annotated

import msgspec

from crypto.documents import Document, document
from crypto.hashing import Digest
from nodes.protocols.message import Milliseconds, Name, PartyId, ShortText

NONCE_BYTES = 16
PSEUDONYM_BYTES = 16
SECRET_BYTES = 32
MAX_GOODS_BYTES = 256 * 1024
MAX_CATALOGUE = 64

Secret = Annotated[bytes, msgspec.Meta(min_length=SECRET_BYTES, max_length=SECRET_BYTES)]
"""A key of two parties: BCA_key, BCus_key or BVend_key."""
Tag = Digest
"""A keyed hash."""
Pseudonym = Annotated[bytes, msgspec.Meta(min_length=PSEUDONYM_BYTES, max_length=PSEUDONYM_BYTES)]
Nonce = Annotated[bytes, msgspec.Meta(min_length=NONCE_BYTES, max_length=NONCE_BYTES)]
OrderNumber = Annotated[int, msgspec.Meta(ge=1, le=2**53)]
Alias = Digest
VendorName = Name
GoodsName = Name
GoodsBytes = Annotated[bytes, msgspec.Meta(max_length=MAX_GOODS_BYTES)]
Price = Annotated[int, msgspec.Meta(ge=1, le=2**53)]


class Value(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Base of what travels inside messages."""


class PseudonymCertificate(Value, frozen=True):
    """h(PID || BCA_key): only the authority and the broker can make it. Ours has an expiry."""

    pseudonym: Pseudonym
    expires: Milliseconds
    tag: Tag


class Order(Value, frozen=True):
    """C_order: amount, PID, Vend_ID, S_N and the keyed hash of all."""

    amount: Price
    vendor: VendorName
    pseudonym: Pseudonym | None
    number: OrderNumber | None
    alias: Alias | None
    """In place of both, where orders are not to be linked (PID-A9)."""
    goods: Digest | None
    """H(goods): what was ordered."""
    tag: Tag


class Decision(enum.StrEnum):
    ACCEPT = "accept"
    REJECT = "reject"


class Reason(enum.StrEnum):
    """Why an order made with the right key is rejected."""

    BALANCE_TOO_SMALL = "balance-too-small"
    NUMBER_USED = "number-used"
    """By another order, or voided."""
    NUMBER_TOO_OLD = "number-too-old"
    PSEUDONYM_EXPIRED = "pseudonym-expired"


class Response(Value, frozen=True):
    """B_respond, under BCus_key: no vendor can turn an accept into a reject."""

    decision: Decision
    reason: Reason | None
    tag: Tag


class Standing(enum.StrEnum):
    """How an order number stands at the broker."""

    NOTHING = "nothing"
    """No order under this number has come in."""
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    VOIDED = "voided"
    """The customer took the number out of use."""
    GIVEN_BACK = "given-back"
    """Accepted, then given back by the vendor."""
    HANDED_ON = "handed-on"
    """Accepted, then handed on by the vendor to another account."""


class Goods(Value, frozen=True):
    """One line of a catalogue."""

    name: GoodsName
    price: Price
    digest: Digest
    size: Annotated[int, msgspec.Meta(ge=0, le=MAX_GOODS_BYTES)]


@document("anonymous_micropayment/catalogue/1", signers=("vendor",))
class Catalogue(Document, frozen=True):
    """What a vendor sells, and at which broker it is paid. Fetched once, then orders are made."""

    vendor: PartyId
    vendor_name: VendorName
    broker: PartyId
    goods: Annotated[tuple[Goods, ...], msgspec.Meta(max_length=MAX_CATALOGUE)]
    signed_at: Milliseconds


@document("anonymous_micropayment/brokers-word/1", signers=("broker",))
class BrokersWord(Document, frozen=True):
    """For a judge: how an order stands at the broker, and whom it credited. Nobody else signs."""

    broker: PartyId
    order: Order
    standing: Standing
    account: PartyId | None


@document("anonymous_micropayment/complaint/1", signers=("vendor",))
class Complaint(Document, frozen=True):
    """A vendor states what was unlawful about an order; the evidence a name is told on."""

    vendor: PartyId
    vendor_name: VendorName
    broker: PartyId
    order: Order
    text: ShortText
