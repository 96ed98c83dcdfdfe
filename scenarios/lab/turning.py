"""Turning the epoch of a running world, and waiting until its members have taken over."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from scenarios.lab.failures import LabFailure
from scenarios.lab.world import Node

POLL_SECONDS = 0.1


class NotSettled(LabFailure):
    """Some member has not taken over what is its in time."""

    code = "lab/not-settled"


@dataclass(frozen=True)
class Standing:
    """A node's place in the ring, as it says itself."""

    epoch: int
    votes: bool
    ready: bool
    released: bool
    """It has left, and may go: those who came after it hold what it kept."""
    unreached: int
    """How many members it cannot reach now."""


async def standing(node: Node) -> Standing:
    return Standing(**await node.control("standing"))


async def turn_epoch(
    authority: Node,
    *,
    leaving: Iterable[Node] | None = None,
    joining: Iterable[Node] | None = None,
) -> dict[str, Any]:
    """What the authority says of it. `joining`: None for all that wait."""
    asked: dict[str, Any] = {"leaving": [node.name for node in leaving or ()]}
    if joining is not None:
        asked["joining"] = [node.name for node in joining]
    return await authority.control("turn_epoch", **asked)


async def until_settled(peers: Iterable[Node], epoch: int, seconds: float = 40) -> None:
    """Every peer that is up goes by this epoch: it votes all it may, or it has left for good."""
    up = [peer for peer in peers if peer.alive()]
    seen: dict[str, Standing] = {}

    async def settled(peer: Node) -> None:
        while True:
            now = seen[peer.name] = await standing(peer)
            if now.epoch >= epoch and now.ready and (now.votes or now.released):
                return
            await asyncio.sleep(POLL_SECONDS)

    try:
        async with asyncio.timeout(seconds):
            await asyncio.gather(*(settled(peer) for peer in up))
    except TimeoutError:
        waiting = {
            name: one for name, one in seen.items() if not (one.ready and one.epoch >= epoch)
        }
        raise NotSettled(f"Not settled in epoch {epoch} after {seconds:g} s: {waiting}") from None
