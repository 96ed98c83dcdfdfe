"""One at a time for each name, whoever comes when."""

import asyncio

import pytest

from nodes.runtime.alone import Alone

pytestmark = pytest.mark.asyncio


async def test_who_comes_while_others_wait_waits_too() -> None:
    alone, inside, most = Alone(), 0, 0
    goes = [asyncio.Event() for _ in range(4)]

    async def hold(number: int) -> None:
        nonlocal inside, most
        async with alone.with_name(b"one"):
            inside += 1
            most = max(most, inside)
            await goes[number].wait()
            inside -= 1

    holders = [asyncio.ensure_future(hold(number)) for number in range(2)]
    await asyncio.sleep(0)
    goes[0].set()
    await holders[0]
    holders += [asyncio.ensure_future(hold(number)) for number in (2, 3)]
    for go in goes:
        await asyncio.sleep(0)
        go.set()
    await asyncio.gather(*holders)
    assert most == 1


async def test_another_name_does_not_wait_and_nothing_is_left() -> None:
    alone = Alone()
    async with alone.with_name(b"one"), alone.with_name(b"two"):
        assert len(alone._locks) == 2
    assert len(alone._locks) == 0


async def test_who_gives_up_waiting_lets_the_next_one_in() -> None:
    alone = Alone()

    async def hold() -> None:
        async with alone.with_name(b"one"):
            pass

    async with alone.with_name(b"one"):
        waiting, next_one = asyncio.ensure_future(hold()), asyncio.ensure_future(hold())
        await asyncio.sleep(0)
        waiting.cancel()
    await next_one
    with pytest.raises(asyncio.CancelledError):
        await waiting
