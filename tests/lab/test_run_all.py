"""`jangteo run --all`: what is told of many runs, and what its exit code says."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scenarios.lab import commands_run_all
from scenarios.lab.run import Run, ScenarioInfo, Verdict
from scenarios.lab.running import Finished
from scenarios.lab.scenario import Scenario, find, names


def finished(verdict: Verdict, *, interrupted: bool = False) -> Finished:
    run = Run(ScenarioInfo("coin_journey", ""), verdict, "", 1, "", "2026-01-01T00:00:00Z", 1.0)
    return Finished(run, Path("runs"), interrupted)


JOURNEY = find("coin_journey")
CUT = replace(JOURNEY, expects="violated")


@pytest.mark.parametrize(
    ("played", "code"),
    [
        ([(JOURNEY, "ok"), (CUT, "violated")], 0),
        ([(JOURNEY, "ok"), (CUT, "ok")], 1),
        ([(JOURNEY, "violated")], 1),
        ([(JOURNEY, "unknown")], 2),
        ([(JOURNEY, "unknown"), (JOURNEY, "violated")], 1),
    ],
)
def test_the_exit_code_says_whether_each_ended_as_it_should(
    played: list[tuple[Scenario, Verdict]], code: int
) -> None:
    done = [(one, finished(verdict)) for one, verdict in played]
    assert commands_run_all._exit_code(done) == code


def test_an_interrupted_run_is_not_told_as_done() -> None:
    assert commands_run_all._exit_code([(JOURNEY, finished("ok", interrupted=True))]) == 2


def test_what_programs_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    async def play(*_: Any) -> list[tuple[Scenario, Finished]]:
        return [(CUT, finished("violated"))]

    monkeypatch.setattr(commands_run_all, "_play_all", play)
    from scenarios.lab.choice import Choice

    assert commands_run_all.run_all(Choice.of(tmp_path), 4, tmp_path, as_json=True) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["seed"] == 4
    assert [one["verdict"] for one in told["scenarios"]] == ["violated"]


def test_one_scenario_alone_shows_what_goes_wrong() -> None:
    assert [name for name in names() if find(name).expects != "ok"] == ["partition_open"]
