"""An exchange in which nobody signs: what proves it stands in the bodies."""

from pathlib import Path

import pytest

from nodes.protocols.envelope import Opened, wrap
from nodes.protocols.message import ANYONE, Message, Role, answer, declaration_of, message
from nodes.runtime.inbound import Handler
from nodes.runtime.party import Answer, Party
from nodes.runtime.refusals import UnreadableAnswer
from nodes.runtime.service import Service
from tests.runtime.world import TRANSACTION, World


@message("unsigned 1", sender=ANYONE, receiver=ANYONE, anonymous=True)
class Ask(Message, frozen=True):
    """Somebody asks."""

    words: str


@answer("unsigned 2", to=Ask, anonymous=True)
class Tell(Message, frozen=True):
    """Somebody tells."""

    words: str


@message("unsigned 3", sender=ANYONE, receiver=ANYONE, anonymous=True)
class AskForName(Message, frozen=True):
    """Somebody asks, and wants to know who tells."""


@answer("unsigned 4", to=AskForName)
class TellSigned(Message, frozen=True):
    """A party tells, and signs."""


async def answering(world: World, type_: type[Message], handler: Handler) -> Service:
    service = Service(Role.PEER, world.settings("teller"), purpose="Tells.")
    service.handles(type_, handler)
    world.services.append(service)
    await service.start()
    return service


async def tell(received: Opened[Ask], party: Party) -> Answer:
    return party.reply(received, Tell(received.message.words.upper()))


@pytest.mark.asyncio
async def test_neither_side_of_an_unsigned_exchange_makes_or_checks_a_signature(
    tmp_path: Path,
) -> None:
    async with World(tmp_path) as world:
        asker, teller = await world.greeter("asker"), await answering(world, Ask, tell)
        told = await asker.party.send(teller.party.id, Ask("who?"), TRANSACTION, Tell)
        assert told.message == Tell("WHO?")
        assert told.envelope.sender is None
        meter = teller.party.observer.counters[declaration_of(Ask).protocol, "unsigned 1"]
        assert meter["messages"] == 1
        assert not meter["sign"] + meter["verify"]


@pytest.mark.asyncio
async def test_an_answer_without_its_signature_is_not_read(tmp_path: Path) -> None:
    async with World(tmp_path) as world:

        async def unsigned(received: Opened[AskForName], party: Party) -> Answer:
            wire, envelope = wrap(
                TellSigned(),
                key=None,
                to=received.identity,
                transaction=received.transaction,
                nonce=party.fresh(16),
                now=party.now(),
                request=received.identity,
            )
            opened = Opened(TellSigned(), declaration_of(TellSigned), envelope, wire)
            return Answer(wire, opened, saved=False)

        asker, teller = await world.greeter("asker"), await answering(world, AskForName, unsigned)
        with pytest.raises(UnreadableAnswer):
            await asker.party.send(teller.party.id, AskForName(), TRANSACTION, TellSigned)
