"""The end of a node is kill -9: what was committed stays, the rest is gone, nothing runs on."""

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from nodes.runtime.store import Store
from scenarios.lab.failures import NodeEnded, Unanswered
from scenarios.lab.node_client import Node
from scenarios.simulation.lives import LifeEnded
from scenarios.simulation.simulation import Simulation, simulate
from scenarios.simulation.world import SimulatedWorld

CATALOGUE = ("dht_micropayment",)


def in_a_world(work: Any, seed: int = 1, **given: Any) -> Any:
    async def all_of_it(simulation: Simulation) -> Any:
        async with SimulatedWorld.start(simulation, protocols=CATALOGUE, **given) as world:
            return await work(world)

    return simulate(all_of_it, seed=seed)


def test_what_was_committed_stays_and_the_rest_is_gone(tmp_path: Path) -> None:
    async def work(simulation: Simulation) -> dict[bytes, bytes]:
        life = simulation.new_life("writer", 1)
        store = life.context.run(Store, tmp_path / "node.db")
        table = store.table("things", bytes)

        async def write() -> None:
            for number in range(1000):
                async with store.transaction() as tx:
                    table.put(tx, b"%04d" % number, b"there")
                finished.append(number)

        finished: list[int] = []
        simulation.loop.create_task(write(), context=life.context)
        await asyncio.sleep(0.1)
        simulation.end_lives(life)
        store.abandon()
        await asyncio.sleep(10)
        again = Store(tmp_path / "node.db")
        kept = dict(again.table("things", bytes).items(again.committed))
        await again.close()
        assert 10 < len(finished) < 1000
        assert len(kept) == len(finished), "told to be saved, and what was under way is not there"
        return kept

    assert set(simulate(work).values()) == {b"there"}


def test_nothing_of_a_life_that_has_ended_runs_again() -> None:
    async def work(simulation: Simulation) -> list[str]:
        life = simulation.new_life("node", 1)
        done: list[str] = []

        async def tidy() -> None:
            try:
                async with asyncio.timeout(50):
                    await asyncio.sleep(100)
            finally:
                done.append("finally")

        def again() -> None:
            done.append("timer")
            asyncio.get_running_loop().call_later(1, again)

        async def begin() -> None:
            asyncio.get_running_loop().call_later(1, again)
            await asyncio.to_thread(done.append, "thread")

        loop = simulation.loop
        tasks = [loop.create_task(one(), context=life.context) for one in (tidy, begin)]
        await asyncio.sleep(2.5)
        assert done == ["thread", "timer", "timer"]
        simulation.end_lives(life)
        tasks[0].cancel()
        await asyncio.sleep(1000)
        assert not tasks[0].done()
        return list(done)

    assert simulate(work) == ["thread", "timer", "timer"]


def test_what_a_dead_life_left_open_is_not_closed_by_the_loop() -> None:
    done: list[str] = []

    async def work(simulation: Simulation) -> None:
        life = simulation.new_life("node", 1)

        @contextlib.asynccontextmanager
        async def opened() -> AsyncIterator[None]:
            try:
                yield
            finally:
                done.append("closed")
                await asyncio.Event().wait()

        async def hold() -> None:
            async with opened():
                await asyncio.sleep(100)

        simulation.loop.create_task(hold(), context=life.context)
        await asyncio.sleep(1)
        simulation.end_lives(life)
        gc.collect()
        await asyncio.sleep(1000)
        done.append("end")

    simulate(work)
    assert done[0] == "end"


def test_the_frame_that_ends_its_own_life_does_not_go_on() -> None:
    async def work(simulation: Simulation) -> list[str]:
        life = simulation.new_life("node", 1)
        done: list[str] = []

        async def end() -> None:
            try:
                simulation.end_lives(life)
                raise LifeEnded
            except Exception:
                done.append("caught")
            done.append("went on")

        simulation.loop.create_task(end(), context=life.context)
        await asyncio.sleep(10)
        return done

    assert simulate(work) == []


def test_a_killed_node_is_down_and_knows_everything_when_it_is_back() -> None:
    async def work(world: SimulatedWorld) -> None:
        peer = world.peers[0]
        taken = str((await peer.control("withdraw", count=3))["transaction"])
        await peer.until(taken, "held")
        before = (await peer.get("/inspect/ledger"))["coins"]
        await peer.kill()
        assert not peer.alive()
        with pytest.raises(Unanswered, match="does not run"):
            await peer.get("/healthz")
        await peer.restart()
        assert peer.alive()
        assert (await peer.get("/inspect/ledger"))["coins"] == before

    in_a_world(work)


def test_a_node_killed_at_a_point_has_done_nothing_after_it() -> None:
    async def work(world: SimulatedWorld) -> tuple[list[str], int]:
        peer, broker = world.peers[0], world.broker
        await broker.control("kill_at", protocol="dht_micropayment", step="W1", point="received")
        await peer.control("withdraw", count=3)
        await broker.ended()
        steps = await rows_of(world, "broker")
        await asyncio.sleep(5)
        assert await rows_of(world, "broker") == steps
        return steps, world.host.ends

    steps, ends = in_a_world(work)
    assert ends == 1
    assert steps[-1] == "W1"


async def rows_of(world: SimulatedWorld, name: str) -> list[str]:
    """Steps in the trace on its disk."""
    assert world.folder is not None
    lines = (world.folder.data(name) / "trace.jsonl").read_text().splitlines()
    return [line.partition('"step":"')[2].partition('"')[0] for line in lines]


def test_a_transaction_goes_on_where_its_node_was_killed() -> None:
    async def work(world: SimulatedWorld) -> str:
        peer, broker = world.peers[0], world.broker
        await broker.control("kill_at", protocol="dht_micropayment", step="W1", point="saved")
        taken = str((await peer.control("withdraw", count=3))["transaction"])
        await broker.ended()
        await broker.restart()
        record = await peer.until(taken, "held")
        return str(record["state"])

    assert in_a_world(work) == "held"


def test_two_nodes_cannot_live_on_one_folder_and_the_dead_one_holds_it_no_longer() -> None:
    async def work(world: SimulatedWorld) -> None:
        peer: Node = world.peers[0]
        for _ in range(20):
            await peer.kill()
            await peer.restart(ready=False)
        await peer.until_ready()

    in_a_world(work)


def test_a_node_that_cannot_start_has_ended_and_says_why() -> None:
    async def work(world: SimulatedWorld) -> None:
        peer = world.peers[0]
        await peer.kill()
        record = world.host.record
        record.node(peer.name).port = record.node(world.broker.name).port
        with pytest.raises(NodeEnded, match="already in use"):
            await peer.restart()

    in_a_world(work)
