"""A peer that delivers something else than it sold, with the digest of what it delivers (PC-A1).

What it offers is real and its digest is in the offer. But what it encrypts for a sale is noise of
the same size; the digest of that is what it deposits, so the escrow server's comparison holds.
"""

import os
from pathlib import Path

from crypto.content import ContentDigests
from nodes.peer.escrow_commerce.files import ContentFiles
from nodes.protocols.escrow_commerce.messages import ContentId, ContentKey
from nodes.protocols.message import TransactionId
from nodes.runtime.service import Service
from nodes.runtime.settings import Settings
from scenarios.adversaries.peer import build_peer


class Garbage(ContentFiles):
    async def encrypt(
        self, sale: TransactionId, content_id: ContentId
    ) -> tuple[ContentKey, ContentDigests]:
        genuine = self.offered(content_id)
        garbage = self._garbage(genuine.stat().st_size)
        return await super().encrypt(sale, garbage)

    def _garbage(self, size: int) -> ContentId:
        """Noise, kept where content is kept."""
        name = os.urandom(32)
        Path(self.offered(name)).write_bytes(os.urandom(size))
        return name


def build(settings: Settings) -> Service:
    return build_peer(settings, Garbage)[0]
