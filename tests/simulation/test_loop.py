"""The virtual loop: time jumps, order comes from the seed, and waiting for nothing is an error."""

import asyncio
import random
import time
from collections.abc import Coroutine
from typing import Any

import pytest

from scenarios.simulation.loop import NothingToDo, TimeIsUp, VirtualLoop
from scenarios.simulation.network import Network


def run(work: Coroutine[Any, Any, Any], seed: int = 1, *, seconds: float = 10_000.0) -> Any:
    network = Network(random.Random(seed))
    return VirtualLoop(network, random.Random(seed), seconds=seconds).run(work)


def test_an_hour_passes_at_once() -> None:
    async def work() -> float:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        await asyncio.sleep(3600)
        return loop.time() - begun

    begun = time.perf_counter()
    assert run(work()) == pytest.approx(3600)
    assert time.perf_counter() - begun < 5


def test_timers_fire_in_their_order() -> None:
    async def work() -> list[float]:
        fired: list[float] = []

        async def one(seconds: float) -> None:
            await asyncio.sleep(seconds)
            fired.append(seconds)

        await asyncio.gather(*(one(seconds) for seconds in (3.0, 0.5, 2.0, 1.0)))
        return fired

    assert run(work()) == [0.5, 1.0, 2.0, 3.0]


def test_a_timeout_ends_what_takes_longer() -> None:
    async def work() -> None:
        async with asyncio.timeout(5):
            await asyncio.sleep(6)

    with pytest.raises(TimeoutError):
        run(work())


def test_waiting_for_what_nobody_does_is_an_error_and_no_hang() -> None:
    async def work() -> None:
        await asyncio.Event().wait()

    with pytest.raises(NothingToDo, match="work"):
        run(work())


def test_a_run_has_an_end() -> None:
    async def work() -> None:
        for _ in range(1000):
            await asyncio.sleep(1)

    with pytest.raises(TimeIsUp, match="after 101 virtual seconds"):
        run(work(), seconds=100)


def test_many_cancelled_timers_leave_the_others_as_they_were() -> None:
    async def work() -> list[int]:
        loop = asyncio.get_running_loop()
        fired: list[int] = []
        timers = [loop.call_later(1 + n / 1000, fired.append, n) for n in range(3000)]
        for n, timer in enumerate(timers):
            if n % 10:
                timer.cancel()
        await asyncio.sleep(10)
        return fired

    assert run(work()) == list(range(0, 3000, 10))


def test_work_in_a_thread_is_done_in_this_one_a_moment_later() -> None:
    async def work() -> tuple[int, float]:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        return await asyncio.to_thread(lambda: 6 * 7), loop.time() - begun

    answer, seconds = run(work())
    assert answer == 42
    assert 0 < seconds < 0.01


def test_a_failure_in_a_thread_reaches_who_waits_for_it() -> None:
    async def work() -> None:
        await asyncio.to_thread(lambda: 1 // 0)

    with pytest.raises(ZeroDivisionError):
        run(work())


def test_sets_of_tasks_have_the_same_order_every_time() -> None:
    async def work() -> list[str]:
        async def nothing() -> None:
            await asyncio.sleep(0)

        tasks = {asyncio.create_task(nothing(), name=str(n)) for n in range(50)}
        padding = [object() for _ in range(random.randrange(1000))]  # other addresses each time
        await asyncio.wait(tasks)
        assert padding is not None
        return [task.get_name() for task in tasks]

    assert run(work()) == run(work())


def test_the_seed_decides_how_long_things_take() -> None:
    async def work() -> float:
        for _ in range(10):
            await asyncio.to_thread(int)
        return asyncio.get_running_loop().time()

    assert run(work(), seed=1) == run(work(), seed=1)
    assert run(work(), seed=1) != run(work(), seed=2)
