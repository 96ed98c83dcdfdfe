"""A peer that delivers what it sold and deposits a key that does not open it (PC-A2)."""

from crypto.content import ContentDigests, generate_content_key
from nodes.peer.escrow_commerce.files import ContentFiles
from nodes.protocols.escrow_commerce.messages import ContentId, ContentKey
from nodes.protocols.message import TransactionId
from nodes.runtime.service import Service
from nodes.runtime.settings import Settings
from scenarios.adversaries.peer import build_peer


class WrongKey(ContentFiles):
    async def encrypt(
        self, sale: TransactionId, content_id: ContentId
    ) -> tuple[ContentKey, ContentDigests]:
        _, digests = await super().encrypt(sale, content_id)
        return generate_content_key(), digests


def build(settings: Settings) -> Service:
    return build_peer(settings, WrongKey)[0]
