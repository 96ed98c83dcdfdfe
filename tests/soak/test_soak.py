"""Rounds of a soak on the simulator: an honest market is ok, a faulty one is caught."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from scenarios.soak.history import Happening, History, draw, read
from scenarios.soak.markets import on_simulator
from scenarios.soak.shrinking import shortest

HISTORIES = Path(__file__).parent / "histories"
GENEROUS = {"broker": "tests.soak.generous_broker"}


@pytest.mark.parametrize("seed", [1, 2])
def test_a_round_ends_ok(seed: int) -> None:
    lived = on_simulator(draw(seed))
    assert lived.faults == []
    deeds = [one for one in lived.history.happenings if one.kind == "deed"]
    assert len(lived.ended) == len(deeds)


@pytest.mark.parametrize("file", sorted(HISTORIES.glob("*.json")), ids=lambda file: file.stem)
def test_what_once_failed_ends_ok(file: Path) -> None:
    """Each is the shortest history that a fault, since mended, came back by."""
    assert on_simulator(read(file.read_bytes())).faults == []


def deed(number: int, what: str, *who: str) -> Happening:
    return Happening(number, 0, float(number), "deed", what, who)


FEW = History(
    5,
    (
        deed(1, "withdraw", "peer-01", "peer-02"),
        deed(2, "pay", "peer-03", "peer-04"),
        deed(3, "redeem", "peer-05", "peer-06"),
        deed(4, "reissue", "peer-02", "peer-03"),
    ),
)


def test_a_market_that_makes_money_is_caught_and_the_deed_is_found() -> None:
    lived = on_simulator(FEW, programs=GENEROUS)
    assert any("value conserved" in fault for fault in lived.faults)
    found = shortest(FEW, lambda part: not on_simulator(part, programs=GENEROUS).ok)
    assert [one.what for one in found.happenings] == ["redeem"]


def jangteo(*words: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "scenarios.lab.cli", "soak", *words, "--runs", str(folder)]
    environment = {**os.environ, "PYTHONHASHSEED": "random"}
    return subprocess.run(command, capture_output=True, text=True, timeout=240, env=environment)


def test_a_history_that_was_kept_is_played_again(tmp_path: Path) -> None:
    file = tmp_path / "history.json"
    file.write_text(json.dumps({"seed": 5, "happenings": []}))
    done = jangteo("--replay", str(file), "--json", folder=tmp_path)
    assert (done.returncode, json.loads(done.stdout)["verdict"]) == (0, "ok")
    assert read(file.read_bytes()) == History(5, ())


@pytest.mark.parametrize("text", [None, "{}"])
def test_what_cannot_be_played_again_is_said(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "history.json"
    if text is not None:
        file.write_text(text)
    done = jangteo("--replay", str(file), folder=tmp_path)
    assert done.returncode == 3
    assert "Nothing was started." in done.stderr
