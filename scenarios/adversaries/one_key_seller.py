"""A peer that encrypts a content under one key, whoever buys it (PC-A13).

The paper's K is a randomly generated key, and may be read so: one for each content. This seller
lies to nobody, and takes care: it hands out E_K(C) only once the escrow server has taken K, which
is the order of 6a and 6b in the paper.
"""

import asyncio
import os
from pathlib import Path
from typing import Any

from crypto.content import ContentDigests, encrypt_file, generate_content_key
from nodes.peer.escrow_commerce.files import ContentFiles
from nodes.protocols.envelope import Opened
from nodes.protocols.escrow_commerce.messages import ContentId, ContentKey, SellerDeposit
from nodes.protocols.escrow_commerce.sale import content_context
from nodes.protocols.message import Message, TransactionId
from nodes.runtime.party import Party
from nodes.runtime.service import Service
from nodes.runtime.settings import Settings
from scenarios.adversaries.peer import build_peer


class OneKey(ContentFiles):
    def __init__(self, data: Path) -> None:
        super().__init__(data)
        self._keys: dict[ContentId, ContentKey] = {}

    async def encrypt(
        self, sale: TransactionId, content_id: ContentId
    ) -> tuple[ContentKey, ContentDigests]:
        key = self._keys.setdefault(content_id, generate_content_key())
        source, target = self.offered(content_id), self._kept_back(sale)
        context = content_context(sale)
        return key, await asyncio.to_thread(encrypt_file, source, target, key, context)

    def _kept_back(self, sale: TransactionId) -> Path:
        return self.selling(sale).with_suffix(".kept-back")

    async def hand_out(self, answer: Opened[Any], message: Message, party: Party) -> None:
        """The escrow server has taken the key."""
        os.replace(self._kept_back(answer.transaction), self.selling(answer.transaction))


def build(settings: Settings) -> Service:
    service, _, trade = build_peer(settings, OneKey)
    assert isinstance(trade.files, OneKey), "as built"
    service.on_answer(SellerDeposit, trade.files.hand_out)
    return service
