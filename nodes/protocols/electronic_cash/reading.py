"""Reading the documents that travel inside messages."""

from typing import TypeVar

from crypto import codec
from crypto.codec import MalformedEncoding
from crypto.documents import Document, Signed, open_document
from crypto.signing import InvalidSignature
from nodes.protocols.electronic_cash.refusals import NotYours, WrongDocument
from nodes.protocols.message import PartyId

D = TypeVar("D", bound=Document)


def opened(type_: type[D], signed: Signed[D]) -> D:
    """What the document says, whoever signed it. Raises WrongDocument for other bytes."""
    try:
        return codec.decode(signed.content, type_)
    except MalformedEncoding as error:
        raise WrongDocument(f"no {type_.__name__}: {error}") from error


def checked(type_: type[D], signed: Signed[D]) -> D:
    """The document, signed by who it names. Raises WrongDocument."""
    try:
        return open_document(type_, signed)
    except (InvalidSignature, MalformedEncoding) as error:
        raise WrongDocument(f"{type_.__name__}: {error}") from error


def is_signed(type_: type[D], signed: Signed[D]) -> bool:
    try:
        open_document(type_, signed)
    except (InvalidSignature, MalformedEncoding):
        return False
    return True


def require_sender(sender: PartyId, allowed: PartyId) -> None:
    """Raises NotYours for a message from anyone else."""
    if sender != allowed:
        raise NotYours()
