"""Step U1: an item off the list before its time."""

import pytest

from nodes.protocols.item_trading import unlisting
from nodes.protocols.item_trading.messages import Unlist
from nodes.protocols.item_trading.moves import To
from nodes.protocols.item_trading.players import OfferingState
from nodes.protocols.item_trading.purchase import is_for_sale
from nodes.protocols.item_trading.refusals import ItemTaken, NotYours, WrongState
from nodes.protocols.item_trading.state import ListingState
from tests.protocols.item_trading.bazaar import MARKET, NOW, SELLER, THIEF, Bazaar

BOTH = pytest.mark.parametrize("model", [1, 2])


@BOTH
def test_u1_what_nobody_buys_is_off_the_list(model: int) -> None:
    trade = Bazaar(model).list()
    assert unlisting.ask_to_unlist(trade.offering) == To(MARKET.public_key, Unlist())
    closed = unlisting.unlist(trade.listing, SELLER.public_key)
    assert (closed.state, is_for_sale(closed, NOW)) == (ListingState.CLOSED, False)
    assert unlisting.unlist(closed, SELLER.public_key) == closed
    assert unlisting.unlisted(trade.offering).state is OfferingState.CLOSED


def test_u1_a_proof_that_is_running_may_be_given_up() -> None:
    proving = Bazaar(2).list().proving
    assert unlisting.unlist(proving, SELLER.public_key).state is ListingState.CLOSED


@BOTH
def test_u1_only_the_owner_unlists(model: int) -> None:
    with pytest.raises(NotYours):
        unlisting.unlist(Bazaar(model).list().listing, THIEF.public_key)


@BOTH
@pytest.mark.parametrize("last", ["order", "earn"])
def test_u1_what_is_being_sold_or_was_is_not_taken_back(model: int, last: str) -> None:
    trade = Bazaar(model).up_to(last)
    with pytest.raises(ItemTaken):
        unlisting.unlist(trade.listing, SELLER.public_key)


def test_u1_an_owner_asks_for_nothing_while_it_sells() -> None:
    with pytest.raises(WrongState):
        unlisting.ask_to_unlist(Bazaar(2).up_to("ready").offering)
