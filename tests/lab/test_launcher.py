"""Whole worlds started and stopped: nothing half started stays, nothing runs on unasked."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scenarios.lab.failures import KeeperFailed, NodeEnded, NotReadyInTime, PortTaken
from scenarios.lab.launcher import start_world, stop_world
from scenarios.lab.plan import SERVERS, Plan
from scenarios.lab.processes import is_running, kill
from scenarios.lab.world_folder import WorldFolder, WorldRecord
from tests.lab.processes_left import holders_of_pipe, processes_of, wait_until_ended

pytestmark = pytest.mark.timeout(60)

PEERS = 5
NODES = PEERS + len(SERVERS)
SMALL = Plan(peers=PEERS, first_port=20_500)
ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[WorldFolder]:
    made = WorldFolder(tmp_path / "world")
    yield made
    if made.exists():
        stop_world(made)
    left = wait_until_ended(processes_of(made.path))
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert left == []


def start(folder: WorldFolder, plan: Plan = SMALL, **more: float) -> WorldRecord:
    return asyncio.run(start_world(folder, plan, **more))  # type: ignore[arg-type]


def running(record: WorldRecord) -> list[str]:
    return [node.name for node in record.nodes if is_running(node.process)]


def test_every_party_is_a_process_of_its_own_without_a_terminal(folder: WorldFolder) -> None:
    record = start(folder)

    assert folder.read() == record
    assert running(record) == record.names()
    pids = [node.process.pid for node in record.nodes if node.process]
    assert len(set(pids)) == NODES
    for node, pid in zip(record.nodes, pids, strict=True):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        session, terminal = int(fields[3]), int(fields[4])
        assert (session, terminal) == (pid, 0)
        assert os.readlink(f"/proc/{pid}/fd/0") == "/dev/null"
        assert os.readlink(f"/proc/{pid}/fd/2") == str(folder.log(node.name))
        assert len(node.id) == 64
    assert len({node.id for node in record.nodes}) == NODES


def test_progress_is_told_up_to_the_last_node(folder: WorldFolder) -> None:
    heard: list[tuple[int, int]] = []

    asyncio.run(start_world(folder, SMALL, progress=lambda done, of: heard.append((done, of))))

    assert heard == [(done, NODES) for done in range(NODES + 1)]


def test_after_a_stop_nothing_runs_and_the_next_start_has_the_same_ports_and_keys(
    folder: WorldFolder,
) -> None:
    first = start(folder)
    assert stop_world(folder) == (NODES, 0)
    assert wait_until_ended(processes_of(folder.path), seconds=0.5) == []
    assert running(folder.read()) == []

    again = start(folder, Plan())

    assert [(n.name, n.url, n.id) for n in again.nodes] == [
        (n.name, n.url, n.id) for n in first.nodes
    ]
    assert {n.process for n in again.nodes}.isdisjoint({n.process for n in first.nodes})


def test_a_second_start_brings_back_the_dead_and_leaves_the_living(folder: WorldFolder) -> None:
    first = start(folder)
    victim = first.node("peer-02")
    assert victim.process is not None
    kill(victim.process)

    again = start(folder, Plan())

    changed = {n.name for n, old in zip(again.nodes, first.nodes, strict=True) if n != old}
    assert changed == {"peer-02"}
    assert running(again) == again.names()
    assert again.node("peer-02").id == victim.id


def test_the_launcher_restarts_nothing_by_itself(folder: WorldFolder) -> None:
    record = start(folder)
    victim = record.node("peer-02").process
    assert victim is not None
    kill(victim)

    # The keeper has fetched its exit code, so it knows, and does nothing.
    with pytest.raises(NodeEnded, match="peer-02 was killed by signal 9"):
        asyncio.run(_await_ready(folder, "peer-02"))
    assert not is_running(folder.read().node("peer-02").process)


async def _await_ready(folder: WorldFolder, name: str) -> None:
    from scenarios.lab.launcher import await_ready

    await await_ready(folder, [name], seconds=5)


def test_nodes_outlive_their_keeper_and_another_one_takes_its_place(folder: WorldFolder) -> None:
    record = start(folder)
    assert record.keeper is not None
    kill(record.keeper)
    victim = record.node("peer-02").process
    assert victim is not None
    kill(victim)
    assert len(running(record)) == NODES - 1

    again = start(folder, Plan())

    assert again.keeper != record.keeper
    assert running(again) == again.names()


def test_a_taken_port_stops_the_start_and_leaves_nothing_behind(folder: WorldFolder) -> None:
    first = start(folder)
    stop_world(folder)
    before = folder.record.read_bytes()
    port = first.node("peer-01").port

    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        with pytest.raises(PortTaken, match=rf"Port {port} is taken .*pid {os.getpid()}"):
            start(folder, Plan())

    assert processes_of(folder.path) == set()
    assert folder.record.read_bytes() == before


def test_a_refused_first_start_leaves_no_folder(folder: WorldFolder) -> None:
    from scenarios.lab.failures import NoFreePorts

    with pytest.raises(NoFreePorts):
        start(folder, Plan(peers=PEERS, first_port=65_530))

    assert not folder.path.exists()


def test_a_node_that_ends_while_starting_is_named_with_its_reason_and_nothing_stays(
    folder: WorldFolder,
) -> None:
    folder.make()
    folder.data("peer-03").mkdir(parents=True)
    (folder.data("peer-03") / "lock").mkdir()
    folder.write(WorldRecord(peers=PEERS, lab=True, nodes=_laid_out(folder)))

    with pytest.raises(NodeEnded, match=r"^peer-03 ended with exit code 3: .*jangteo logs peer-03"):
        start(folder, Plan())

    assert processes_of(folder.path) == set()


def _laid_out(folder: WorldFolder) -> list:  # type: ignore[type-arg]
    from scenarios.lab.plan import laid_out

    return laid_out(SMALL, folder).nodes


def test_a_program_that_cannot_be_imported_is_named_and_nothing_stays(folder: WorldFolder) -> None:
    plan = Plan(
        peers=PEERS, first_port=20_500, programs={"peer-03": "scenarios.adversaries.nobody"}
    )

    with pytest.raises(KeeperFailed, match=r"scenarios\.adversaries\.nobody"):
        start(folder, plan)

    assert processes_of(folder.path) == set()


def test_a_world_that_is_not_ready_in_time_says_who_waits_for_what_and_stops(
    folder: WorldFolder,
) -> None:
    start(folder)
    stop_world(folder)
    # Without its books the authority waits for parties that believe they are enrolled.
    shutil.rmtree(folder.data("certificate-authority"))

    with pytest.raises(NotReadyInTime, match="certificate-authority waits for"):
        start(folder, Plan(), seconds=2.0)

    assert processes_of(folder.path) == set()


def test_a_start_that_is_broken_off_leaves_nothing_running(folder: WorldFolder) -> None:
    async def break_off() -> None:
        forked = asyncio.Event()
        starting = asyncio.create_task(
            start_world(folder, SMALL, progress=lambda done, of: forked.set())
        )
        await forked.wait()
        assert len(processes_of(folder.path)) > 1
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting

    asyncio.run(break_off())

    assert processes_of(folder.path) == set()


def test_a_world_whose_folder_is_deleted_ends(folder: WorldFolder) -> None:
    start(folder)
    pids = processes_of(folder.path)
    shutil.rmtree(folder.path)

    assert len(pids) == NODES + 1
    assert wait_until_ended(pids, seconds=15) == []


def test_closing_the_lifeline_ends_every_process(folder: WorldFolder) -> None:
    lifeline, own_end = os.pipe()
    asyncio.run(start_world(folder, SMALL, lifeline=lifeline))
    holders = holders_of_pipe(lifeline)
    assert len(holders) == NODES + 1

    os.close(own_end)

    assert wait_until_ended(holders) == []
    assert holders_of_pipe(lifeline) == set()
    os.close(lifeline)
    assert folder.exists()


OWNER = """
import asyncio, json, sys
from scenarios.lab.world import World

async def main():
    async with World.start_temporary(peers=5) as world:
        print(json.dumps({"folder": str(world.folder.path)}), flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_world_of_its_own_ends_with_its_owner_however_that_ends(number: signal.Signals) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert owner.stdout is not None
    folder = Path(json.loads(owner.stdout.readline())["folder"])
    pids = processes_of(folder)
    assert len(pids) == NODES + 1

    owner.send_signal(number)
    owner.communicate(timeout=20)

    assert wait_until_ended(pids) == []
    assert not folder.exists()
