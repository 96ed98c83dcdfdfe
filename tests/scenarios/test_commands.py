"""`jangteo run` and its kin as a person types them: what they say, leave behind and end with."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scenarios.lab.run import load_run
from tests.lab.commands import JANGTEO, ROOT, environment, jangteo
from tests.lab.processes_left import processes_of, wait_until_ended

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A market of five peers that the tests of this file share."""
    folder = tmp_path_factory.mktemp("run") / "world"
    up = jangteo("up", "--peers", "5", "--ports", "21400", "--world", str(folder))
    assert up.code == 0, up.err
    yield folder
    jangteo("down", "--forget", "--world", str(folder))
    assert wait_until_ended(processes_of(folder), seconds=1) == []


# before anything is started


def test_help_starts_nothing(tmp_path: Path) -> None:
    done = jangteo("run", "escrow_purchase", "--help", env={"TMPDIR": str(tmp_path)})
    assert done.code == 0
    assert "--content" in done.out
    assert "--price" in done.out
    assert list(tmp_path.iterdir()) == []


def test_a_scenarios_file_is_a_program_with_the_same_options(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "scenarios.escrow_purchase", "--help"],
        cwd=ROOT,
        env=environment({"TMPDIR": str(tmp_path)}),
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 0
    assert "--price" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_misspelt_scenario_is_told_its_right_name() -> None:
    done = jangteo("run", "escrow_purchas")
    assert done.code == 3
    assert done.err.startswith(
        "There is no scenario 'escrow_purchas'. Did you mean escrow_purchase?"
    )


def test_content_that_is_not_there_starts_nothing(tmp_path: Path) -> None:
    done = jangteo(
        "run", "escrow_purchase", "--content", "missing.flac", "--runs", str(tmp_path / "runs"),
        env={"TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert done.code == 3
    assert done.err == "Cannot read missing.flac: no such file. Nothing was started.\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("where", ["/proc/nowhere", __file__])
def test_a_run_that_could_not_be_kept_is_not_begun(tmp_path: Path, where: str) -> None:
    done = jangteo("run", "coin_journey", "--runs", where, env={"TMPDIR": str(tmp_path)})
    assert done.code == 3
    assert done.err.startswith(f"Cannot keep a run in {where}: ")
    assert "Nothing was started." in done.err
    assert list(tmp_path.iterdir()) == []


def test_the_help_of_a_scenario_flows_as_the_terminal_is_wide() -> None:
    done = jangteo("run", "escrow_purchase", "--help")
    assert "The escrow server holds the key and the coins" in done.out


def test_an_option_out_of_range_is_misuse() -> None:
    assert jangteo("run", "escrow_purchase", "--price", "0").code == 4


def test_the_list_has_a_sentence_for_each() -> None:
    listed = jangteo("list", "--json").json
    assert "escrow_purchase" in [scenario["name"] for scenario in listed]
    assert all(len(scenario["sentence"]) > 20 for scenario in listed)


def test_without_a_name_run_lists_what_there_is() -> None:
    done = jangteo("run", "--list")
    assert done.code == 0
    assert "coin_journey" in done.out


# in a world that runs


def test_a_run_tells_its_steps_its_checks_and_its_verdict(place: Path, tmp_path: Path) -> None:
    done = jangteo(
        "run", "coin_journey", "--seed", "3", "--world", str(place), "--runs", str(tmp_path)
    )
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0].startswith("coin_journey   seed 3   ")
    steps = [line.split()[0] for line in lines if " -> " in line]
    assert steps == ["W1", "W2", "W3", *["Q1", "P1", "P2", "P3", "P1r"] * 3, "D1", "D3", "D2"]
    assert any(line.startswith("checked   holds") for line in lines)
    assert any(line.startswith("verdict   ok") for line in lines)
    (folder,) = (tmp_path / "coin_journey").iterdir()
    assert any(str(folder / "report.html") in line for line in lines)


def test_json_is_one_object_and_nothing_else(place: Path, tmp_path: Path) -> None:
    done = jangteo(
        "run", "escrow_purchase", "--json", "--world", str(place), "--runs", str(tmp_path)
    )
    assert done.code == 0
    told = done.json
    assert (told["verdict"], told["exit_code"]) == ("ok", 0)
    assert Path(told["report"]).is_file()
    assert all(check["holds"] for check in told["checks"])
    assert done.out.count("\n") == 1


def test_the_evidence_of_a_run_is_judged_offline(place: Path, tmp_path: Path) -> None:
    run = jangteo(
        "run", "escrow_purchase", "--json", "--world", str(place), "--runs", str(tmp_path)
    ).json

    done = jangteo("judge", run["folder"], "--json", cwd=tmp_path)

    assert done.code == 0, done.err
    (sale,) = done.json["sales"]
    assert (sale["answer"], sale["digests"]) == ("decided", "equal")
    told = {(fact["name"], fact["what"]) for fact in sale["facts"]}
    buyer, seller = run["summary"].split()[0], run["summary"].split(" from ")[1].split()[0]
    assert {(seller, "6a"), (buyer, "7"), (buyer, "contract"), (seller, "contract")} <= told
    assert (buyer, "rating") in told


def test_a_world_that_does_not_suit_is_not_used(place: Path, tmp_path: Path) -> None:
    done = jangteo("run", "escrow_dispute", "--world", str(place), "--runs", str(tmp_path))
    assert done.code == 3
    assert "--own" in done.err
    done = jangteo("run", "coin_offline", "--peers", "8", "--runs", str(tmp_path))
    assert done.code == 3
    assert "needs 16 peers or more, not 8" in done.err
    assert list(tmp_path.iterdir()) == []


def test_a_transaction_is_traced_over_all_its_parties(place: Path, tmp_path: Path) -> None:
    ran = jangteo(
        "run", "escrow_purchase", "--json", "--world", str(place), "--runs", str(tmp_path)
    )
    run = load_run(Path(ran.json["folder"]))
    sale = next(event.transaction for event in run.events if event.step == "8a")
    traced = jangteo("trace", sale[:24], "--world", str(place), "--json").json
    assert traced["transaction"] == sale
    steps = [event["step"] for event in traced["events"]]
    assert steps.index("5") < steps.index("7") < steps.index("8a") < steps.index("8b")
    assert {state for _, _, _, state in traced["states"]} == {"accepted", "paid", "closed"}
    unknown = jangteo("trace", "ffff", "--world", str(place))
    assert unknown.code == 3
    assert "No node of this world knows" in unknown.err


def test_without_a_transaction_trace_lists_them(place: Path, tmp_path: Path) -> None:
    world = ("--world", str(place))
    run = jangteo("run", "escrow_purchase", "--json", *world, "--runs", str(tmp_path)).json
    kept = {file.stem for file in (Path(run["folder"]) / "evidence").iterdir()}

    listed = jangteo("trace", "--json", *world).json["transactions"]

    sales = [row for row in listed if row["protocol"] == "escrow_commerce"]
    (known,) = (row for row in sales if row["transaction"] in kept)
    assert "escrow-server closed" in known["states"].split(", ")
    done = jangteo("trace", *world)
    assert (done.code, known["transaction"] in done.out) == (0, True)
    example = done.out.splitlines()[-1].split("jangteo ")[1].split()
    assert jangteo(*example, *world).code == 0


def test_an_audit_holds_while_it_runs_and_from_its_disks(place: Path, tmp_path: Path) -> None:
    jangteo("run", "coin_journey", "--world", str(place), "--runs", str(tmp_path))
    live = jangteo("audit", "--world", str(place), "--json")
    assert (live.code, live.json["verdict"]) == (0, "ok")
    jangteo("down", "--world", str(place))
    try:
        assert jangteo("audit", "--world", str(place)).code == 3
        offline = jangteo("audit", "--offline", "--world", str(place), "--json")
        assert (offline.code, offline.json["verdict"]) == (0, "ok")
        names = [check["name"] for check in live.json["checks"]]
        assert [check["name"] for check in offline.json["checks"]] == names
    finally:
        assert jangteo("up", "--world", str(place)).code == 0


def test_an_audit_sees_what_was_changed_on_a_disk(place: Path, tmp_path: Path) -> None:
    """One unit more on an account, written into a copy of the broker's store."""
    import shutil
    import sqlite3

    import msgspec

    world = tmp_path / "copy"
    jangteo("run", "coin_journey", "--world", str(place), "--runs", str(tmp_path / "runs"))
    shutil.copytree(place, world, ignore=shutil.ignore_patterns("*.sock"))
    with sqlite3.connect(world / "nodes" / "broker" / "node.db") as store:
        key, value = store.execute("SELECT key, value FROM accounts").fetchone()
        account = msgspec.msgpack.decode(value)
        account["balance"] += 1
        store.execute(
            "UPDATE accounts SET value = ? WHERE key = ?", (msgspec.msgpack.encode(account), key)
        )
    done = jangteo("audit", "--offline", "--world", str(world), "--json")
    assert (done.code, done.json["verdict"]) == (1, "violated")
    wrong = [check["name"] for check in done.json["checks"] if check["holds"] is False]
    assert wrong == ["value conserved", "each account is what was moved"]


def test_the_newest_report_is_found(place: Path, tmp_path: Path) -> None:
    assert jangteo("report", "--runs", str(tmp_path)).code == 3
    ran = jangteo("run", "coin_journey", "--json", "--world", str(place), "--runs", str(tmp_path))
    found = jangteo("report", "--runs", str(tmp_path), "--json").json
    assert Path(found["report"]).samefile(ran.json["report"])


# a world of its own


def test_a_world_beside_the_one_that_runs_is_said_to_be_one(place: Path, tmp_path: Path) -> None:
    done = jangteo(
        "run", "coin_journey", "--own", "--peers", "5", "--world", str(place),
        "--runs", str(tmp_path),
    )  # fmt: skip
    assert done.code == 0, done.err
    assert "Starting a market of 8 beside the one that runs ... ready" in done.out


def test_a_world_of_its_own_is_gone_afterwards(tmp_path: Path) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    done = jangteo(
        "run", "coin_journey", "--peers", "5", "--runs", str(tmp_path / "runs"),
        cwd=tmp_path, env={"TMPDIR": str(temporary), "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.code == 0, done.err
    assert "Starting a market of 8 ... ready" in done.out
    assert list(temporary.iterdir()) == []


def test_ctrl_c_stops_every_process_and_keeps_the_run_as_unknown(tmp_path: Path) -> None:
    temporary, runs = tmp_path / "tmp", tmp_path / "runs"
    temporary.mkdir()
    child = subprocess.Popen(
        [*JANGTEO, "run", "reputation_rounds", "--runs", str(runs)],
        cwd=tmp_path,
        env=environment({"TMPDIR": str(temporary), "PYTHONPATH": str(ROOT)}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert child.stdout is not None
    for line in child.stdout:
        if "Withdraw" in line:
            break
    (world,) = temporary.iterdir()
    nodes = [
        node["process"]["pid"] for node in json.loads((world / "world.json").read_text())["nodes"]
    ]
    child.send_signal(signal.SIGINT)
    told, _ = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "Stopping 12 processes ... stopped.\nThe run is kept as 'unknown' in" in told
    assert list(temporary.iterdir()) == []
    assert [pid for pid in nodes if Path(f"/proc/{pid}").exists()] == []
    (folder,) = (runs / "reputation_rounds").iterdir()
    assert load_run(folder).verdict == "unknown"
    assert os.path.getsize(folder / "report.html") > 0


def test_ctrl_c_leaves_a_world_running_that_is_not_the_runs_own(
    place: Path, tmp_path: Path
) -> None:
    child = subprocess.Popen(
        [
            *JANGTEO, "run", "coin_journey", "--count", "64",
            "--world", str(place), "--runs", str(tmp_path),
        ],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )  # fmt: skip
    assert child.stdout is not None
    for line in child.stdout:
        if "W1" in line:
            break
    child.send_signal(signal.SIGINT)
    told, _ = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "Ending the run ... ended; the world goes on.\nThe run is kept" in told
    assert jangteo("status", "--world", str(place)).code == 0
