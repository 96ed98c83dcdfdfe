"""A node as a process: settings from the environment, signals, exit codes."""

import asyncio
import gc
import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from nodes.runtime.log import configure_log, get_log, name_in_log
from nodes.runtime.service import AnotherProcessRuns, Service
from nodes.runtime.settings import InvalidSettings, Settings, read_settings

CANNOT_START = 3
MOST_NAMES = 999
FILES_BESIDE_CONNECTIONS = 256

Build = Callable[[Settings], Service]


def run(build: Build, settings: Settings) -> int:
    """Run a node until it is told to stop; the exit code."""
    configure_log(settings.log_level, node=settings.name)
    _make_room_for(settings.connections)
    try:
        import uvloop

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_serve(build, settings))
    except (InvalidSettings, AnotherProcessRuns, OSError) as error:
        get_log().error("cannot_start", reason=str(error))
        return CANNOT_START


def main(build: Build) -> int:
    """`python -m nodes.<role>`: settings from the environment; the exit code."""
    try:
        return run(build, read_settings())
    except InvalidSettings as error:
        print(error, file=sys.stderr)
        return CANNOT_START


async def _serve(build: Build, settings: Settings) -> int:
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    if settings.lifeline >= 0:
        loop.add_reader(settings.lifeline, _lifeline_readable, settings.lifeline, stopping)
    service = _build_under_a_free_name(build, settings)
    gc.freeze()
    starting = loop.create_task(service.start())
    stopped = loop.create_task(stopping.wait())
    try:
        await asyncio.wait({starting, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            await stopped
        return 0
    finally:
        starting.cancel()
        stopped.cancel()
        await asyncio.gather(starting, stopped, return_exceptions=True)
        await service.stop()


def _make_room_for(connections: int) -> None:
    """Each connection is an open file; the usual limit is lower than what a node accepts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + FILES_BESIDE_CONNECTIONS
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))


def _build_under_a_free_name(build: Build, settings: Settings) -> Service:
    """A name with `*` stands for the lowest number whose folder no other process holds."""
    if "*" not in settings.name:
        return build(settings)
    for number in range(1, MOST_NAMES + 1):
        name, data = (
            text.replace("*", f"{number:02d}") for text in (settings.name, str(settings.data))
        )
        try:
            service = build(msgspec.structs.replace(settings, name=name, data=Path(data)))
        except AnotherProcessRuns:
            continue
        name_in_log(name)
        return service
    raise InvalidSettings(f"every name {settings.name} is taken")


def _lifeline_readable(descriptor: int, stopping: asyncio.Event) -> None:
    """The other end is held by whoever owns this world; end of file means it is gone."""
    if not os.read(descriptor, 1):
        asyncio.get_running_loop().remove_reader(descriptor)
        stopping.set()
