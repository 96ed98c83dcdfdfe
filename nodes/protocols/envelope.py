"""The envelope that carries a message between two parties.

Wire form of a plain message is MessagePack [content, signature]; `content` is the encoding of an
`Envelope`, and the signature is the sender's over exactly those bytes, so recipient, protocol and
step stand inside what is signed. A sealed message is that whole wire form under HPKE (RFC 9180),
bound to protocol, step and recipient; the signature lies inside, so the recipient can show it.

Pure: nonce, time and keys are arguments.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Generic

import msgspec

from crypto import codec
from crypto.codec import MalformedEncoding
from crypto.hashing import digest, framed
from crypto.sealing import CannotOpen, SealingKey, UnusableKey, seal
from crypto.signing import InvalidSignature, SigningKey, verify
from nodes.protocols.errors import MalformedMessage, Refused
from nodes.protocols.message import (
    Declaration,
    Digest,
    M,
    Message,
    Milliseconds,
    PartyId,
    TransactionId,
    declaration_of,
)

LABEL = "jangteo/envelope/1"
NONCE_BYTES = 16


class WrongProtocol(Refused):
    """The envelope was made for another protocol or step."""

    code = "message/wrong-protocol"
    status = 400


class WrongRecipient(Refused):
    """The envelope is addressed to another party."""

    code = "message/wrong-recipient"
    status = 421


class WrongSignature(Refused):
    """The signature is not the sender's over these bytes."""

    code = "message/wrong-signature"
    status = 401


class CannotUnseal(Refused):
    """The message is not sealed for this party, this protocol and this step."""

    code = "message/cannot-unseal"
    status = 400


class CannotSeal(Refused):
    """The recipient's sealing key is unusable."""

    code = "message/cannot-seal"
    status = 400


class SenderMissing(Refused):
    """This step wants a sender, and the message is anonymous."""

    code = "message/sender-missing"
    status = 401


class SenderShown(Refused):
    """This step is anonymous, and the message shows who sent it."""

    code = "message/sender-shown"
    status = 400


class Envelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    protocol: Annotated[str, msgspec.Meta(max_length=64)]
    step: Annotated[str, msgspec.Meta(max_length=16)]
    transaction: TransactionId
    nonce: Annotated[bytes, msgspec.Meta(min_length=NONCE_BYTES, max_length=NONCE_BYTES)]
    time: Milliseconds
    to: PartyId
    sender: PartyId | None
    """None where the paper wants an anonymous sender; such a message carries no signature, and
    its answer is `to` its identity."""
    request: Digest | None
    """In an answer: the identity of the request it answers."""
    body: bytes


class _Wire(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    content: bytes
    signature: bytes


@dataclass(frozen=True)
class Opened(Generic[M]):
    """A message whose envelope has been checked, all but its freshness."""

    message: M
    declaration: Declaration
    envelope: Envelope
    wire: bytes
    """What was signed and by whom: [content, signature], kept as evidence."""

    @property
    def sender(self) -> PartyId:
        """Raises SenderMissing for an anonymous message: any stranger can send one."""
        if self.envelope.sender is None:
            raise SenderMissing()
        return self.envelope.sender

    @property
    def transaction(self) -> TransactionId:
        return self.envelope.transaction

    @cached_property
    def identity(self) -> bytes:
        return identity(self.envelope)

    @cached_property
    def digest(self) -> bytes:
        return wire_digest(self.wire)


def identity(envelope: Envelope) -> bytes:
    """What makes two envelopes the same message, whenever and however often they are sent."""
    return digest(
        "message identity",
        envelope.protocol.encode(),
        envelope.step.encode(),
        envelope.transaction,
        envelope.sender or b"",
        envelope.body,
    )


def wire_digest(wire: bytes) -> bytes:
    """Joins the sender's and the receiver's rows of a trace."""
    return digest("envelope", wire)


def sealing_context(declaration: Declaration, to: PartyId) -> bytes:
    return framed("jangteo/sealed/1", declaration.protocol.encode(), declaration.step.encode(), to)


def wrap(
    message: Message,
    *,
    key: SigningKey | None,
    to: PartyId,
    transaction: TransactionId,
    nonce: bytes,
    now: Milliseconds,
    request: bytes | None = None,
) -> tuple[bytes, Envelope]:
    """Sign a message for one recipient. Returns the plain wire form and the envelope in it."""
    declaration = declaration_of(type(message))
    envelope = Envelope(
        protocol=declaration.protocol,
        step=declaration.step,
        transaction=transaction,
        nonce=nonce,
        time=now,
        to=to,
        sender=key.public_key if key else None,
        request=request,
        body=codec.encode(message),
    )
    content = codec.encode(envelope)
    signature = key.sign(LABEL, content) if key else b""
    return codec.encode(_Wire(content, signature)), envelope


def seal_wire(wire: bytes, declaration: Declaration, to: PartyId, sealing_key: bytes) -> bytes:
    """Raises CannotSeal if the recipient published a key that no one should seal to."""
    try:
        return seal(sealing_key, wire, sealing_context(declaration, to))
    except UnusableKey as error:
        raise CannotSeal() from error


def unseal_wire(
    sealed: bytes, declaration: Declaration, me: PartyId, sealing_key: SealingKey
) -> bytes:
    try:
        return sealing_key.open(sealed, sealing_context(declaration, me))
    except CannotOpen as error:
        raise CannotUnseal() from error


def unwrap(wire: bytes, type_: type[M], me: PartyId) -> Opened[M]:
    """Check recipient, protocol, step and signature, then read the message.

    Raises MalformedMessage, WrongRecipient, WrongProtocol or WrongSignature. Whether the sender
    may send this, and whether it is fresh, is for the caller, who knows the parties and the time.
    """
    declaration = declaration_of(type_)
    try:
        parts = codec.decode(wire, _Wire)
        envelope = codec.decode(parts.content, Envelope)
    except MalformedEncoding as error:
        raise MalformedMessage(str(error)) from error
    if envelope.to != me:
        raise WrongRecipient()
    if (envelope.protocol, envelope.step) != (declaration.protocol, declaration.step):
        raise WrongProtocol(f"{envelope.protocol} step {envelope.step}")
    if envelope.sender is None:
        if parts.signature:
            raise WrongSignature("an anonymous message carries no signature")
    else:
        try:
            verify(envelope.sender, LABEL, parts.content, parts.signature)
        except InvalidSignature as error:
            raise WrongSignature() from error
    if declaration.is_request and envelope.request is not None:
        raise MalformedMessage("only an answer names a request")
    try:
        message = codec.decode(envelope.body, type_)
    except MalformedEncoding as error:
        raise MalformedMessage(f"{declaration.name}: {error}") from error
    return Opened(message, declaration, envelope, wire)
