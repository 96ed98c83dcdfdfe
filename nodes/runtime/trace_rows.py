"""Rows of the trace from messages: what a person may read of them, sealed or not."""

from typing import Any, Literal

import msgspec

from nodes.protocols.envelope import Opened
from nodes.protocols.errors import ProtocolError
from nodes.protocols.message import RECEIVED, Message
from nodes.runtime.observer import Observer, readable

LONGEST_VALUE = 160


def shortened(value: Any) -> Any:
    """Long strings and lists cut, so that a trace stays readable."""
    if isinstance(value, str) and len(value) > LONGEST_VALUE:
        return f"{value[:64]}… ({len(value)} characters)"
    if isinstance(value, list):
        cut = [shortened(item) for item in value[:3]]
        return cut if len(value) <= 3 else [*cut, f"… ({len(value)} in all)"]
    if isinstance(value, dict):
        return {key: shortened(item) for key, item in value.items()}
    return value


def signatures_in(message: Message) -> int:
    """Signatures that travel inside a message's documents, beside the envelope's own."""
    text = msgspec.to_builtins(message, builtin_types=(bytes,))
    return _count_signatures(text)


def _count_signatures(value: Any) -> int:
    if isinstance(value, bytes):
        return 1 if len(value) == 64 else 0
    if isinstance(value, dict):
        return sum(map(_count_signatures, value.values()))
    if isinstance(value, list | tuple):
        return sum(map(_count_signatures, value))
    return 0


def trace_message(
    observer: Observer,
    opened: Opened[Any],
    *,
    direction: Literal["in", "out"],
    sender: str,
    receiver: str,
    size: int,
) -> None:
    """One row for a message sent or received."""
    declaration, envelope = opened.declaration, opened.envelope
    is_answer = declaration.answers is not None or declaration is RECEIVED
    observer.row(
        kind="answer" if is_answer else "request",
        direction=direction,
        protocol=declaration.protocol,
        step=declaration.step,
        message=declaration.type.__name__,
        transaction=envelope.transaction.hex(),
        sender=sender,
        receiver=receiver,
        bytes=size,
        envelope=opened.digest.hex()[:32],
        sealed=declaration.sealed,
        signatures=(envelope.sender is not None) + signatures_in(opened.message)
        if observer.lab
        else 0,
        note=_note(opened.message) if observer.lab else {},
    )


def trace_refusal(
    observer: Observer, request: Opened[Any], error: ProtocolError, *, sender: str, receiver: str
) -> None:
    """One row where a request sent from here was refused or not answered."""
    observer.row(
        kind="answer",
        direction="in",
        protocol=request.declaration.protocol,
        step=request.declaration.step,
        message=request.declaration.type.__name__,
        transaction=request.transaction.hex(),
        sender=sender,
        receiver=receiver,
        outcome=error.code,
    )


def _note(message: Message) -> dict[str, Any]:
    """Fields for people, kept in a lab only: elsewhere no content stays in a trace."""
    names = message.__struct_fields__
    return {name: shortened(readable(getattr(message, name))) for name in names}
