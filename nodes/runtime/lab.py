"""What a lab may do to a node that an owner of a real one may not: move its time, end it."""

from typing import TYPE_CHECKING, Any

from nodes.runtime.control import Request
from nodes.runtime.observer import Point
from nodes.runtime.party import Party
from nodes.runtime.refusals import InvalidRequest

if TYPE_CHECKING:
    from nodes.runtime.service import Service


class _Advance(Request, frozen=True):
    advance_seconds: float


class _KillAt(Request, frozen=True):
    protocol: str
    step: str
    point: Point
    times: int = 1


def add_lab_controls(service: "Service") -> None:
    async def advance(asked: _Advance, party: Party) -> dict[str, Any]:
        try:
            party.clock.advance(asked.advance_seconds)
        except ValueError as error:
            raise InvalidRequest(str(error)) from error
        party.observer.notify()
        service.clock_moved()
        return {"now": party.now()}

    async def kill_at(asked: _KillAt, party: Party) -> dict[str, Any]:
        party.observer.kill_at(asked.protocol, asked.step, asked.point, asked.times)
        return {"armed": True}

    service.operation("clock", _Advance, advance, "Move this node's time forward", lab_only=True)
    service.operation(
        "kill_at", _KillAt, kill_at, "End this process at a point of a step", lab_only=True
    )
