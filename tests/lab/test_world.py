"""A world as a scenario uses it: nodes by name, their answers, their deaths and returns."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from scenarios.lab.failures import (
    ControlRefused,
    NodeEnded,
    NoSuchNode,
    NotReached,
    NotReadyInTime,
    NoWorld,
    Unanswered,
    WorldIsDown,
)
from scenarios.lab.plan import SERVERS, Plan, laid_out
from scenarios.lab.world import World
from scenarios.lab.world_folder import WorldFolder
from tests.lab.processes_left import processes_of, wait_until_ended

pytestmark = [pytest.mark.timeout(60), pytest.mark.asyncio(loop_scope="module")]

PEERS = 5
UNKNOWN = "00" * 16


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world() -> AsyncIterator[World]:
    async with World.start_temporary(peers=PEERS, settings={"offer_seconds": 30}) as started:
        yield started


async def test_every_role_is_found_and_every_node_says_the_same_of_itself(world: World) -> None:
    assert [peer.name for peer in world.peers] == [f"peer-{n:02d}" for n in range(1, PEERS + 1)]
    servers = [
        world.certificate_authority,
        world.broker,
        world.central_server,
        world.escrow_server,
    ]
    for node in [*servers, *world.peers]:
        told = await node.get("/.well-known/node")
        assert (told["name"], told["role"], told["id"]) == (node.name, node.role, node.id)
        assert told["url"] == node.url
        assert world.with_id(node.id) is node
        assert await node.missing() == []


async def test_settings_lab_and_guards_reach_every_node(world: World) -> None:
    told = await world.get_all("/.well-known/node")

    assert len(told) == PEERS + len(SERVERS)
    assert world.settings == {"offer_seconds": "30"}
    assert all(node["lab"] for node in told.values())
    assert all(node["guards_off"] == [] for node in told.values())


async def test_a_name_that_is_almost_right_is_corrected(world: World) -> None:
    with pytest.raises(NoSuchNode, match=r"There is no node 'peer-3'\. Did you mean peer-03\?"):
        world.node("peer-3")


async def test_a_refusal_keeps_the_nodes_own_code_and_words(world: World) -> None:
    with pytest.raises(ControlRefused) as refused:
        await world.broker.control("clock", advance_seconds=-1)

    assert refused.value.code == "http/invalid-request"
    assert refused.value.outcome == "nothing-happened"
    assert refused.value.title == "The request's fields do not fit."
    assert refused.value.node == "broker"


async def test_only_the_holder_of_the_token_is_answered(world: World) -> None:
    from scenarios.lab.node_client import Node, open_session

    async with open_session() as session:
        stranger = Node(
            name="broker",
            role="broker",
            url=world.broker.url,
            id=world.broker.id,
            session=session,
            token="guessed",
            host=world.broker.host,
        )
        with pytest.raises(ControlRefused) as refused:
            await stranger.get("/inspect/ledger")

    assert refused.value.code == "http/not-the-owner"


async def test_the_clocks_of_all_nodes_move_together(world: World) -> None:
    before = {
        n: (await world.node(n).control("clock", advance_seconds=0))["now"] for n in world.nodes
    }
    await world.advance_clocks(3600)
    after = {
        n: (await world.node(n).control("clock", advance_seconds=0))["now"] for n in world.nodes
    }

    assert all(after[name] - before[name] >= 3_600_000 for name in before)


async def test_the_trace_is_read_on_from_a_row(world: World) -> None:
    peer = world.peers[0]
    rows = await peer.trace()
    first = rows[0]["n"]

    assert rows[0]["protocol"] == "membership"
    assert await peer.trace(after=first) == rows[1:]
    assert await peer.trace(after=rows[-1]["n"], wait=0.1) == []
    mine = await peer.trace(transaction=rows[0]["transaction"])
    assert {row["transaction"] for row in mine} == {rows[0]["transaction"]}


async def test_a_transaction_that_never_comes_is_waited_for_and_named(world: World) -> None:
    loop = asyncio.get_running_loop()
    before = loop.time()

    with pytest.raises(NotReached, match=f"peer-01: transaction {UNKNOWN} is not DONE after 0.5 s"):
        await world.peers[0].until(UNKNOWN, "DONE", seconds=0.5)
    assert 0.5 <= loop.time() - before < 5


async def test_use_of_processor_and_memory_is_told_for_every_node(world: World) -> None:
    used = world.usage()

    assert set(used) == set(world.nodes)
    assert all(u.cpu_seconds > 0 and 0 < u.memory_bytes <= u.peak_bytes for u in used.values())


async def test_a_killed_node_is_dead_at_once_and_comes_back_as_the_same_party(
    world: World,
) -> None:
    peer = world.peers[2]
    before = await peer.get("/.well-known/node")
    pid = peer.pid

    await peer.kill()

    assert not peer.alive()
    assert (peer.pid, peer.usage(), peer.uptime_seconds()) == (None, None, None)
    with pytest.raises(Unanswered, match="It does not run: jangteo restart peer-03"):
        await peer.get("/inspect/ledger")
    assert "peer-03" not in await world.get_all("/.well-known/node")

    await peer.restart()

    assert peer.alive()
    assert peer.pid != pid
    assert await peer.missing() == []
    after = await peer.get("/.well-known/node")
    same = ("id", "url", "sealing_key", "certificate")
    assert {name: after[name] for name in same} == {name: before[name] for name in same}


async def test_a_node_that_runs_is_ended_before_it_is_started_again(world: World) -> None:
    peer = world.peers[3]
    pid = peer.pid
    assert pid is not None

    await peer.restart()

    assert wait_until_ended([pid], seconds=0.1) == []
    assert peer.pid not in (None, pid)


async def test_several_nodes_are_started_again_at_once(world: World) -> None:
    chosen = world.peers[:3]
    await asyncio.gather(*(peer.kill() for peer in chosen))
    assert [peer.alive() for peer in world.peers] == [False] * 3 + [True] * 2

    await asyncio.gather(*(peer.restart() for peer in chosen))

    assert all(peer.alive() for peer in world.peers)
    pids = [peer.pid for peer in world.peers]
    assert len(set(pids)) == PEERS


async def test_a_node_that_cannot_be_ready_yet_is_not_waited_for_when_so_asked(
    world: World,
) -> None:
    first, second = world.peers[:2]
    await asyncio.gather(first.kill(), second.kill())

    await first.restart(ready=False)

    assert first.alive()
    assert await first.missing() == ["ring"]
    with pytest.raises(
        NotReadyInTime, match=r"peer-01 runs, and after 0\.3 s still waits for: ring"
    ):
        await first.until_ready(0.3)
    await second.restart()
    await first.until_ready(10)


async def test_a_node_that_ends_while_it_is_waited_for_is_said_to_have_ended(world: World) -> None:
    peer = world.peers[1]
    await peer.kill()

    with pytest.raises(NodeEnded, match="peer-02 was killed by signal 9"):
        await peer.until_ready(5)
    await peer.restart()


async def test_a_wait_lasts_through_the_death_and_return_of_a_node(world: World) -> None:
    peer = world.peers[4]
    waiting = asyncio.create_task(peer.until(UNKNOWN, "DONE", seconds=1.5))
    await peer.kill()
    await peer.restart()

    with pytest.raises(NotReached, match="nothing is known of it"):
        await waiting


async def test_a_running_world_is_opened_by_its_folder(world: World) -> None:
    assert world.folder is not None

    async with World.open(world.folder.path) as opened:
        assert {n.name: (n.url, n.id) for n in opened.nodes.values()} == {
            n.name: (n.url, n.id) for n in world.nodes.values()
        }
        assert (await opened.broker.get("/inspect/ledger"))["name"] == "broker"


async def test_a_running_world_is_opened_by_the_address_of_its_authority(world: World) -> None:
    assert world.folder is not None

    async with World.open_at(world.certificate_authority.url, world.folder.token) as opened:
        assert set(opened.nodes) == set(world.nodes)
        assert (await opened.broker.get("/inspect/ledger"))["name"] == "broker"


async def test_a_world_that_is_not_there_or_does_not_run_is_not_opened(tmp_path: Path) -> None:
    with pytest.raises(NoWorld, match="jangteo up"):
        async with World.open(tmp_path / "nowhere"):
            pass
    folder = WorldFolder(tmp_path / "world")
    folder.make()
    folder.write(laid_out(Plan(peers=PEERS), folder))
    with pytest.raises(WorldIsDown, match="jangteo up"):
        async with World.open(folder):
            pass


async def test_a_world_without_a_guard_says_so_everywhere_and_is_gone_afterwards(
    tmp_path: Path,
) -> None:
    seen: list[str] = []

    def keep(folder: WorldFolder) -> None:
        seen.extend(sorted(entry.name for entry in (folder.path / "logs").iterdir()))
        # Every node has ended: what it left can be read.
        assert len(processes_of(folder.path)) <= 1

    async with World.start_temporary(
        peers=PEERS, without=["payee-is-named"], lab=False, at_end=keep
    ) as started:
        assert started.folder is not None
        place = started.folder.path
        pids = processes_of(place)
        assert started.guards_off == ("payee-is-named",)
        told = await started.get_all("/.well-known/node")
        assert all(node["guards_off"] == ["payee-is-named"] for node in told.values())
        with pytest.raises(ControlRefused) as refused:
            await started.advance_clocks(1)
        assert refused.value.code == "http/not-in-a-lab"

    assert "peer-01.log" in seen
    assert wait_until_ended(pids, seconds=0.1) == []
    assert not place.exists()


async def fail_in_a_world_whose_keeper_is_gone(seen: list[Path]) -> None:
    async with World.start_temporary(peers=PEERS) as started:
        assert started.folder is not None
        seen.append(started.folder.path)
        keeper = started.folder.read().keeper
        assert keeper is not None
        os.kill(keeper.pid, signal.SIGKILL)
        raise ZeroDivisionError


async def test_a_failure_inside_a_world_of_its_own_ends_it_too() -> None:
    seen: list[Path] = []

    with pytest.raises(ZeroDivisionError):
        await fail_in_a_world_whose_keeper_is_gone(seen)

    assert processes_of(seen[0]) == set()
    assert not seen[0].exists()
