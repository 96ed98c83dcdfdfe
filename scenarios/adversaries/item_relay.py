"""A market that has its sellers prove for somebody else what they prove to it (IT-A15).

Whatever a seller sends it in the proof of owning an item, an accomplice sends to another market as
its own; whatever that market answers goes back to the seller.
"""

from typing import Any

from nodes.protocols.envelope import Opened
from nodes.protocols.item_trading.messages import (
    Announcement,
    ChallengeCommitted,
    ChallengeOpened,
    ItemInformation,
    ItemListed,
    ProofAnswer,
)
from nodes.protocols.message import Message
from nodes.runtime.party import Answer, Party
from scenarios.adversaries.outsider import Mallory, Outsider

STEPS: tuple[type[Message], ...] = (ItemInformation, Announcement, ProofAnswer)
"""What a relaying market hears."""


class Relay:
    def __init__(self, crooked: Outsider, accomplice: Mallory, to: bytes) -> None:
        self._party, self._to = accomplice.party, to
        self.listing = self._party.fresh_transaction()
        """The accomplice's at the other market."""
        self.answer = ProofAnswer((b"\x01" * 256,) * 8, None)
        """The last step of the proof; made up until the seller has given one."""
        for type_, handler in zip(
            STEPS, (self._information, self._announced, self._proven), strict=True
        ):
            crooked.service.inbound.replace(type_, handler)

    async def _information(self, received: Opened[Any], party: Party) -> Answer:
        """2.1, 2.2a."""
        sent = self._party.send(self._to, received.message, self.listing, ChallengeCommitted)
        return party.reply(received, (await sent).message)

    async def _announced(self, received: Opened[Any], party: Party) -> Answer:
        """2.2b, 2.2c."""
        sent = self._party.send(self._to, received.message, self.listing, ChallengeOpened)
        return party.reply(received, (await sent).message)

    async def _proven(self, received: Opened[Any], party: Party) -> Answer:
        """2.2d, 2.2e: kept for the other market."""
        self.answer = received.message
        return party.reply(received, ItemListed())
