"""`jangteo up --foreground`: stays with the nodes, says when one ends, stops all at the end."""

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from scenarios.lab.console import Waiting, in_words, say
from scenarios.lab.launcher import how_it_ended, stop_world
from scenarios.lab.processes import is_running
from scenarios.lab.world_folder import NodeRecord, WorldFolder


class Lifeline:
    """A pipe. Keeper and nodes hold its far end and end when the own end is closed, by whatever."""

    def __init__(self) -> None:
        self.far_end, self._own_end = os.pipe()

    def close(self) -> None:
        os.close(self.far_end)
        os.close(self._own_end)


async def stay(folder: WorldFolder, lifeline: Lifeline, *, quiet: bool) -> None:
    """Until told to end, or every node has ended."""
    if not quiet:
        say("\nCtrl-C stops every node.")
    ended: asyncio.Queue[str] = asyncio.Queue()
    record = folder.read()
    try:
        with _watched(record.nodes, ended) as running:
            while running:
                name = await ended.get()
                running.discard(name)
                if not quiet:
                    say(await how_it_ended(folder, name))
    except asyncio.CancelledError:
        _stop(folder, quiet)
        return
    finally:
        lifeline.close()
    if not quiet:
        say("Every node has ended.")


@contextmanager
def _watched(nodes: list[NodeRecord], ended: asyncio.Queue[str]) -> Iterator[set[str]]:
    """Names of the nodes that run; each is put into `ended` when it ends."""
    loop = asyncio.get_running_loop()
    descriptors = {}
    for node in nodes:
        if node.process is not None and is_running(node.process):
            descriptors[os.pidfd_open(node.process.pid)] = node.name

    def tell(descriptor: int) -> None:
        loop.remove_reader(descriptor)
        ended.put_nowait(descriptors[descriptor])

    for descriptor in descriptors:
        loop.add_reader(descriptor, tell, descriptor)
    try:
        yield set(descriptors.values())
    finally:
        for descriptor in descriptors:
            loop.remove_reader(descriptor)
            os.close(descriptor)


def _stop(folder: WorldFolder, quiet: bool) -> None:
    began = time.monotonic()
    running = sum(is_running(node.process) for node in folder.read().nodes)
    if not quiet:
        say()
    waiting = Waiting(f"Stopping {in_words(running, 'node')}", quiet=quiet)
    stop_world(folder, lambda count: waiting(count, running))
    waiting.end(f"stopped in {time.monotonic() - began:.1f} s")
