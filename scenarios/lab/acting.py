"""What an attack holds in its hands: a scenario's run, its cheats, and what came of them.

    mallory = await act.mallory()
    ...                                            what must be there before
    await act.begin()                              from here on, what moves is the attack's doing
    if await act.attempt(act.broker, mallory.party.send(...)):
        act.harm(victim, 1, COINS, to=mallory)

An attack says what it did and what it saw of it; the lab reads the ledgers before and after, and
holds against them whatever is said of money.
"""

import asyncio
from collections.abc import Awaitable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from nodes.protocols.errors import MalformedMessage, Refused
from nodes.protocols.message import Message, Role
from scenarios.lab.auditor import read_books
from scenarios.lab.failures import ControlRefused
from scenarios.lab.live import LiveRun
from scenarios.lab.node_client import Node
from scenarios.lab.worth import Worth, moved, worth

if TYPE_CHECKING:
    from scenarios.adversaries.outsider import Mallory, Outsider, Voice

T = TypeVar("T")
SETTLED_SECONDS = 10.0
LOOK_SECONDS = 0.4
"""Longer than a replica keeps a certificate waiting for another write."""


@dataclass(frozen=True)
class Harm:
    victim: str
    amount: int
    unit: str
    """One of `worth`'s units is held against the ledgers; of any other the attack itself has seen
    the evidence."""
    gained_by: str
    sentence: str


@dataclass(frozen=True)
class Stopped:
    """What refused or found out the attack."""

    code: str
    by: str
    messages: int
    """How many the cheats had sent by then, that one included."""


@dataclass
class Came:
    """What came of one run."""

    harms: list[Harm] = field(default_factory=list)
    refusals: list[Stopped] = field(default_factory=list)
    detections: list[Stopped] = field(default_factory=list)
    changes: dict[tuple[str, str], int] = field(default_factory=dict)
    """What has moved since the attack began: by party and unit."""
    fair: dict[tuple[str, str], int] = field(default_factory=dict)
    """Of that, what an honest trade moved, as it should."""


class Act:
    def __init__(self, live: LiveRun, *, guarded: bool, cheats: Iterable[str] = ()) -> None:
        self.live = live
        self.world = live.world
        self.random = live.random
        self.guarded = guarded
        """All guards are on. An attack does the same either way; it may say different things."""
        self.came = Came()
        self._cheats = list(cheats)
        self._stack = AsyncExitStack()
        self._before: Worth = {}
        self._counted = 0
        self._outsiders: list[Outsider] = []

    # who is there

    def cast(self, *symbols: str) -> tuple[Node, ...]:
        """Honest peers for the paper's symbols, drawn by the seed."""
        free = [node for node in self.world.peers if node.name not in self._cheats]
        return self.live.cast(*symbols, among=free)

    async def mallory(self, name: str = "mallory", symbol: str = "") -> "Mallory":
        """A peer that can do whatever it likes, enrolled and ready."""
        from scenarios.adversaries.outsider import Mallory, settings_in

        made = Mallory(settings_in(self.world, name))
        return await self._welcome(made, symbol)

    async def outsider(
        self, name: str, role: Role, hears: Iterable[type[Message]] = (), symbol: str = ""
    ) -> "Outsider":
        """A party of any role that only speaks when told to."""
        from scenarios.adversaries.outsider import Outsider, settings_in

        return await self._welcome(Outsider(role, settings_in(self.world, name), hears), symbol)

    async def _welcome(self, made: "TOutsider", symbol: str) -> "TOutsider":
        self._stack.push_async_callback(made.stop)
        await asyncio.create_task(made.start())  # with a context of its own, and its own counting
        node = made.node(self.world)
        self._cheats.append(node.name)
        self._outsiders.append(made)
        if symbol:
            self.live.name(node, symbol)
        return made

    def voice(self, node: Node) -> "Voice":
        """Whoever has this node's disk, and so its keys. It sends as a cheat does."""
        from scenarios.adversaries.outsider import Voice

        assert self.world.folder is not None
        if not self._outsiders:
            raise ValueError("a voice is carried by a cheat: there must be one first")
        self._cheats.append(node.name)
        return Voice(node, self.world.folder, self._outsiders[0].party)

    def node(self, cheat: "Outsider") -> Node:
        """A cheat as its owner sees it: operations and inspection over HTTP."""
        return self.world.node(cheat.name)

    def guarded_by(self, rule: str) -> bool:
        """Whether this world has that guard on."""
        return rule not in self.world.guards_off

    # what happens

    async def begin(self) -> None:
        """All that was there before is set up; from here on, what moves is the attack's doing."""
        self._before = worth(await self._settled())
        self._counted = self._sent()

    async def attempt(self, at: Node | str, doing: Awaitable[T]) -> T | None:
        """What came of a step of the attack; None where `at` refused it."""
        try:
            return await doing
        except (Refused, MalformedMessage, ControlRefused) as refusal:
            self.refused(refusal.code, at)
            return None

    def refused(self, code: str, by: Node | str) -> None:
        """Seen in another way than as a refusal raised here: in a state, or in votes."""
        self.came.refusals.append(Stopped(code, _name(by), self._sent() - self._counted))

    def detected(self, how: str, by: Node | str) -> None:
        """Found out, though not refused: by whom, and by what."""
        self.came.detections.append(Stopped(how, _name(by), self._sent() - self._counted))

    def harm(
        self,
        victim: "Node | Outsider | str",
        amount: int,
        unit: str,
        *,
        to: "Node | Outsider | str" = "",
        says: str = "",
    ) -> None:
        """Somebody has lost something by it, and perhaps somebody has it now."""
        self.came.harms.append(Harm(_name(victim), amount, unit, _name(to), says))

    def fair(self, party: "Node | Outsider", unit: str, amount: int) -> None:
        """This much more (or less) is as it should be: an honest trade beside the attack."""
        key = (_name(party), unit)
        self.came.fair[key] = self.came.fair.get(key, 0) + amount

    async def say(self, text: str) -> None:
        await self.live.say(text)

    # its end

    async def finish(self) -> None:
        """Look what has moved, once nothing moves any more."""
        self.came.changes = moved(self._before, worth(await self._settled()))

    async def close(self) -> None:
        """The cheats leave. After the judging: their books count too."""
        await self._stack.aclose()

    async def _settled(self) -> "Books":
        """The books, once two looks at them agree."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + SETTLED_SECONDS
        before = await read_books(self.world.nodes.values())
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            books = await read_books(self.world.nodes.values())
            if worth(books) == worth(before) or loop.time() > deadline:
                return books
            before = books

    def _sent(self) -> int:
        """Requests and register operations of the cheats so far."""
        own = [row for one in self._outsiders for row in one.party.observer.rows()]
        for name in self._cheats:
            own += self.live.recorder.rows.get(name, [])
        return sum(
            (row.kind == "register" or (row.kind, row.direction) == ("request", "out"))
            and row.protocol != "membership"
            for row in own
        )


def _name(party: "Node | Outsider | str") -> str:
    return party if isinstance(party, str) else party.name


if TYPE_CHECKING:
    from scenarios.lab.books import Books

    TOutsider = TypeVar("TOutsider", bound=Outsider)
