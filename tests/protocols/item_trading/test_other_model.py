"""A step of the one model is no step of a trade in the other."""

from typing import Any

import pytest

from nodes.protocols.item_trading import complaint, direct_sale, settlement
from nodes.protocols.item_trading import messages as words
from nodes.protocols.item_trading.refusals import WrongState
from tests.protocols.item_trading.bazaar import (
    BUYER,
    BUYER_SEAL,
    COIN_SERVERS,
    MARKET,
    PUBLIC,
    SELLER,
    SESSION_KEY,
    Bazaar,
    bazaar,
    market,
    paid_in,
)

HANDED_OVER, DIRECT = bazaar(1, "ready"), bazaar(2, "ready")


def test_the_market_takes_each_models_money_in_its_own_step() -> None:
    how: dict[str, Any] = {
        "sender": BUYER.public_key,
        "coin_servers": COIN_SERVERS,
        "market": market(),
    }
    settled = words.Settlement(paid_in(DIRECT.deal), SESSION_KEY)
    with pytest.raises(WrongState):
        settlement.take_settlement(DIRECT.brokerage, DIRECT.listing, settled, **how)
    paid = words.MoneyPaid(paid_in(HANDED_OVER.deal), bytes(32))
    with pytest.raises(WrongState):
        direct_sale.take_money(HANDED_OVER.brokerage, paid, **how)


@pytest.mark.parametrize("trade", [HANDED_OVER, DIRECT], ids=["unpaid", "model 2"])
def test_goods_that_nobody_waits_for_are_refused(trade: Bazaar) -> None:
    message, me = words.GoodsSent(bytes(64)), MARKET.public_key
    with pytest.raises(WrongState):
        settlement.goods_arrive(trade.purchase, message, me, PUBLIC, DIRECT.guards)


def test_a_key_where_nothing_came_encrypted_is_refused() -> None:
    purchase = HANDED_OVER.purchase
    with pytest.raises(WrongState):
        complaint.key_forwarded(
            purchase, words.KeyForwarded(SESSION_KEY), MARKET.public_key, PUBLIC
        )
    sealed = words.KeyInfo(bytes(64))
    with pytest.raises(WrongState):
        direct_sale.key_arrives(purchase, sealed, SELLER.public_key, BUYER_SEAL, PUBLIC)
