"""Reading the documents that travel inside messages, and the goods under a session key."""

from collections.abc import Iterable
from typing import TypeVar

import msgspec

from crypto import codec
from crypto.codec import MalformedEncoding
from crypto.content import ContentAltered, Decryptor, Encryptor
from crypto.documents import Document, Signed, open_document
from crypto.hashing import Digest, digest, framed
from crypto.signing import InvalidSignature
from nodes.protocols.item_trading.documents import Goods, Reference, SessionKey
from nodes.protocols.item_trading.refusals import (
    GoodsUnreadable,
    NotYours,
    UnknownListing,
    UnknownTrade,
    WrongDocument,
    WrongState,
)
from nodes.protocols.message import PartyId

D = TypeVar("D", bound=Document)
R = TypeVar("R", bound=msgspec.Struct)


def opened(type_: type[D], signed: Signed[D]) -> D:
    """What the document says, whoever signed it. Raises WrongDocument for other bytes."""
    try:
        return codec.decode(signed.content, type_)
    except MalformedEncoding as error:
        raise WrongDocument(f"no {type_.__name__}: {error}") from error


def checked(type_: type[D], signed: Signed[D], signatures: int | None = None) -> D:
    """The document, signed by all it names or by the first so many. Raises WrongDocument."""
    try:
        return open_document(type_, signed, signatures=signatures)
    except (InvalidSignature, MalformedEncoding) as error:
        raise WrongDocument(f"{type_.__name__}: {error}") from error


def is_signed(type_: type[D], signed: Signed[D], signatures: int | None = None) -> bool:
    try:
        open_document(type_, signed, signatures=signatures)
    except (InvalidSignature, MalformedEncoding):
        return False
    return True


def require_sender(sender: PartyId, allowed: PartyId | Iterable[PartyId]) -> None:
    """Raises NotYours for a message from anyone else."""
    if sender not in ((allowed,) if isinstance(allowed, bytes) else tuple(allowed)):
        raise NotYours()


def require_model(model: int, wanted: int) -> None:
    """Raises WrongState for a step that this trade does not have."""
    if model != wanted:
        raise WrongState(f"the trade is of model {model}")


def known_listing(record: R | None) -> R:
    """Raises UnknownListing where there is no record."""
    if record is None:
        raise UnknownListing()
    return record


def known_trade(record: R | None) -> R:
    """Raises UnknownTrade where there is no record."""
    if record is None:
        raise UnknownTrade()
    return record


def changed(record: R, **changes: object) -> R:
    """The record with other fields, in the state it is in."""
    made: R = msgspec.structs.replace(record, **changes)
    return made


def key_context(deal: Reference) -> bytes:
    """Binds {K_C1}PK_C2 to its trade."""
    return framed("item_trading/key/1", deal)


def lock(goods: Goods, key: SessionKey, deal: Reference) -> bytes:
    """{goods}K. It commits to its key: no second key opens it to something else."""
    encryptor = Encryptor(key, _goods_context(deal))
    return encryptor.update(codec.encode(goods)) + encryptor.finish()


def unlock(ciphertext: bytes, key: SessionKey, deal: Reference) -> Goods:
    """Raises GoodsUnreadable."""
    decryptor = Decryptor(key, _goods_context(deal))
    try:
        content = decryptor.update(ciphertext) + decryptor.finish()
        return codec.decode(content, Goods)
    except (ContentAltered, MalformedEncoding) as error:
        raise GoodsUnreadable(str(error)) from error


def ciphertext_digest(ciphertext: bytes) -> Digest:
    return digest("item_trading/ciphertext", ciphertext)


def _goods_context(deal: Reference) -> bytes:
    return framed("item_trading/goods/1", deal)
