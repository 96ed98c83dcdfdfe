"""Envelopes: what is checked before any rule is asked."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto import codec
from crypto.sealing import SealingKey
from crypto.signing import SigningKey
from nodes.protocols.envelope import (
    LABEL,
    CannotSeal,
    CannotUnseal,
    Envelope,
    Opened,
    SenderMissing,
    WrongProtocol,
    WrongRecipient,
    WrongSignature,
    identity,
    seal_wire,
    sealing_context,
    unseal_wire,
    unwrap,
    wire_digest,
    wrap,
)
from nodes.protocols.errors import MalformedMessage, ProtocolError
from nodes.protocols.message import Received, declaration_of
from tests.greeting.messages import Greet, Greeting, Note, Whisper

ALICE, BOB, EVE = (SigningKey(bytes([n]) * 32) for n in (1, 2, 3))
BOB_SEALING = SealingKey(bytes(range(32)))
HELLO = Greet(words="hello", name="alice")
TRANSACTION = bytes(16)


def wrapped(message: Any = HELLO, **changed: Any) -> tuple[bytes, Envelope]:
    asked: dict[str, Any] = {
        "key": ALICE,
        "to": BOB.public_key,
        "transaction": TRANSACTION,
        "nonce": bytes(16),
        "now": 1_000_000,
    }
    return wrap(message, **(asked | changed))


WIRE, ENVELOPE = wrapped()


def signed_again(change: Callable[[Envelope], Envelope], key: SigningKey = ALICE) -> bytes:
    """An envelope with some field altered, signed by `key` as its sender would."""
    content = codec.encode(change(ENVELOPE))
    return codec.encode([content, key.sign(LABEL, content)])


def replaced(**fields: Any) -> Callable[[Envelope], Envelope]:
    return lambda envelope: msgspec.structs.replace(envelope, **fields)


def refusal(wire: bytes, type_: Any = Greet, me: SigningKey = BOB) -> type[ProtocolError]:
    with pytest.raises(ProtocolError) as caught:
        unwrap(wire, type_, me.public_key)
    return caught.type


def test_a_message_arrives_as_it_was_sent() -> None:
    opened = unwrap(WIRE, Greet, BOB.public_key)
    assert opened.message == HELLO
    assert opened.sender == ALICE.public_key
    assert opened.envelope == ENVELOPE
    assert opened.transaction == TRANSACTION
    assert opened.digest == wire_digest(WIRE)
    assert opened.declaration is declaration_of(Greet)


def test_the_wire_form_is_content_and_signature() -> None:
    content, signature = codec.decode(WIRE, tuple[bytes, bytes])
    assert codec.decode(content, Envelope) == ENVELOPE
    assert signature == ALICE.sign(LABEL, content)


def test_another_recipient_is_refused() -> None:
    assert refusal(WIRE, me=EVE) is WrongRecipient
    assert refusal(WIRE, me=ALICE) is WrongRecipient
    assert refusal(signed_again(replaced(to=EVE.public_key))) is WrongRecipient


def test_another_step_or_protocol_is_refused() -> None:
    assert refusal(WIRE, Note) is WrongProtocol
    assert refusal(WIRE, Greeting) is WrongProtocol
    assert refusal(signed_again(replaced(step="3"))) is WrongProtocol
    assert refusal(signed_again(replaced(protocol="parting"))) is WrongProtocol
    assert refusal(signed_again(replaced(step="1 "))) is WrongProtocol


def test_another_signer_is_refused() -> None:
    assert refusal(signed_again(lambda envelope: envelope, EVE)) is WrongSignature
    assert refusal(signed_again(replaced(sender=EVE.public_key))) is WrongSignature
    content, _ = codec.decode(WIRE, tuple[bytes, bytes])
    for signature in (b"", bytes(64), ALICE.sign("another/label", content)):
        assert refusal(codec.encode([content, signature])) is WrongSignature


@pytest.mark.parametrize(
    "fields",
    [
        {"transaction": b"\x01" * 16},
        {"nonce": b"\x01" * 16},
        {"time": 7},
        {"request": bytes(32)},
        {"body": codec.encode(Greet(words="goodbye"))},
    ],
    ids=str,
)
def test_each_field_is_inside_what_is_signed(fields: dict[str, Any]) -> None:
    _, signature = codec.decode(WIRE, tuple[bytes, bytes])
    content = codec.encode(replaced(**fields)(ENVELOPE))
    assert refusal(codec.encode([content, signature])) is WrongSignature
    if "request" not in fields:
        assert unwrap(signed_again(replaced(**fields)), Greet, BOB.public_key)


def test_a_request_answers_nothing() -> None:
    assert refusal(signed_again(replaced(request=bytes(32)))) is MalformedMessage


@pytest.mark.parametrize(
    "fields",
    [
        {"transaction": bytes(15)},
        {"nonce": b""},
        {"time": -1},
        {"time": 2**53 + 1},
        {"to": bytes(31)},
        {"sender": bytes(33)},
        {"request": bytes(31)},
        {"protocol": "g" * 65},
        {"step": "1" * 17},
        {"body": b""},
        {"body": codec.encode({"words": "hello"})},
        {"body": codec.encode({"words": "hello", "name": "alice", "more": 1})},
        {"body": codec.encode({"words": 7, "name": "alice"})},
        {"body": codec.encode({"words": "hello", "name": "Alice\n"})},
        {"body": codec.encode({"words": "h" * 201, "name": "alice"})},
        {"body": codec.encode(HELLO) + b"\0"},
        {"body": codec.encode({"name": "alice", "words": "hello"})},
    ],
    ids=str,
)
def test_fields_out_of_bounds_are_malformed_though_signed(fields: dict[str, Any]) -> None:
    assert refusal(signed_again(replaced(**fields))) is MalformedMessage


def test_whatever_byte_is_altered_the_message_is_refused() -> None:
    accepted = []
    for place in range(len(WIRE)):
        for change in (0x01, 0x80, 0xFF):
            altered = bytearray(WIRE)
            altered[place] ^= change
            try:
                unwrap(bytes(altered), Greet, BOB.public_key)
            except ProtocolError:
                continue
            accepted.append((place, change))
    assert accepted == []


@given(st.integers(0, len(WIRE)), st.integers(0, 4), st.binary(max_size=4))
def test_nothing_cut_out_or_put_in_is_accepted(place: int, cut: int, put: bytes) -> None:
    altered = WIRE[:place] + put + WIRE[place + cut :]
    if altered != WIRE:
        refusal(altered)


@given(st.binary(max_size=400))
def test_any_bytes_are_refused_as_a_protocol_error(data: bytes) -> None:
    refusal(data)


@given(st.binary(max_size=200), st.binary(max_size=70))
def test_any_content_and_signature_are_refused_as_a_protocol_error(
    content: bytes, signature: bytes
) -> None:
    refusal(codec.encode([content, signature]))


@given(st.binary(max_size=200))
def test_any_signed_body_is_read_or_refused_as_a_protocol_error(body: bytes) -> None:
    try:
        opened = unwrap(signed_again(replaced(body=body)), Greet, BOB.public_key)
    except MalformedMessage:
        return
    assert codec.encode(opened.message) == body


@pytest.mark.parametrize(
    "wire", [b"\xc0", b"\x90", b"\x93\xc4\x00\xc4\x00\xc4\x00", b"\x91" * 9999]
)
def test_another_frame_is_malformed(wire: bytes) -> None:
    assert refusal(wire) is MalformedMessage


# anonymous senders


def test_an_anonymous_message_has_no_sender_and_no_signature() -> None:
    wire, envelope = wrapped(key=None)
    opened = unwrap(wire, Greet, BOB.public_key)
    assert envelope.sender is None
    with pytest.raises(SenderMissing):
        _ = opened.sender
    content, signature = codec.decode(wire, tuple[bytes, bytes])
    assert signature == b""
    for added in (b"\0", EVE.sign(LABEL, content)):
        assert refusal(codec.encode([content, added])) is WrongSignature


def test_a_signature_cannot_be_taken_off_to_hide_the_sender() -> None:
    content = codec.encode(replaced(sender=None)(ENVELOPE))
    _, signature = codec.decode(WIRE, tuple[bytes, bytes])
    assert refusal(codec.encode([content, signature])) is WrongSignature


# identity


def test_a_message_sent_again_with_fresh_time_and_nonce_is_the_same_message() -> None:
    wire, again = wrapped(nonce=b"\x07" * 16, now=2_000_000, to=EVE.public_key)
    assert wire != WIRE
    assert identity(again) == identity(ENVELOPE)


@pytest.mark.parametrize(
    "fields",
    [
        {"protocol": "parting"},
        {"step": "3"},
        {"transaction": b"\x01" * 16},
        {"sender": EVE.public_key},
        {"sender": None},
        {"body": codec.encode(Greet(words="goodbye"))},
        {"protocol": "greeting1", "step": ""},
    ],
    ids=str,
)
def test_protocol_step_transaction_sender_and_body_make_the_identity(
    fields: dict[str, Any],
) -> None:
    assert identity(replaced(**fields)(ENVELOPE)) != identity(ENVELOPE)


# answers


def test_an_answer_names_the_request_it_answers() -> None:
    request = unwrap(WIRE, Greet, BOB.public_key)
    wire, _ = wrap(
        Greeting(words="hello", count=1), key=BOB, to=ALICE.public_key, transaction=TRANSACTION,
        nonce=bytes(16), now=0, request=request.identity,
    )  # fmt: skip
    opened: Opened[Greeting] = unwrap(wire, Greeting, ALICE.public_key)
    assert opened.envelope.request == request.identity


def test_a_mere_arrival_is_answered_in_any_protocol() -> None:
    wire, _ = wrap(
        Received(), key=BOB, to=ALICE.public_key, transaction=TRANSACTION, nonce=bytes(16), now=0
    )
    assert unwrap(wire, Received, ALICE.public_key).message == Received()


# sealed


WHISPER = declaration_of(Whisper)
SECRET = b"the key of a sale, not for others"


def sealed() -> bytes:
    wire, _ = wrapped(Whisper(secret=SECRET))
    return seal_wire(wire, WHISPER, BOB.public_key, BOB_SEALING.public_key)


def test_a_sealed_message_shows_neither_sender_nor_body() -> None:
    data = sealed()
    for hidden in (SECRET, ALICE.public_key, BOB.public_key, TRANSACTION, b"greeting"):
        assert hidden not in data
    wire = unseal_wire(data, WHISPER, BOB.public_key, BOB_SEALING)
    assert unwrap(wire, Whisper, BOB.public_key).message.secret == SECRET


def test_a_sealed_message_opens_for_its_recipient_protocol_and_step_alone() -> None:
    data = sealed()
    for declaration, me, key in (
        (WHISPER, EVE.public_key, BOB_SEALING),
        (declaration_of(Greet), BOB.public_key, BOB_SEALING),
        (WHISPER, BOB.public_key, SealingKey.generate()),
    ):
        with pytest.raises(CannotUnseal):
            unseal_wire(data, declaration, me, key)


@given(st.binary(max_size=200))
def test_any_bytes_cannot_be_unsealed(data: bytes) -> None:
    with pytest.raises(CannotUnseal):
        unseal_wire(data, WHISPER, BOB.public_key, BOB_SEALING)


def test_a_message_sealed_anew_for_another_by_its_reader_is_refused_there() -> None:
    """The recipient's name stands inside the signature, so it cannot be passed on as one's own."""
    wire = unseal_wire(sealed(), WHISPER, BOB.public_key, BOB_SEALING)
    assert refusal(wire, Whisper, EVE) is WrongRecipient


def test_nothing_is_sealed_to_an_unusable_key() -> None:
    for key in (bytes(32), b"", bytes(31)):
        with pytest.raises(CannotSeal):
            seal_wire(WIRE, WHISPER, BOB.public_key, key)


def test_contexts_of_different_steps_differ() -> None:
    contexts = {
        sealing_context(declaration_of(type_), key.public_key)
        for type_ in (Greet, Whisper, Note)
        for key in (ALICE, BOB)
    }
    assert len(contexts) == 6
