"""Evidence as a judge reads it: pieces that anyone may keep and show, and what they prove.

A piece is a document as it travels, the plain form of an envelope, or a certificate of votes. What
bears no signature, or another's, proves nothing and is dropped. A judge needs public keys alone;
which key is whose it is told (`Keys`).
"""

import enum
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from crypto import codec
from crypto.codec import MalformedEncoding
from crypto.documents import Document, Signed, open_document
from crypto.signing import InvalidSignature
from nodes.protocols.envelope import Envelope, identity, unwrap
from nodes.protocols.errors import ProtocolError
from nodes.protocols.message import (
    Message,
    Milliseconds,
    PartyId,
    Role,
    TransactionId,
    declaration_at,
)

D = TypeVar("D", bound=Document)
M = TypeVar("M", bound=Message)
T = TypeVar("T")


class Answer(enum.StrEnum):
    """Does the evidence settle it?"""

    DECIDED = "decided"
    UNDECIDABLE = "undecidable"


@dataclass(frozen=True)
class Denial:
    """What may be denied, what decides it, and what the verdict is. docs/judging.md lists them."""

    says: str
    evidence: str
    verdict: str


Keys = Mapping[Role, frozenset[PartyId]]
"""The public keys a judge is given beside the evidence."""


@dataclass(frozen=True)
class Ruled:
    """What becomes of one denial."""

    denial: str
    answer: Answer
    culprit: PartyId | None
    """Who cannot deny it, or who lied; None where that cannot be told, or nobody did."""
    grounds: str
    """What was signed, or what is missing."""


def convicted(denial: str, culprit: PartyId, grounds: str) -> Ruled:
    return Ruled(denial, Answer.DECIDED, culprit, grounds)


def settled(denial: str, grounds: str) -> Ruled:
    """Decided, and nobody is convicted by it."""
    return Ruled(denial, Answer.DECIDED, None, grounds)


def undecidable(denial: str, missing: str) -> Ruled:
    return Ruled(denial, Answer.UNDECIDABLE, None, missing)


@dataclass(frozen=True)
class Said:
    """A message that its sender signed."""

    signer: PartyId
    to: PartyId
    transaction: TransactionId
    time: Milliseconds
    request: bytes
    """Identity of the message that it answers; empty for a request."""
    message: Message


@dataclass
class Papers:
    """What the pieces hold. Documents and messages are in here only when their signatures hold."""

    documents: list[tuple[Document, int]] = field(default_factory=list)
    """Each with how many of its signers have signed."""
    said: list[Said] = field(default_factory=list)
    asked: dict[bytes, Message] = field(default_factory=dict)
    """By identity, whoever sent it or nobody: what an answer is an answer to."""
    values: list[msgspec.Struct] = field(default_factory=list)
    """What stands inside and is checked by whoever knows it: certificates, coins, orders."""
    worthless: int = 0
    """Pieces that are unreadable, unsigned, or signed by somebody else."""

    def all(self, type_: type[D], signatures: int = 1) -> list[D]:
        """Signed by at least so many of its signers; each once, in the order shown."""
        found = [d for d, n in self.documents if isinstance(d, type_) and n >= signatures]
        return list(dict.fromkeys(found))

    def messages(self, type_: type[M]) -> Iterator[tuple[Said, M]]:
        for said in self.said:
            if isinstance(said.message, type_):
                yield said, said.message

    def of(self, type_: type[T]) -> list[T]:
        return list(dict.fromkeys(value for value in self.values if isinstance(value, type_)))


def read_pieces(
    pieces: Iterable[bytes],
    *,
    protocols: Sequence[str],
    documents: Sequence[type[Document]],
    values: Sequence[type[msgspec.Struct]] = (),
) -> Papers:
    """Never raises for what a stranger shows. `values`: kinds of pieces that are none of both."""
    papers = Papers()
    for piece in dict.fromkeys(pieces):
        before = len(papers.documents) + len(papers.said) + len(papers.values)
        _read(piece, papers, protocols, documents, values)
        after = len(papers.documents) + len(papers.said) + len(papers.values)
        papers.worthless += after == before
    return papers


def _read(
    piece: bytes,
    papers: Papers,
    protocols: Sequence[str],
    documents: Sequence[type[Document]],
    values: Sequence[type[msgspec.Struct]],
) -> None:
    found = _opened(piece, protocols)
    if found is not None:
        envelope, message = found
        papers.asked[identity(envelope)] = message
        if envelope.sender is not None:
            papers.said.append(_said(envelope, envelope.sender, message))
        _look_inside(message, papers, documents, values)
        return
    kinds: tuple[Any, ...] = (Signed, *values)
    for type_ in kinds:
        try:
            _look_inside(codec.decode(piece, type_), papers, documents, values)
        except MalformedEncoding:
            continue


def _said(envelope: Envelope, signer: PartyId, message: Message) -> Said:
    return Said(
        signer=signer,
        to=envelope.to,
        transaction=envelope.transaction,
        time=envelope.time,
        request=envelope.request or b"",
        message=message,
    )


def _opened(piece: bytes, protocols: Sequence[str]) -> tuple[Envelope, Message] | None:
    try:
        content, _ = codec.decode(piece, tuple[bytes, bytes])
        envelope = codec.decode(content, Envelope)
    except MalformedEncoding:
        return None
    if envelope.protocol not in protocols:
        return None
    declaration = declaration_at(envelope.protocol, envelope.step)
    if declaration is None:
        return None
    try:
        return envelope, unwrap(piece, declaration.type, envelope.to).message
    except ProtocolError:
        return None


def _look_inside(
    value: object,
    papers: Papers,
    documents: Sequence[type[Document]],
    values: Sequence[type[msgspec.Struct]],
) -> None:
    """Whatever stands in a message is evidence of its own, whoever sent the message."""
    if isinstance(value, Signed):
        found = _document(value, documents)
        if found is not None:
            papers.documents.append(found)
            _look_inside(found[0], papers, documents, values)
    elif isinstance(value, msgspec.Struct):
        if isinstance(value, tuple(values)):
            papers.values.append(value)
        for name in value.__struct_fields__:
            _look_inside(getattr(value, name), papers, documents, values)
    elif isinstance(value, tuple):
        for one in value:
            _look_inside(one, papers, documents, values)


def _document(
    signed: Signed[Any], documents: Sequence[type[Document]]
) -> tuple[Document, int] | None:
    count = len(signed.signatures)
    if not count:
        return None
    for type_ in documents:
        try:
            return open_document(type_, signed, signatures=count), count
        except (InvalidSignature, MalformedEncoding, AssertionError):
            continue
    return None
