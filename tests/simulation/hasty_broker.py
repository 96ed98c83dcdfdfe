"""A broker that answers before its records are on the disk: what the crash sweep must find out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import nodes.broker.service
from nodes.runtime.service import Service
from nodes.runtime.settings import Settings
from nodes.runtime.store import Store, Transaction


class HastyStore(Store):
    @asynccontextmanager
    async def transaction(self, *, patience: float = 0.0) -> AsyncIterator[Transaction]:
        """Nobody waits for the COMMIT."""
        async with self._entrance:
            if not self._writer.in_transaction:
                self._writer.execute("BEGIN IMMEDIATE")
            yield Transaction(self._writer)
            self._ensure_commit()


def build(settings: Settings) -> Service:
    service = nodes.broker.service.build(settings)
    service.party.store.__class__ = HastyStore
    return service
