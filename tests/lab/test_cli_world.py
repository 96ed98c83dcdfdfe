"""The command line with a world: what a person types on the first day."""

import asyncio
import json
import os
import select
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from scenarios.lab.plan import SERVERS
from scenarios.lab.world import World
from tests.lab.commands import JANGTEO, ROOT, Done, environment, jangteo, on_terminal
from tests.lab.processes_left import processes_of, wait_until_ended

pytestmark = pytest.mark.timeout(90)

PEERS = 5
NODES = PEERS + len(SERVERS)
PORTS = "21000"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cli") / "world"


@pytest.fixture(scope="module")
def started(place: Path) -> Iterator[Done]:
    """`jangteo up` of a market that the tests of this file share."""
    yield jangteo("up", "--peers", str(PEERS), "--ports", PORTS, "--world", str(place))
    jangteo("down", "--forget", "--world", str(place))
    assert wait_until_ended(processes_of(place), seconds=1) == []


@pytest.fixture
def world(started: Done, place: Path) -> str:
    assert started.code == 0, started.err
    return str(place)


def test_up_tells_in_plain_lines_what_it_started_and_where(started: Done, place: Path) -> None:
    assert started.code == 0, started.err
    lines = started.out.splitlines()

    assert lines[0].startswith(
        f"Starting a market of {NODES}: 1 certificate authority, 1 broker, "
        "1 central server, 1 escrow server, "
    )
    assert ", 5 peers ... ready in " in lines[0]
    record = json.loads((place / "world.json").read_text())
    for node in record["nodes"][: len(SERVERS)]:
        assert any(node["name"] in line and node["url"] in line for line in lines)
    assert lines[-1].startswith("next      jangteo run")


def test_up_again_is_no_failure_and_starts_nothing(world: str) -> None:
    before = jangteo("status", "--json", "--world", world).json

    done = jangteo("up", "--json", "--world", world)

    assert done.code == 0
    assert done.json["ran_before"] is True
    pids = {node["name"]: node["pid"] for node in before["nodes"]}
    assert {node["name"]: node["pid"] for node in done.json["nodes"]} == pids


def test_up_with_other_settings_leaves_a_running_world_alone(world: str) -> None:
    done = jangteo("up", "--no-lab", "--world", world)

    assert done.code == 3
    assert "Stop it first: jangteo down" in done.err


def test_status_shows_every_node(world: str) -> None:
    done = jangteo("status", "--json", "--world", world)

    assert done.code == 0
    assert (done.json["ready"], done.json["lab"], done.json["guards_off"]) == (True, True, [])
    assert len(done.json["nodes"]) == NODES
    for node in done.json["nodes"]:
        assert node["state"] == "ready"
        assert node["memory_bytes"] > 1 << 20
        assert node["uptime_seconds"] >= 0
    plain = jangteo("status", "--world", world).out.splitlines()
    assert plain[0].split() == ["node", "role", "state", "pid", "url", "memory", "cpu", "up"]
    assert plain[-1].startswith(f"{NODES} nodes: {NODES} ready; ")


def test_status_is_drawn_on_a_terminal(world: str) -> None:
    done = on_terminal("status", "--world", world)

    assert done.code == 0
    assert "╭" in done.out
    assert "peer-05" in done.out


def test_a_node_is_killed_and_started_again(world: str) -> None:
    killed = jangteo("kill", "peer-03", "--world", world)
    assert killed.code == 0
    assert "peer-03 (pid " in killed.out

    seen = jangteo("status", "--json", "--world", world)
    assert seen.code == 3
    states = {node["name"]: node["state"] for node in seen.json["nodes"]}
    assert {name for name, state in states.items() if state == "dead"} == {"peer-03"}

    again = jangteo("kill", "peer-03", "--world", world)
    assert again.code == 3
    assert "jangteo restart peer-03" in again.err

    restarted = jangteo("restart", "peer-03", "--json", "--world", world)
    assert restarted.code == 0
    assert jangteo("status", "--world", world).code == 0


def test_a_node_that_waits_for_others_is_said_to_wait_and_comes_back_with_them(world: str) -> None:
    assert jangteo("kill", "peer-01", "peer-02", "--world", world).code == 0

    # Four of five peers vouch for a register; with two away one alone is not ready again.
    alone = jangteo("restart", "peer-01", "--wait", "1", "--world", world)
    assert alone.code == 3
    assert "peer-01 runs, and after 1 s still waits for: ring" in alone.err

    both = jangteo("restart", "peer-01", "peer-02", "--world", world)
    assert both.code == 0, both.err
    assert jangteo("status", "--world", world).code == 0


@pytest.mark.parametrize("command", ["kill", "restart", "logs", "wallet"])
@pytest.mark.parametrize("name", ["peer-3", "peer3", "Peer_03"])
def test_a_misspelt_node_is_corrected(world: str, command: str, name: str) -> None:
    done = jangteo(command, name, "--world", world)

    assert done.code == 3
    assert done.err.startswith(f"There is no node '{name}'. Did you mean peer-03?")


def test_where_no_node_is_near_the_peers_are_listed_in_short(world: str) -> None:
    done = jangteo("kill", "nobody", "--world", world)

    assert done.code == 3
    assert " There are: certificate-authority, broker, " in done.err
    assert ", peer-01 to peer-05 " in done.err


def test_logs_are_the_nodes_own_json_lines(world: str) -> None:
    done = jangteo("logs", "broker", "--world", world, "-n", "1")

    assert done.code == 0
    (line,) = done.out.splitlines()
    assert json.loads(line)["node"] == "broker"


def test_logs_are_made_readable_on_a_terminal(world: str) -> None:
    done = on_terminal("logs", "broker", "--world", world)

    assert "started  url=http://127.0.0.1:" in done.out
    assert "{" not in done.out


def test_logs_are_followed_as_they_grow(world: str, place: Path) -> None:
    following = subprocess.Popen(
        [*JANGTEO, "logs", "broker", "-f", "-n", "0", "--world", world],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
    )
    assert following.stdout is not None
    try:
        with (place / "logs" / "broker.log").open("a") as log:
            # Said until it is read: when the reader is at the end of the file is its own affair.
            while not select.select([following.stdout], [], [], 0.1)[0]:
                log.write('{"event": "said later"}\n')
                log.flush()
        read = os.read(following.stdout.fileno(), 1024)
    finally:
        following.send_signal(signal.SIGINT)
        code = following.wait(10)

    assert b"said later" in read
    assert code == 130


def test_a_reader_that_has_seen_enough_ends_the_command_quietly(world: str) -> None:
    done = subprocess.run(
        f"{' '.join(JANGTEO)} logs broker -n 1000000 --world {world} | head -c 1",
        shell=True,
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        timeout=30,
    )

    assert done.stderr == b""


def test_a_wallet_names_its_owner(world: str) -> None:
    done = jangteo("wallet", "peer-02", "--json", "--world", world)

    assert done.code == 0
    assert done.json["name"] == "peer-02"
    assert len(done.json["id"]) == 64
    assert done.json["coins"] == []


async def withdraw(place: Path, peer: str, count: int) -> None:
    """Returns when the coins are held."""
    async with World.open(place) as world:
        node, last = world.node(peer), 0
        await node.control("withdraw", count=count)
        while True:
            coins = (await node.get("/inspect/ledger"))["coins"]
            if [coin["state"] for coin in coins] == ["held"] * count:
                return
            for row in await node.trace(after=last, wait=5):
                last = row["n"]


def test_a_wallet_shows_account_and_coins(world: str, place: Path) -> None:
    asyncio.run(withdraw(place, "peer-04", 2))

    found = jangteo("wallet", "peer-04", "--json", "--world", world).json
    assert found["account"]["balance"] == 998
    assert found["coins_by_state"] == {"held": 2}
    lines = jangteo("wallet", "peer-04", "--world", world).out.splitlines()
    assert lines[1:3] == ["account   998 at the broker", "wallet    2 coins: 2 can be spent"]
    assert sorted(line.split()[1:3] for line in lines[5:]) == [["peer-04", "1"], ["peer-04", "2"]]


def test_the_doctor_tells_of_a_world_that_runs_elsewhere(world: str, tmp_path: Path) -> None:
    done = jangteo("doctor", "--json", "--world", str(tmp_path / "another"))

    findings = {finding["what"]: finding for finding in done.json["findings"]}
    assert world in findings["other worlds"]["found"]
    assert "jangteo down --world" in findings["other worlds"]["advice"]


def test_down_stops_all_up_takes_the_same_ports_and_forget_deletes(tmp_path: Path) -> None:
    place = tmp_path / "world"
    world = ["--world", str(place), "--json"]
    first = jangteo("up", "--peers", str(PEERS), "--without", "payee-is-named", *world).json
    pids = processes_of(place)

    down = jangteo("down", *world)
    assert down.json == {"world": str(place), "stopped": NODES, "killed": 0, "forgotten": False}
    assert wait_until_ended(pids, seconds=0.5) == []

    again = jangteo("up", *world).json
    assert [n["url"] for n in again["nodes"]] == [n["url"] for n in first["nodes"]]
    assert (first["guards_off"], again["guards_off"]) == (["payee-is-named"], [])

    forgotten = jangteo("down", "--forget", *world)
    assert forgotten.json["forgotten"] is True
    assert processes_of(place) == set()
    assert not place.exists()


def test_a_taken_port_is_named_with_its_holder(tmp_path: Path) -> None:
    world = ["--world", str(tmp_path / "world")]
    up = jangteo("up", "--peers", str(PEERS), "--json", *world).json
    jangteo("down", *world)
    port = int(up["nodes"][4]["url"].rpartition(":")[2])

    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        done = jangteo("up", *world)

    assert done.code == 3
    assert f"Port {port} is taken by another program (pid {os.getpid()}, " in done.err
    assert "jangteo up --ports " in done.err
    assert processes_of(tmp_path / "world") == set()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_world_in_the_foreground_ends_with_its_command(
    tmp_path: Path, number: signal.Signals
) -> None:
    place = tmp_path / "world"
    command = subprocess.Popen(
        [*JANGTEO, "up", "--foreground", "--peers", str(PEERS), "--world", str(place)],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert command.stdout is not None
    said = []
    while "Ctrl-C stops every node." not in (line := command.stdout.readline()):
        said.append(line)
        assert line, "".join(said)
    pids = processes_of(place)
    assert len(pids) == NODES + 1

    command.send_signal(number)
    rest, _ = command.communicate(timeout=20)

    assert wait_until_ended(pids) == []
    if number != signal.SIGKILL:
        assert f"Stopping {NODES} nodes ... stopped in" in rest
        assert command.returncode == 0


def test_the_foreground_says_which_node_ended(tmp_path: Path) -> None:
    place = tmp_path / "world"
    command = subprocess.Popen(
        [*JANGTEO, "up", "--foreground", "--peers", str(PEERS), "--world", str(place)],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert command.stdout is not None
    while "Ctrl-C" not in command.stdout.readline():
        pass
    jangteo("kill", "peer-02", "--world", str(place))
    line = command.stdout.readline()
    jangteo("down", "--world", str(place))
    command.communicate(timeout=20)

    assert line.startswith("peer-02 was killed by signal 9")
    assert command.returncode == 0


def test_a_start_that_is_broken_off_says_so_and_leaves_nothing_running(tmp_path: Path) -> None:
    place = tmp_path / "world"
    command = subprocess.Popen(
        [*JANGTEO, "up", "--peers", "16", "--world", str(place)],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    while not (place / "world.json").exists():
        assert wait_until_ended([command.pid], seconds=0.01)
    command.send_signal(signal.SIGINT)
    out, _ = command.communicate(timeout=20)

    assert command.returncode == 130
    assert "stopped; nothing that was started still runs" in out
    assert wait_until_ended(processes_of(place), seconds=2) == []
