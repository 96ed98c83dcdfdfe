"""Operations are counted for whoever asked for them."""

import asyncio
from collections import Counter

import pytest

from crypto.hashing import authenticate, digest
from crypto.meter import count, metering
from crypto.sealing import SealingKey, seal
from crypto.signing import SigningKey, verify


def test_every_primitive_reports_what_it_did() -> None:
    key, sealing = SigningKey(bytes(32)), SealingKey(bytes(range(32)))
    with metering() as meter:
        signature = key.sign("x", b"message")
        verify(key.public_key, "x", b"message", signature)
        sealing.open(seal(sealing.public_key, b"text", b"context"), b"context")
        digest("x", b"1")
        digest("x", b"2")
        authenticate(b"key", "x")
    assert meter == {"sign": 1, "verify": 1, "seal": 1, "open": 1, "hash": 2, "mac": 1}


@pytest.mark.asyncio
async def test_a_task_that_outlives_its_meter_goes_on_counting_into_it() -> None:
    kept: Counter[str] = Counter()
    gate = asyncio.Event()

    async def later() -> None:
        await gate.wait()
        count("sign")

    with metering(kept):
        task = asyncio.create_task(later())
    gate.set()
    await task
    assert kept == {"sign": 1}


def test_outside_a_meter_nothing_is_counted() -> None:
    with metering() as meter:
        pass
    digest("x")
    assert not meter


def test_an_inner_meter_takes_its_own_operations_and_gives_the_outer_back() -> None:
    with metering() as outer:
        count("hash")
        with metering() as inner:
            count("sign", 3)
        count("hash")
    assert (outer, inner) == ({"hash": 2}, {"sign": 3})


def test_a_meter_ends_with_an_exception() -> None:
    with pytest.raises(RuntimeError), metering() as meter:
        raise RuntimeError
    count("hash")
    assert not meter


@pytest.mark.asyncio
async def test_tasks_that_run_at_the_same_time_do_not_mix_their_counts() -> None:
    all_in = asyncio.Barrier(8)

    async def served(number: int) -> dict[str, int]:
        with metering() as meter:
            for _ in range(number):
                await all_in.wait() if _ == 0 else await asyncio.sleep(0)
                digest("x")
            return dict(meter)

    counts = await asyncio.gather(*(served(number) for number in range(1, 9)))
    assert counts == [{"hash": number} for number in range(1, 9)]


@pytest.mark.asyncio
async def test_a_task_started_inside_counts_on_its_starters_meter() -> None:
    async def helper() -> None:
        count("verify")

    with metering() as meter:
        await asyncio.gather(helper(), asyncio.create_task(helper()))
    assert meter == {"verify": 2}
