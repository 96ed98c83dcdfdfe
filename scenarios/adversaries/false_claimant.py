"""A peer that opens what it bought and says that it is not what was promised (PC-A7)."""

from nodes.peer.escrow_commerce.files import ContentFiles
from nodes.protocols.escrow_commerce.messages import Complaint, ContentId, ContentKey
from nodes.protocols.message import TransactionId
from nodes.runtime.service import Service
from nodes.runtime.settings import Settings
from scenarios.adversaries.peer import build_peer


class Denied(ContentFiles):
    async def open(
        self, sale: TransactionId, key: ContentKey, content_id: ContentId | None
    ) -> Complaint | None:
        """It has the content by now, and complains all the same."""
        return await super().open(sale, key, content_id) or Complaint.WRONG_CONTENT


def build(settings: Settings) -> Service:
    return build_peer(settings, Denied)[0]
