"""A step whose sender stays unknown: no name, no signature, and an answer that finds its way."""

import pytest

from crypto.sealing import SealingKey
from crypto.signing import SigningKey
from nodes.protocols.envelope import (
    WrongRecipient,
    WrongSignature,
    seal_wire,
    unseal_wire,
    unwrap,
    wrap,
)
from nodes.protocols.message import Message, Role, answer, declaration_of, message

SERVER = SigningKey(bytes(32))
REPLY = SealingKey(bytes(range(32)))
NONCE, TRANSACTION = bytes(16), bytes(16)


@message("anonymous 1", sender=Role.PEER, receiver=Role.PEER, anonymous=True)
class Ask(Message, frozen=True):
    """Somebody asks."""

    words: str
    reply_key: bytes


@answer("anonymous 2", to=Ask, sealed=True)
class Say(Message, frozen=True):
    """Whoever asked is told."""

    words: str


def asked() -> bytes:
    wire, _ = wrap(
        Ask("who?", REPLY.public_key),
        key=None,
        to=SERVER.public_key,
        transaction=TRANSACTION,
        nonce=NONCE,
        now=1,
    )
    return wire


def test_an_anonymous_message_names_and_signs_nothing() -> None:
    opened = unwrap(asked(), Ask, SERVER.public_key)
    assert opened.declaration.anonymous
    assert opened.envelope.sender is None
    assert opened.message.words == "who?"


def test_a_signature_under_an_anonymous_message_is_refused() -> None:
    wire = asked()
    with pytest.raises(WrongSignature):
        unwrap(wire[:-2] + b"\xc4\x40" + bytes(64), Ask, SERVER.public_key)


def test_an_answer_is_addressed_and_sealed_to_the_request_alone() -> None:
    request = unwrap(asked(), Ask, SERVER.public_key)
    plain, _ = wrap(
        Say("me"),
        key=SERVER,
        to=request.identity,
        transaction=TRANSACTION,
        nonce=NONCE,
        now=2,
        request=request.identity,
    )
    declaration = declaration_of(Say)
    sealed = seal_wire(plain, declaration, request.identity, request.message.reply_key)
    wire = unseal_wire(sealed, declaration, request.identity, REPLY)
    opened = unwrap(wire, Say, request.identity)
    assert (opened.message.words, opened.sender) == ("me", SERVER.public_key)
    assert opened.envelope.request == request.identity
    with pytest.raises(WrongRecipient):
        unwrap(wire, Say, bytes(32))


def test_a_sealed_answer_to_somebody_anonymous_needs_a_key_to_be_sealed_to() -> None:
    @message("anonymous 3", sender=Role.PEER, receiver=Role.PEER, anonymous=True)
    class Mute(Message, frozen=True):
        """No key in it."""

    with pytest.raises(TypeError, match="reply_key"):

        @answer("anonymous 4", to=Mute, sealed=True)
        class Unheard(Message, frozen=True):
            """Nobody could open it."""


def test_an_answer_may_be_left_unsigned_where_its_body_proves_itself() -> None:
    @message("anonymous 5", sender=Role.PEER, receiver=Role.PEER, anonymous=True)
    class Order(Message, frozen=True):
        """A keyed hash stands in it."""

    @answer("anonymous 6", to=Order, anonymous=True)
    class Response(Message, frozen=True):
        """And in this one."""

    assert declaration_of(Response).anonymous
    assert not declaration_of(Say).anonymous
