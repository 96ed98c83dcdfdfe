"""The life cycles: what a record may become, and that every end is reached."""

import enum
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from nodes.protocols.item_trading.moves import moved
from nodes.protocols.item_trading.players import (
    BUYER_MOVES,
    OFFERING_MOVES,
    SALE_MOVES,
    BuyerState,
    OfferingState,
    Purchase,
    SaleState,
)
from nodes.protocols.item_trading.refusals import WrongState
from nodes.protocols.item_trading.state import (
    BROKERAGE_MOVES,
    ITEM_MOVES,
    LISTING_MOVES,
    TRADE_MOVES,
    BrokerageState,
    ItemState,
    ListingState,
    TradeState,
)
from tests.protocols.item_trading.bazaar import bazaar

Table = tuple[type[enum.StrEnum], Mapping[Any, frozenset[Any]], Any]
END = bazaar(2, "earn")
TABLES: dict[str, Table] = {
    "item": (ItemState, ITEM_MOVES, END.books.items[END.content.serial]),
    "trade": (TradeState, TRADE_MOVES, next(iter(END.books.trades.values()))),
    "listing": (ListingState, LISTING_MOVES, END.listing),
    "brokerage": (BrokerageState, BROKERAGE_MOVES, END.brokerage),
    "offering": (OfferingState, OFFERING_MOVES, END.offering),
    "sale": (SaleState, SALE_MOVES, END.sale),
    "buyer": (BuyerState, BUYER_MOVES, END.purchase),
}
FIRST: dict[str, set[Any]] = {
    "listing": {ListingState.PROVING, ListingState.LISTED},
    "sale": {SaleState.SHIPPED, SaleState.EARNED},
}
"""Where records begin, if not in the first state alone: the two models differ."""


def reached_from(starts: set[Any], moves: Mapping[Any, frozenset[Any]]) -> set[Any]:
    reached: set[Any] = set()
    waiting = list(starts)
    while waiting:
        state = waiting.pop()
        if state not in reached:
            reached.add(state)
            waiting.extend(moves[state])
    return reached


@pytest.mark.parametrize("name", TABLES)
def test_every_state_has_its_row_of_moves(name: str) -> None:
    states, moves, _ = TABLES[name]
    assert set(moves) == set(states)
    assert all(targets <= set(states) for targets in moves.values())


@pytest.mark.parametrize("name", TABLES)
def test_every_state_is_reached_from_the_first(name: str) -> None:
    states, moves, _ = TABLES[name]
    assert reached_from(FIRST.get(name, {next(iter(states))}), moves) == set(states)


@pytest.mark.parametrize("name", TABLES)
def test_every_state_leads_to_an_end(name: str) -> None:
    states, moves, _ = TABLES[name]
    ends = {state for state in states if not moves[state]}
    assert ends
    assert all(ends & reached_from({state}, moves) for state in states)


def test_registered_and_void_exclude_each_other_everywhere() -> None:
    """IT-29."""
    ends: tuple[tuple[Mapping[Any, frozenset[Any]], Any, Any], ...] = (
        (TRADE_MOVES, TradeState.REGISTERED, TradeState.VOID),
        (BROKERAGE_MOVES, BrokerageState.REGISTERED, BrokerageState.VOID),
        (BUYER_MOVES, BuyerState.REGISTERED, BuyerState.REFUNDED),
        (SALE_MOVES, SaleState.PAID, SaleState.VOID),
    )
    for moves, one, other in ends:
        assert other not in reached_from({one}, moves)
        assert one not in reached_from({other}, moves)


def test_a_revoked_certificate_stays_revoked() -> None:
    assert not ITEM_MOVES[ItemState.REVOKED]


@pytest.mark.parametrize(
    ("name", "state", "to"),
    [(name, state, to) for name, table in TABLES.items() for state in table[0] for to in table[0]],
)
def test_a_record_makes_the_moves_of_its_table_and_no_other(name: str, state: Any, to: Any) -> None:
    _, moves, record = TABLES[name]
    standing = msgspec.structs.replace(record, state=state)
    if to in moves[state]:
        assert moved(standing, moves, to).state is to
    else:
        with pytest.raises(WrongState):
            moved(standing, moves, to)
    assert standing.state is state


def test_a_purchase_without_a_deal_has_none_to_show() -> None:
    purchase: Purchase = bazaar(1, "order").purchase
    with pytest.raises(WrongState):
        _ = purchase.deal
