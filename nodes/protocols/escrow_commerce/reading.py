"""Reading the documents that travel inside messages."""

from collections.abc import Iterable
from typing import TypeVar

import msgspec

from crypto import codec
from crypto.codec import MalformedEncoding
from crypto.documents import Document, Signed, open_document
from crypto.signing import InvalidSignature
from nodes.protocols.escrow_commerce.refusals import NotYourSale, WrongDocument
from nodes.protocols.message import PartyId

D = TypeVar("D", bound=Document)
R = TypeVar("R", bound=msgspec.Struct)


def read(type_: type[D], signed: Signed[D]) -> D:
    """What the document says, whoever signed it. Raises WrongDocument for other bytes."""
    try:
        return codec.decode(signed.content, type_)
    except MalformedEncoding as error:
        raise WrongDocument(f"no {type_.__name__.lower()}: {error}") from error


def is_signed(type_: type[D], signed: Signed[D], signatures: int | None = None) -> bool:
    """Whether all its signers signed it, or the first `signatures` of them and nobody else."""
    try:
        open_document(type_, signed, signatures=signatures)
    except (InvalidSignature, MalformedEncoding):
        return False
    return True


def require_sender(sender: PartyId, allowed: PartyId | Iterable[PartyId]) -> None:
    """Raises NotYourSale for a message from anyone else."""
    if sender not in ((allowed,) if isinstance(allowed, bytes) else tuple(allowed)):
        raise NotYourSale()


def changed(record: R, **changes: object) -> R:
    """The record with other fields, in the state it is in."""
    made: R = msgspec.structs.replace(record, **changes)
    return made
