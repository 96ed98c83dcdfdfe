"""Where a finished run lies: `runs/<scenario>/<UTC time>-<seed>/`, and how it is written."""

import errno
import os
import platform
import shutil
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from scenarios.lab.failures import CannotWrite, reason
from scenarios.lab.index import write_index
from scenarios.lab.report import write_report
from scenarios.lab.run import Run, save_run

LOG_BYTES = 256 * 1024
"""Of each log the last part of this size is kept."""
PACKAGES = ("jangteo", "aiohttp", "cryptography", "kademlia", "msgspec", "pynacl")


def folder_of(root: Path, run: Run) -> Path:
    """A folder of its own; two runs in one second with one seed get different ones."""
    stamp = run.started.replace(":", ".").removesuffix("Z").removesuffix("+00.00")
    folder = root / run.scenario.name / f"{stamp}-{run.seed}"
    number = 1
    while folder.exists():
        number += 1
        folder = folder.with_name(f"{stamp}-{run.seed}-{number}")
    return folder


def check_writable(root: Path) -> None:
    """Make the folder of all runs if it is not there. Raises CannotWrite."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        if not os.access(root, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise CannotWrite(
            f"Cannot keep a run in {root}: {reason(error)}. Nothing was started. "
            "Name another folder: --runs DIR"
        ) from error


def keep(root: Path, run: Run, logs: Iterable[Path] = ()) -> Path:
    """Write everything a run leaves, and the list of all runs; returns the run's folder."""
    folder = folder_of(root, run)
    folder.mkdir(parents=True)
    for log in logs:
        _copy_end(log, folder / "logs" / log.name)
    save_run(folder, run)
    write_report(folder, run)
    write_index(root)
    return folder


def _copy_end(log: Path, target: Path) -> None:
    try:
        with log.open("rb") as source:
            size = source.seek(0, 2)
            source.seek(max(0, size - LOG_BYTES))
            if size > LOG_BYTES:
                source.readline()  # the line that was cut
            target.parent.mkdir(exist_ok=True)
            with target.open("wb") as kept:
                shutil.copyfileobj(source, kept)
    except FileNotFoundError:
        return


def versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "system": platform.platform()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def newest(root: Path, scenario: str = "*") -> Path | None:
    """The run, of one scenario or of any, that ended last."""
    runs = sorted(root.glob(f"{scenario}/*/run.json"), key=lambda file: file.stat().st_mtime)
    return runs[-1].parent if runs else None
