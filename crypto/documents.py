"""Signed documents: statements that stay checkable for ever, by anyone, from public keys alone.

A document has a label of its own and names its signers in its fields; it has no recipient. It
travels as `Signed[T]`: the very bytes that were signed, and the signatures over them, so nothing
is encoded again to be checked.

    @document("escrow_commerce/contract", signers=("buyer", "seller"))
    class Contract(Document): ...

    signed = sign_document(contract, buyer_key)
    contract = open_document(Contract, signed)
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Generic, TypeVar

import msgspec

from crypto import codec
from crypto.hashing import digest
from crypto.signing import InvalidSignature, SigningKey, verify


class Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of everything that is signed for good. Fields are typed; unknown ones are refused."""


D = TypeVar("D", bound=Document)

OPENED_AGAIN = 1024
LARGEST_OPENED_AGAIN = 4096
"""Of a document's bytes: a node opens the same few small ones again and again."""

_labels: dict[type[Document], str] = {}
_signers: dict[type[Document], tuple[str, ...]] = {}


def document(label: str, *, signers: tuple[str, ...]) -> Callable[[type[D]], type[D]]:
    """Give a document its label and say which fields hold the public keys of its signers."""

    def declare(type_: type[D]) -> type[D]:
        if label in _labels.values():
            raise ValueError(f"two documents are labelled {label!r}")
        _labels[type_] = label
        _signers[type_] = signers
        return type_

    return declare


def label_of(type_: type[Document]) -> str:
    return _labels[type_]


class Signed(msgspec.Struct, Generic[D], frozen=True, array_like=True, forbid_unknown_fields=True):
    """Wire form of a document: `content` (its one encoding) and a signature for each signer."""

    content: bytes
    signatures: tuple[bytes, ...]


def content_digest(type_: type[Document], content: bytes) -> bytes:
    """What other documents cite this one by: 32 bytes over label and content."""
    return digest("document", label_of(type_).encode(), content)


def document_digest(document: Document) -> bytes:
    return content_digest(type(document), codec.encode(document))


def sign_document(document: D, *keys: SigningKey) -> Signed[D]:
    """Sign as the first len(keys) of the document's signers, in their order."""
    content = codec.encode(document)
    label = label_of(type(document))
    return Signed(content, tuple(key.sign(label, content) for key in keys))


def countersign(type_: type[D], signed: Signed[D], key: SigningKey) -> Signed[D]:
    """Add the next signer's signature over the same bytes."""
    added = key.sign(label_of(type_), signed.content)
    return Signed(signed.content, (*signed.signatures, added))


def open_document(type_: type[D], signed: Signed[D], *, signatures: int | None = None) -> D:
    """The document, if every signature (or the first `signatures`) is its named signer's.

    The same document opened before costs no signature check. Raises MalformedEncoding for bytes
    that are no such document, InvalidSignature otherwise.
    """
    small = len(signed.content) <= LARGEST_OPENED_AGAIN
    return (_opened if small else _open)(type_, signed.content, signed.signatures, signatures)


def _open(type_: type[D], content: bytes, shown: tuple[bytes, ...], first: int | None) -> D:
    signers = _signers[type_]
    wanted = len(signers) if first is None else first
    assert wanted <= len(signers), "more signatures asked for than there are signers"
    if len(shown) != wanted:
        raise InvalidSignature(f"{wanted} signatures wanted, {len(shown)} there")
    value = codec.decode(content, type_)
    for field, signature in zip(signers, shown, strict=False):
        verify(getattr(value, field), label_of(type_), content, signature)
    return value


_opened = lru_cache(maxsize=OPENED_AGAIN)(_open)
"""Bytes and signatures that were found good stay good; what was refused is looked at again."""
