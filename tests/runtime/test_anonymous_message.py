"""How a node serves a step whose sender stays unknown."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crypto.sealing import SealingKey
from crypto.signing import SigningKey
from nodes.protocols.envelope import (
    CannotSeal,
    Opened,
    SenderMissing,
    SenderShown,
    identity,
    unseal_wire,
    unwrap,
    wrap,
)
from nodes.protocols.message import Message, Received, Role, answer, declaration_of, message
from nodes.runtime.party import Answer, Party
from nodes.runtime.refusals import StaleMessage
from nodes.runtime.service import Service
from nodes.runtime.settings import Settings

REPLY = SealingKey(bytes(range(32)))
STRANGER = SigningKey(bytes(32))


@message("hidden 1", sender=Role.PEER, receiver=Role.BROKER, anonymous=True)
class Whisper(Message, frozen=True):
    """Somebody says something."""

    words: str
    reply_key: bytes


@answer("hidden 2", to=Whisper, sealed=True)
class Echo(Message, frozen=True):
    """It is said back."""

    words: str


@message("shown 1", sender=Role.PEER, receiver=Role.BROKER)
class Speech(Message, frozen=True):
    """Somebody known says something."""


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    (tmp_path / "secret").write_text("00" * 32)
    (tmp_path / "token").write_text("t")
    settings = Settings(
        name="b", data=tmp_path / "b", world=tmp_path, ca_url="http://127.0.0.1:1", lab=True
    )
    service = Service(Role.BROKER, settings, purpose="test")
    heard: list[str] = []

    async def echo(received: Opened[Whisper], party: Party) -> Answer:
        heard.append(received.message.words)
        async with party.store.transaction() as tx:
            return party.answer(tx, received, Echo(received.message.words * len(heard)))

    async def never(received: Opened[Speech], party: Party) -> Answer:
        raise AssertionError("an unsigned message came through")

    service.handles(Whisper, echo)
    service.handles(Speech, never)
    yield service
    service.party.observer.close()


def sent(service: Service, said: Message, key: SigningKey | None = None, age: int = 0) -> Any:
    party = service.party
    return wrap(
        said,
        key=key,
        to=party.id,
        transaction=bytes(16),
        nonce=party.fresh(16),
        now=party.now() - age,
    )


@pytest.mark.asyncio
async def test_whoever_sent_it_can_read_the_answer_and_a_repeat_is_answered_alike(
    service: Service,
) -> None:
    declaration = declaration_of(Whisper)
    wire, envelope = sent(service, Whisper("hush", REPLY.public_key))
    body = await service.inbound.serve(declaration, wire)
    me = identity(envelope)
    opened = unwrap(unseal_wire(body, declaration_of(Echo), me, REPLY), Echo, me)
    assert (opened.message.words, opened.envelope.request) == ("hush", me)
    again, _ = sent(service, Whisper("hush", REPLY.public_key))
    assert await service.inbound.serve(declaration, again) == body
    await service.party.store.close()


@pytest.mark.asyncio
async def test_the_trace_of_the_receiver_names_no_sender(service: Service) -> None:
    wire, _ = sent(service, Whisper("hush", REPLY.public_key))
    await service.inbound.serve(declaration_of(Whisper), wire)
    came, went = service.party.observer.rows()
    assert (came.sender, came.receiver, went.receiver) == ("", "b", "")
    await service.party.store.close()


@pytest.mark.asyncio
async def test_a_sender_shown_in_an_anonymous_step_is_refused(service: Service) -> None:
    wire, _ = sent(service, Whisper("hush", REPLY.public_key), STRANGER)
    with pytest.raises(SenderShown):
        await service.inbound.serve(declaration_of(Whisper), wire)


@pytest.mark.asyncio
async def test_what_cannot_be_answered_in_secret_is_refused_before_anything_happens(
    service: Service,
) -> None:
    wire, _ = sent(service, Whisper("hush", bytes(32)))
    with pytest.raises(CannotSeal):
        await service.inbound.serve(declaration_of(Whisper), wire)
    assert service.party.observer.rows() == []
    await service.party.store.close()


@pytest.mark.asyncio
async def test_an_unsigned_message_of_any_other_step_is_refused(service: Service) -> None:
    wire, _ = sent(service, Speech())
    with pytest.raises(SenderMissing):
        await service.inbound.serve(declaration_of(Speech), wire)


@pytest.mark.asyncio
async def test_an_old_anonymous_message_is_refused(service: Service) -> None:
    wire, _ = sent(service, Whisper("hush", REPLY.public_key), age=3_600_000)
    with pytest.raises(StaleMessage):
        await service.inbound.serve(declaration_of(Whisper), wire)


def test_an_answer_to_anyone_else_is_not_changed_by_all_this() -> None:
    assert not declaration_of(Received).anonymous
