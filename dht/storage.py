"""What the DHT needs of a durable store: tables of records, and transactions that are on disk
when they have been left. Structural, so the DHT knows no store; a node hands in its own."""

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Table(Protocol[T]):
    """Records by key, in key order. `reader` is `Storage.committed` or an open transaction."""

    def get(self, reader: Any, key: bytes) -> T | None: ...

    def put(self, tx: Any, key: bytes, value: T) -> None: ...

    def items(self, reader: Any, prefix: bytes = b"") -> Iterator[tuple[bytes, T]]: ...


class Storage(Protocol):
    def table(self, name: str, type_: type[T]) -> Table[T]: ...

    def transaction(self, *, patience: float = 0.0) -> AbstractAsyncContextManager[Any]:
        """One savepoint; durable once the block has been left. No `await` inside.

        What is appended to its `after_commit` is called then, in the order of the blocks.
        `patience`: so many seconds it may wait for another transaction to be written with.
        """
        ...

    def setup(self) -> AbstractContextManager[Any]: ...

    @property
    def committed(self) -> Any:
        """Reads what is on disk."""
        ...
