"""What is to be saved in the same transaction as a change: an answer, and what proves it."""

from collections.abc import Callable

from nodes.runtime.store import Transaction

Note = Callable[[Transaction], None]


def nothing(tx: Transaction) -> None:
    """A change that no message brought."""
