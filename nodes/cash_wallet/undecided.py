"""How many payments may wait for their coin server: few, for each has a number of the wallet.

With many undecided numbers in a row a recovery would not find what came after them.
"""

import asyncio

from nodes.protocols.electronic_cash.wallet import GAP
from nodes.protocols.message import PartyId
from nodes.runtime.refusals import NotReady

MOST = GAP // 4
"""With coins of one home."""


class Undecided:
    """Parcels by their coins' home. One that is being presented will be decided in a moment, and
    is waited for; one whose coin server does not answer may stay, and is not."""

    def __init__(self) -> None:
        self._of: dict[PartyId, set[bytes]] = {}
        self._unanswered: set[bytes] = set()
        self._changed = asyncio.Event()

    async def enter(self, home: PartyId, name: bytes) -> None:
        """Raises NotReady while too many of this home's stay undecided."""
        there = self._of.setdefault(home, set())
        while len(there) >= MOST and name not in there:
            if there <= self._unanswered:
                raise NotReady("too many payments wait for their coin server")
            await self._changed.wait()
        there.add(name)

    def unanswered(self, home: PartyId, name: bytes) -> None:
        """Its coin server was asked in vain; it is asked again, for as long as it takes."""
        self._of.setdefault(home, set()).add(name)
        self._unanswered.add(name)
        self._tell()

    def decided(self, home: PartyId, name: bytes) -> None:
        self._of.setdefault(home, set()).discard(name)
        self._unanswered.discard(name)
        self._tell()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
