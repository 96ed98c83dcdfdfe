"""`jangteo doctor`: whether this machine can run a market, and what would stand in the way."""

import os
import platform
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Literal

import msgspec
import typer

from scenarios.lab.choice import Choice, JsonOption, WorldOption
from scenarios.lab.console import emit, in_words, say, show_table, size_in_words

Grade = Literal["ok", "warning", "no"]

FAILED = 3
OLDEST_PYTHON = (3, 11)
PORTS_WANTED = 20
FILES_WANTED = 1024
DISK_WANTED = 1 << 30
MEMORY_WANTED = 1 << 30


class Finding(msgspec.Struct):
    what: str
    grade: Grade
    found: str
    advice: str = ""


def add_to(app: typer.Typer) -> None:
    app.command()(doctor)


def doctor(world: WorldOption = None, as_json: JsonOption = False) -> None:
    """What this machine has: Python, packages, ports, limits, disk, Docker, worlds left behind."""
    findings = list(examine(Choice.of(world)))
    fit = all(finding.grade != "no" for finding in findings)
    if as_json:
        emit({"fit": fit, "findings": msgspec.to_builtins(findings)})
    else:
        show_table(["what", "", "found"], [[f.what, f.grade, f.found] for f in findings])
        for finding in findings:
            if finding.advice:
                say(f"{finding.what}: {finding.advice}")
        say("Fit to run a market." if fit else "Not fit to run a market yet.")
    raise typer.Exit(0 if fit else FAILED)


def examine(choice: Choice) -> Iterator[Finding]:
    examinations: list[Callable[[Choice], Finding]] = [
        _python,
        _packages,
        _system,
        _ports,
        _open_files,
        _disk,
        _memory,
        _docker,
        _world,
        _left_behind,
    ]
    for examination in examinations:
        yield examination(choice)


def _python(choice: Choice) -> Finding:
    enough = sys.version_info >= OLDEST_PYTHON
    return Finding(
        "Python",
        "ok" if enough else "no",
        f"{platform.python_version()}, {sys.executable}",
        "" if enough else "Python 3.11 or newer is needed: make demo PYTHONS=/path/to/python3",
    )


def _packages(choice: Choice) -> Finding:
    wrong = [problem for needed in requires("jangteo") or [] if (problem := _unmet(needed))]
    names = ("aiohttp", "cryptography", "pynacl", "kademlia", "msgspec", "uvloop")
    found = ", ".join(f"{name} {_version(name) or 'missing'}" for name in names)
    return Finding(
        "packages",
        "no" if wrong else "ok",
        found,
        f"{'; '.join(wrong)}. Set up anew: make clean demo" if wrong else "",
    )


def _unmet(requirement: str) -> str:
    """What is wrong with a requirement such as `aiohttp>=3.14`; nothing for an optional one."""
    if "extra ==" in requirement:
        return ""
    match = re.match(r"([A-Za-z0-9._-]+)\s*(==|>=)?\s*([0-9.]*)", requirement)
    assert match is not None, requirement
    name, how, wanted = match.groups()
    there = _version(name)
    if there is None:
        return f"{name} is missing"
    fits = _numbers(there) >= _numbers(wanted) if how == ">=" else not how or there == wanted
    return "" if fits else f"{name} is {there}, and {how}{wanted} is needed"


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text))


def _system(choice: Choice) -> Finding:
    fit = hasattr(os, "pidfd_open") and Path("/proc/self/stat").exists()
    return Finding(
        "system",
        "ok" if fit else "no",
        f"{platform.system()} {platform.release()}, {in_words(os.cpu_count() or 1, 'processor')}",
        "" if fit else "Local worlds need Linux 5.3 or newer. Elsewhere: docker compose up",
    )


def _ports(choice: Choice) -> Finding:
    from scenarios.lab.ports import FIRST_PORT, find_free, holder

    free = find_free("127.0.0.1", PORTS_WANTED)
    skipped = [port for port in range(FIRST_PORT, free[-1]) if port not in free]
    found = f"{free[0]} to {free[-1]}"
    if skipped:
        found += f"; {skipped[0]} is taken{holder(skipped[0]) or ''}"
        found += f", {in_words(len(skipped) - 1, 'more port')} too" if len(skipped) > 1 else ""
    return Finding("free ports", "ok", found)


def _open_files(choice: Choice) -> Finding:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = hard == resource.RLIM_INFINITY or hard >= FILES_WANTED
    return Finding(
        "open files",
        "ok" if enough else "warning",
        f"{soft}, may be raised to {'any' if hard == resource.RLIM_INFINITY else hard}",
        "" if enough else f"Nodes may run out of connections: ulimit -n {FILES_WANTED}",
    )


def _disk(choice: Choice) -> Finding:
    place = choice.folder.path
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    return Finding(
        "disk",
        "ok" if free >= DISK_WANTED else "warning",
        f"{size_in_words(free)} free at {place}",
        "" if free >= DISK_WANTED else "Little room: content and reports may not fit.",
    )


def _memory(choice: Choice) -> Finding:
    available = 0
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            available = int(line.split()[1]) * 1024
    return Finding(
        "memory",
        "ok" if available >= MEMORY_WANTED else "warning",
        f"{size_in_words(available)} available",
        "" if available >= MEMORY_WANTED else "Try fewer peers: jangteo up --peers 5",
    )


def _docker(choice: Choice) -> Finding:
    from scenarios.lab.compose import docker
    from scenarios.lab.failures import NoCompose

    try:
        engine = docker("version", "--format", "{{.Server.Version}}").strip()
        plugin = docker("compose", "version", "--short").strip()
    except NoCompose as error:
        return Finding(
            "Docker", "warning", "no engine answers", f"Needed by docker compose up only ({error})"
        )
    return Finding("Docker", "ok", f"engine {engine}, compose {plugin}")


def _world(choice: Choice) -> Finding:
    from scenarios.lab.processes import is_running

    folder = choice.folder
    if not folder.exists():
        return Finding("world", "ok", f"none in {folder.path}", "")
    nodes = folder.read().nodes
    running = sum(is_running(node.process) for node in nodes)
    found = f"{folder.path}: {running} of {in_words(len(nodes), 'node')} running"
    if 0 < running < len(nodes):
        return Finding("world", "warning", found, "Start what does not run: jangteo up")
    return Finding("world", "ok", found)


def _left_behind(choice: Choice) -> Finding:
    """Keepers of other worlds, so that none runs on forgotten."""
    others = [
        (pid, place) for pid, place in _keepers() if place != choice.folder.path and place.exists()
    ]
    if not others:
        return Finding("other worlds", "ok", "none runs")
    listed = ", ".join(f"{place} (pid {pid})" for pid, place in others)
    first = others[0][1]
    return Finding("other worlds", "warning", listed, f"Stop one: jangteo down --world {first}")


def _keepers() -> Iterator[tuple[int, Path]]:
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
        except OSError:
            continue
        # A node is forked from its keeper and has its command line; the keeper's parent has not.
        if "scenarios.lab.keeper" in words[:4] and not _is_keeper(parent):
            yield int(entry.name), Path(words[words.index("scenarios.lab.keeper") + 1])


def _is_keeper(pid: str) -> bool:
    try:
        return b"scenarios.lab.keeper" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
