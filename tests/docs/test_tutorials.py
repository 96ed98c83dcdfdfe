"""The tutorials' programs run as they stand there."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILE_NAME = re.compile(r"`(\w+\.py)`")


def programs(page: str) -> dict[str, str]:
    """Each Python block of a page, under the last file name mentioned before it."""
    found: dict[str, str] = {}
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    for before, code in re.findall(r"(.*?)```python\n(.*?)```", text, re.DOTALL):
        found[FILE_NAME.findall(before)[-1]] = code
    return found


def run(folder: Path, file: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, file, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def written(folder: Path, page: str) -> Path:
    for name, code in programs(page).items():
        (folder / name).write_text(code, encoding="utf-8")
    return folder


def test_the_first_scenario_helps_and_runs(tmp_path: Path) -> None:
    folder = written(tmp_path, "your-first-scenario.md")
    told = run(folder, "a_gift.py", "--help")
    assert told.returncode == 0
    assert "Coins given" in told.stdout
    done = run(folder, "a_gift.py", "--count", "2", "--peers", "5")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the friend holds what was given: 2 coins" in done.stdout


def test_the_first_cheat_is_refused(tmp_path: Path) -> None:
    folder = written(tmp_path, "your-first-cheat.md")
    done = run(folder, "false_praise.py", "--peers", "5")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "escrow_commerce/not-purchased" in done.stdout


def test_the_first_cheat_succeeds_without_its_guard(tmp_path: Path) -> None:
    folder = written(tmp_path, "your-first-cheat.md")
    scenario = folder / "false_praise.py"
    declared = 'programs={"peer-01": "praiser"},'
    code = scenario.read_text(encoding="utf-8")
    assert declared in code
    scenario.write_text(code.replace(declared, f'{declared} without=("rating-follows-purchase",),'))
    done = run(folder, "false_praise.py", "--peers", "5")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "the rating is refused: taken" in done.stdout
    assert "GUARD OFF rating-follows-purchase" in done.stdout
