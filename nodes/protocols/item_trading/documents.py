"""What is signed for good: the certificate of an item, and the documents of a trade; and values.

A field is optional (`| None`) where the paper does not have it and a mend adds it; a guard demands
it.
"""

import enum
from typing import Annotated, Literal

import msgspec

from crypto.documents import Document, Signed, document
from crypto.guillou_quisquater import CHALLENGES_BYTES, NONCE_BYTES, ROUNDS
from crypto.hashing import Digest, digest
from crypto.signing import PublicKey
from nodes.protocols.message import Milliseconds, Name, PartyId, TransactionId

SERIAL_BYTES = 16
SESSION_KEY_BYTES = 16
MAX_CIPHERTEXT_BYTES = 16 * 1024
CERTIFICATE = "item_trading/certificate/1"
"""Label of what a game server's RSA key signs."""

Serial = Annotated[bytes, msgspec.Meta(min_length=SERIAL_BYTES, max_length=SERIAL_BYTES)]
"""serial#, fresh for each certificate; before the first one it is the item's name in the world."""
ListingId = TransactionId
ItemInfo = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Price = Annotated[int, msgspec.Meta(ge=1, le=2**40)]
RsaBytes = Annotated[bytes, msgspec.Meta(min_length=256, max_length=512)]
"""A modulus, or a number below one."""
Numbers = Annotated[tuple[RsaBytes, ...], msgspec.Meta(min_length=ROUNDS, max_length=ROUNDS)]
Challenges = Annotated[
    bytes, msgspec.Meta(min_length=CHALLENGES_BYTES, max_length=CHALLENGES_BYTES)
]
Nonce = Annotated[bytes, msgspec.Meta(min_length=NONCE_BYTES, max_length=NONCE_BYTES)]
SessionKey = Annotated[
    bytes, msgspec.Meta(min_length=SESSION_KEY_BYTES, max_length=SESSION_KEY_BYTES)
]
"""K_a, drawn for one trade."""
SealedKey = Annotated[bytes, msgspec.Meta(min_length=1, max_length=256)]
"""A session key, sealed for the buyer whoever carries it."""
Ciphertext = Annotated[bytes, msgspec.Meta(min_length=1, max_length=MAX_CIPHERTEXT_BYTES)]
OneTimeKey = PublicKey
"""Under which a coin will circulate: of one trade or listing, and nobody else's."""
Reference = Digest
"""Digest of a deal: what the game server's word and the buyer's money refer to."""
Model = Literal[1, 2]


class Certificate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Cert = {server_name, server_add, Ca_ID, item_info, issue_date, serial#, expiry_date}."""

    server_name: Name
    server: PartyId
    """server_add: the game server by its certified id."""
    owner: PartyId
    """Ca_ID: the game account is the party."""
    item: ItemInfo
    issued: Milliseconds
    serial: Serial
    expires: Milliseconds
    previous: Serial | None
    """Of the certificate that this one took the place of."""


class ItemCertificate(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """{Cert, H(Cert)SK_S}: whoever has it can prove to have it, and anyone can copy it."""

    content: Annotated[bytes, msgspec.Meta(max_length=1024)]
    signature: RsaBytes


def certificate_digest(content: bytes) -> Digest:
    """H(Cert)."""
    return digest("item_trading/certificate", content)


@document("item_trading/game-key/1", signers=("game_server",))
class GameKey(Document, frozen=True):
    """The RSA key this game server signs certificates with, and nothing else."""

    game_server: PartyId
    server_name: Name
    modulus: RsaBytes


@document("item_trading/sale-authority/1", signers=("seller",))
class SaleAuthority(Document, frozen=True):
    """Model 1: the owner lets one market sell this very item, at this price, until then."""

    seller: PartyId
    market: PartyId
    game_server: PartyId
    serial: Serial
    certificate: Digest
    price: Price
    payee_key: OneTimeKey
    valid_until: Milliseconds
    nonce: TransactionId


@document("item_trading/listing-statement/1", signers=("seller",))
class ListingStatement(Document, frozen=True):
    """Model 2: the owner of an item wants it listed here; ends the proof and binds it."""

    seller: PartyId
    market: PartyId
    listing: ListingId
    serial: Serial
    price: Price
    transcript: Digest


@document("item_trading/purchase-order/1", signers=("buyer",))
class PurchaseOrder(Document, frozen=True):
    """Step 3: the buyer wants what is listed, at its price."""

    buyer: PartyId
    market: PartyId
    trade: TransactionId
    listing: ListingId
    price: Price


@document("item_trading/deal/1", signers=("market", "seller"))
class Deal(Document, frozen=True):
    """The terms of one trade. Signed by the market; the seller's signature makes it TS."""

    model: Model
    trade: TransactionId
    game_server: PartyId
    market: PartyId
    seller: PartyId
    buyer: PartyId
    serial: Serial
    certificate: Digest
    item: ItemInfo
    price: Price
    until: Milliseconds
    """From then on anyone of the trade may have it voided."""


@document("item_trading/receipt/1", signers=("market",))
class Receipt(Document, frozen=True):
    """receipt = {Market_name, Ca_ID, item_info, date}, to the seller (1.2) or the buyer (1.6)."""

    market: PartyId
    market_name: Name
    client: PartyId
    item: ItemInfo
    date: Milliseconds
    listing: ListingId | None
    serial: Serial | None
    certificate: Digest | None
    price: Price | None
    deal: Reference | None
    """Of the buyer's receipt."""


@document("item_trading/reservation/1", signers=("game_server",))
class Reservation(Document, frozen=True):
    """Model 1: the item is there, and kept for this deal."""

    game_server: PartyId
    deal: Reference


@document("item_trading/shipment/1", signers=("seller",))
class Shipment(Document, frozen=True):
    """Model 2: what the seller sent encrypted, and under which key it wants to be paid."""

    seller: PartyId
    deal: Reference
    payee_key: OneTimeKey
    ciphertext: Digest | None


class Goods(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What the buyer registers. Model 1: with the market's receipt; model 2: with TS."""

    certificate: ItemCertificate
    receipt: Signed[Receipt] | None
    authority: Signed[SaleAuthority] | None
    transfer: Signed[Deal] | None


# Values that stand in messages


class ListedItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of the list. It names no seller, no serial# and shows no certificate."""

    listing: ListingId
    model: Model
    game_server: PartyId
    item: ItemInfo
    price: Price


class Complaint(enum.StrEnum):
    """What the buyer, who has paid, found."""

    NO_KEY = "no-key"
    KEY_DOES_NOT_OPEN = "key-does-not-open"


class VoidReason(enum.StrEnum):
    """Why a trade came to nothing."""

    NOT_RESERVED = "not-reserved"
    TIME_OVER = "time-over"
    SELLER_AT_FAULT = "seller-at-fault"
    CANNOT_BE_REGISTERED = "cannot-be-registered"
