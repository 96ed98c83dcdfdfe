"""The command line as a person or a script runs it: a process, its output, its exit code."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

JANGTEO = [sys.executable, "-m", "scenarios.lab.cli"]
ROOT = Path(__file__).parents[2]
SECONDS = 45


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's, without what would lead a command elsewhere."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("JANGTEO_")}
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        "COLUMNS": "200",
        **(more or {}),
    }


def jangteo(*arguments: str, cwd: Path = ROOT, env: Mapping[str, str] | None = None) -> Done:
    done = subprocess.run(
        [*JANGTEO, *arguments],
        cwd=cwd,
        env=environment(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def on_terminal(*arguments: str, columns: int = 160) -> Done:
    """The same with a terminal for its output."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [*JANGTEO, *arguments],
        cwd=ROOT,
        env=environment({"COLUMNS": str(columns), "TERM": "xterm-256color"}),
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    pieces = []
    try:
        while piece := os.read(ours, 65_536):
            pieces.append(piece)
    except OSError:
        pass  # Linux: the other side of the terminal is closed.
    os.close(ours)
    return Done(child.wait(SECONDS), b"".join(pieces).decode(), "")
