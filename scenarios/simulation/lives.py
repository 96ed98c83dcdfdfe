"""Whose code runs: each start of a simulated node is a life, and nothing outlives it.

All nodes of a simulation share one process and one event loop. A context variable says in whose
life a callback, task or transport runs; the loop runs nothing of a life that has ended.
"""

from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contextvars import Context


class LifeEnded(BaseException):
    """Raised in the frame that runs when its life ends, so that it cannot go on.

    No failure of the program: nothing of a node catches it.
    """


@dataclass(eq=False)
class Life:
    """One run of one node, from its start to its end."""

    node: str
    number: int
    """The first is 1."""
    alive: bool = True
    context: "Context" = field(init=False)
    """What it runs in, and whatever it starts."""

    def __post_init__(self) -> None:
        self.context = copy_context()
        self.context.run(_life.set, self)

    def __repr__(self) -> str:
        return f"<{self.node} {self.number}{'' if self.alive else ', ended'}>"


_life: ContextVar[Life | None] = ContextVar("life", default=None)


def life_here() -> Life | None:
    """Whose code runs now; None outside every node (the lab, the owners)."""
    return _life.get()


def life_in(context: "Context") -> Life | None:
    return context.get(_life)
