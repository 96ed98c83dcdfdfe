"""What the network does to one message of a transaction: more cases for the crash sweep."""

import asyncio
from collections.abc import Iterator
from functools import cache
from importlib import import_module

from nodes.protocols.message import declarations
from scenarios.lab.crash_cases import ARROWS, SALES, Case, protocol_of
from scenarios.lab.drama import Drama
from scenarios.simulation.faults import MESSAGE_FAULTS, STREAM_FAULTS, Fault, FaultKind
from scenarios.simulation.world import SimulatedWorld

STREAMS = {
    (SALES, "purchase", "6b"): ("buyer", "seller"),
    (SALES, "dispute", "D1u"): ("buyer", "escrow_server"),
}
"""Content on its way: who opens the connection, and to whom."""
STREAMED_AT = "/content/"
AFTERWARDS_SECONDS = 15.0
"""Until whatever was late or doubled has come."""


def fault_cases() -> list[Case]:
    """Each arrow with each fault. The party of a case is the sender."""
    return list(_all())


def _all() -> Iterator[Case]:
    for (protocol, drama), arrows in ARROWS.items():
        for step, sender, receiver in arrows:
            for kind in MESSAGE_FAULTS:
                yield Case(protocol, drama, sender, step, kind, receiver)
    for (protocol, drama, step), (asks, asked) in STREAMS.items():
        for stream_kind in STREAM_FAULTS:
            yield Case(protocol, drama, asks, step, stream_kind, asked)


def fault_of(case: Case) -> FaultKind | None:
    """None for a kill."""
    return next((k for k in (*MESSAGE_FAULTS, *STREAM_FAULTS) if k == case.point), None)


class Mishap:
    """A `scenarios.lab.crash.Trouble`: one message of the drama is struck."""

    def __init__(self, world: SimulatedWorld, drama: Drama, case: Case, kind: FaultKind) -> None:
        self._faults = world.simulation.network.faults
        sender, receiver = (drama.parties[who].name for who in (case.party, case.receiver))
        self._fault = Fault(kind, sender, receiver, path_of_case(case))

    async def await_it(self) -> None:
        self._planted = self._faults.plant(self._fault)

    async def get_over_it(self) -> bool:
        await asyncio.sleep(AFTERWARDS_SECONDS)
        self._faults.withdraw(self._planted)
        return self._planted.happened


def path_of_case(case: Case) -> str:
    is_stream = (case.protocol, case.drama, case.step) in STREAMS
    return STREAMED_AT if is_stream else path_of(protocol_of(case), case.step)


@cache
def path_of(protocol: str, step: str) -> str:
    """Where the message of a step is posted."""
    import_module(f"nodes.protocols.{protocol}.messages")
    return next(
        declared.path
        for declared in declarations(protocol)
        if declared.step == step and declared.answers is None
    )
