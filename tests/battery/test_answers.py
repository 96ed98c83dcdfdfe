"""An answer that is altered, somebody else's or no answer: what was asked may have happened."""

from collections.abc import AsyncIterator
from itertools import islice
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from nodes.protocols.envelope import Opened
from nodes.protocols.errors import ProtocolError
from nodes.protocols.message import Message, Role
from nodes.runtime.party import Answer, Party
from nodes.runtime.refusals import UnreadableAnswer
from nodes.runtime.service import Service
from tests.battery.odd_answers import ANSWERS, Reply, answered_types, unreadable
from tests.runtime.world import World

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Odd:
    """Answers each question with the next thing that is no answer; at last with a good one."""

    def __init__(self, service: Service, other: Party) -> None:
        self.service, self.party, self.other = service, service.party, other
        self.turn, self.said = 0, ""
        for question, _ in ANSWERS:
            service.handles(type(question), self._answer)

    async def _answer(self, received: Opened[Message], party: Party) -> Answer:
        good = next(a for q, a in ANSWERS if type(q) is type(received.message))
        reply = Reply(received, good, party)
        chosen = list(islice(unreadable(reply, self.other.key), self.turn, self.turn + 1))
        self.turn += 1
        self.said = "the answer"
        made = party.reply(received, good)
        if not chosen:
            return made
        ((self.said, make),) = chosen
        return Answer(make(), made.opened, saved=False)


class Asking:
    def __init__(self, asker: Party, odd: Odd) -> None:
        self.asker, self.odd = asker, odd

    async def learns(self, question: Message, answer: type[Message]) -> str:
        """What the asker makes of the answer: the error's name, or "the answer"."""
        party, self.odd.said = self.asker, "nothing was asked"
        try:
            await party.send(self.odd.party.id, question, party.fresh_transaction(), answer)
        except ProtocolError as error:
            return f"{type(error).__name__}, {error.outcome}"
        return "the answer"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def asking(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Asking]:
    folder: Path = tmp_path_factory.mktemp("world")
    async with World(folder) as world:
        asker = await world.greeter("asker")
        other = await world.greeter("other")
        settings = msgspec.structs.replace(world.settings("odd"), message_bytes=1 << 20)
        odd = Odd(Service(Role.PEER, settings, purpose="Answers oddly."), other.party)
        world.services.append(odd.service)
        await odd.service.start()
        await odd.party.directory.card(asker.party.id)
        yield Asking(asker.party, odd)


async def test_every_answer_has_its_sample() -> None:
    assert {type(answer) for _, answer in ANSWERS} == answered_types()


@pytest.mark.parametrize("pair", ANSWERS, ids=lambda pair: type(pair[1]).__name__)
async def test_what_is_no_answer_leaves_open_what_happened(
    asking: Asking, pair: tuple[Message, Message]
) -> None:
    question, answer = pair
    odd, told = asking.odd, list[tuple[str, str]]()
    odd.turn = 0
    while not told or odd.said != "the answer":
        learnt = await asking.learns(question, type(answer))
        told.append((odd.said, learnt))
    unknown = f"{UnreadableAnswer.__name__}, unknown"
    wrong = [f"{said}: {learnt}" for said, learnt in told[:-1] if learnt != unknown]
    assert not wrong, "\n".join(wrong)
    assert told[-1] == ("the answer", "the answer")
    assert len(told) > 70
