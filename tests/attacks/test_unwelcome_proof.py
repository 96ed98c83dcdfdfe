"""A seller of garbage tries to keep the proof of it out."""

import os
from dataclasses import replace

import pytest

from crypto.content import ContentDigests
from nodes.protocols.escrow_commerce.messages import ContentId, ContentKey
from nodes.protocols.message import TransactionId
from scenarios.adversaries.garbage_seller import Garbage
from tests.attacks.bazaar import PRICE, Bazaar
from tests.wallet.market import PEERS

pytestmark = pytest.mark.asyncio


class ShortGarbage(Garbage):
    """Says of its garbage that it is a byte shorter than it is."""

    async def encrypt(
        self, sale: TransactionId, content_id: ContentId
    ) -> tuple[ContentKey, ContentDigests]:
        key, digests = await super().encrypt(sale, content_id)
        return key, replace(digests, ciphertext_size=digests.ciphertext_size - 1)


async def test_a_sellers_word_on_the_size_does_not_keep_the_upload_out(bazaar: Bazaar) -> None:
    seller, buyer, *_ = bazaar.peers
    seller.trade.files.__class__ = ShortGarbage
    await buyer.withdraw(PRICE)
    sale = await buyer.order(await seller.sell(os.urandom(5_000)))
    await buyer.pay_for(sale)
    await buyer.until(sale, "garbage")
    await buyer.ask("dispute", transaction=sale)
    await buyer.until(sale, "refunded")
    await buyer.has_coins(PRICE)
    assert await seller.coins_in("held") == 0
    assert await bazaar.worth() == 1000 * PEERS
