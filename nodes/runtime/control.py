"""What the owner of a party asks of it: one operation a decision, JSON in and out.

    control.add("order", Order, order, "Buy what an offer describes")

An operation is `async (request, party) -> dict`. `POST /control/order` with the world's bearer
token runs it; the OpenAPI page lists it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from nodes.runtime.party import Party
from nodes.runtime.refusals import InvalidRequest, NoSuchPath


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of the JSON bodies of control operations."""


Operate = Callable[[Any, Party], Awaitable[dict[str, Any]]]


@dataclass(frozen=True)
class Operation:
    name: str
    request: type[Request]
    operate: Operate
    sentence: str
    lab_only: bool


class Control:
    def __init__(self) -> None:
        self.operations: dict[str, Operation] = {}

    def add(
        self,
        name: str,
        request: type[Request],
        operate: Operate,
        sentence: str,
        *,
        lab_only: bool = False,
    ) -> None:
        if name in self.operations:
            raise TypeError(f"two control operations are named {name!r}")
        self.operations[name] = Operation(name, request, operate, sentence, lab_only)

    def find(self, name: str) -> Operation:
        try:
            return self.operations[name]
        except KeyError:
            known = ", ".join(sorted(self.operations))
            raise NoSuchPath(f"no operation {name!r}; there are: {known}") from None

    @staticmethod
    def read(operation: Operation, body: bytes) -> Request:
        try:
            return msgspec.json.decode(body or b"{}", type=operation.request)
        except msgspec.DecodeError as error:
            raise InvalidRequest(str(error)) from error


def bytes_from_hex(text: str, what: str, length: int | None = None) -> bytes:
    """Raise InvalidRequest unless `text` is hex of `length` bytes."""
    try:
        value = bytes.fromhex(text)
    except ValueError:
        raise InvalidRequest(f"{what} is not hex") from None
    if length is not None and len(value) != length:
        raise InvalidRequest(f"{what} has {len(value)} bytes, not {length}")
    return value
