"""Deadlines follow the node's clock: neither early nor forgotten, whatever the others do."""

import asyncio
from pathlib import Path

import pytest
import pytest_asyncio

from nodes.protocols.message import Role
from nodes.runtime.deadlines import Deadlines
from nodes.runtime.service import Service
from tests.runtime.waiting import until
from tests.runtime.world import World

pytestmark = pytest.mark.asyncio

FAR = 10**6
"""Milliseconds that no test waits."""


class Watched:
    """A node that notes what passed; one key makes it fail."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.now = service.party.now
        self.passed: list[bytes] = []
        self.failures = 0
        self.again: dict[bytes, int] = {}
        self.deadlines = Deadlines(service, self.expire)

    async def expire(self, key: bytes) -> None:
        if self.failures:
            self.failures -= 1
            raise ZeroDivisionError
        self.passed.append(key)
        if key in self.again:
            self.deadlines.set(key, self.again[key])
            await asyncio.sleep(0)

    def advance(self, milliseconds: int) -> None:
        self.service.party.clock.advance(milliseconds / 1000)
        self.service.clock_moved()


@pytest_asyncio.fixture
async def watched(world: World, tmp_path: Path) -> Watched:
    service = Service(Role.PEER, world.settings("watched"), purpose="Waits.")
    made = Watched(service)
    world.services.append(service)
    await service.start()
    return made


async def test_a_deadline_passes_after_its_last_moment_and_once(watched: Watched) -> None:
    at = watched.now() + 30
    watched.deadlines.set(b"a", at)
    await until(lambda: watched.passed)
    assert watched.now() > at
    watched.deadlines.set(b"b", watched.now())
    await until(lambda: len(watched.passed) > 1)
    assert watched.passed == [b"a", b"b"]


async def test_the_clock_moved_forward_moves_every_deadline(watched: Watched) -> None:
    watched.deadlines.set(b"later", watched.now() + 3 * FAR)
    watched.deadlines.set(b"a", watched.now() + FAR)
    watched.deadlines.set(b"b", watched.now() + FAR)
    watched.advance(2 * FAR)
    await until(lambda: len(watched.passed) == 2)
    assert sorted(watched.passed) == [b"a", b"b"]


async def test_a_deadline_can_be_moved_and_lifted(watched: Watched) -> None:
    watched.deadlines.set(b"lifted", watched.now() + FAR)
    watched.deadlines.set(b"moved", watched.now() + FAR)
    watched.deadlines.set(b"lifted", None)
    watched.deadlines.set(b"never set", None)
    watched.deadlines.set(b"moved", watched.now() + 10)
    await until(lambda: watched.passed == [b"moved"])
    watched.advance(2 * FAR)
    watched.deadlines.set(b"last", watched.now())
    await until(lambda: b"last" in watched.passed)
    assert b"lifted" not in watched.passed


async def test_a_failure_holds_up_no_other_deadline_and_is_tried_again(watched: Watched) -> None:
    watched.failures = 1
    watched.deadlines.set(b"fails first", watched.now() - 2)
    await until(lambda: watched.failures == 0)
    watched.deadlines.set(b"other", watched.now() - 1)
    await until(lambda: b"other" in watched.passed)
    watched.advance(FAR)
    await until(lambda: b"fails first" in watched.passed)


async def test_what_was_lifted_or_moved_is_forgotten_before_its_moment(watched: Watched) -> None:
    for number in range(1000):
        key = number.to_bytes(4, "big")
        watched.deadlines.set(key, watched.now() + FAR)
        watched.deadlines.set(key, watched.now() + 2 * FAR)
        watched.deadlines.set(key, None)
    watched.deadlines.set(b"left", watched.now() + FAR)
    assert len(watched.deadlines._soonest) < 100
    watched.advance(3 * FAR)
    await until(lambda: watched.passed)
    assert watched.passed == [b"left"]


async def test_one_that_is_set_into_the_past_again_keeps_no_other_waiting(
    watched: Watched,
) -> None:
    past = watched.now() - FAR
    watched.again = {b"again": past}
    watched.deadlines.set(b"again", past)
    watched.deadlines.set(b"other", watched.now() - 1)
    await until(lambda: b"other" in watched.passed)
    watched.again = {}
    assert watched.passed[:2] == [b"again", b"other"]
