"""The life cycles: what a record may become, and that every end is reached."""

import enum
from collections.abc import Mapping
from typing import Any

import pytest

from nodes.protocols.escrow_commerce.messages import SaleState
from nodes.protocols.escrow_commerce.refusals import WrongState
from nodes.protocols.escrow_commerce.state import (
    BUYER_MOVES,
    PAYMENT_MOVES,
    SALE_MOVES,
    SELLER_MOVES,
    BuyerState,
    PaymentState,
    SellerState,
    moved,
)
from tests.protocols.escrow_commerce import market

TABLES: dict[str, tuple[type[enum.StrEnum], Mapping[Any, frozenset[Any]]]] = {
    "sale": (SaleState, SALE_MOVES),
    "payment": (PaymentState, PAYMENT_MOVES),
    "buyer": (BuyerState, BUYER_MOVES),
    "seller": (SellerState, SELLER_MOVES),
}
RECORDS = {
    "sale": market.sale_in,
    "buyer": market.purchase_in,
    "seller": market.delivery_in,
}


@pytest.mark.parametrize("name", TABLES)
def test_every_state_has_its_row_of_moves(name: str) -> None:
    states, moves = TABLES[name]
    assert set(moves) == set(states)
    assert all(targets <= set(states) for targets in moves.values())


@pytest.mark.parametrize("name", TABLES)
def test_every_state_is_reached_from_the_first(name: str) -> None:
    states, moves = TABLES[name]
    reached, waiting = set(), [next(iter(states))]
    while waiting:
        state = waiting.pop()
        if state not in reached:
            reached.add(state)
            waiting.extend(moves[state])
    assert reached == set(states)


@pytest.mark.parametrize("name", TABLES)
def test_every_state_leads_to_an_end(name: str) -> None:
    states, moves = TABLES[name]
    ends = {state for state in states if not moves[state]}
    assert ends
    for _ in states:
        ends |= {state for state in states if moves[state] & ends}
    assert ends == set(states)


def test_the_commit_point_cannot_be_undone() -> None:
    after = {SaleState.COMMITTED}
    for _ in SaleState:
        after |= {target for state in after for target in SALE_MOVES[state]}
    assert SaleState.ABORTED not in after


def test_released_and_refunded_exclude_each_other() -> None:
    for first, second in [
        (SaleState.RELEASED, SaleState.REFUNDED),
        (SaleState.REFUNDED, SaleState.RELEASED),
    ]:
        reached = {first}
        for _ in SaleState:
            reached |= {target for state in reached for target in SALE_MOVES[state]}
        assert second not in reached
    assert not PAYMENT_MOVES[PaymentState.RELEASED] | PAYMENT_MOVES[PaymentState.REFUNDED]


@pytest.mark.parametrize(
    ("name", "state", "to"),
    [(name, state, to) for name in RECORDS for state in TABLES[name][0] for to in TABLES[name][0]],
)
def test_a_record_makes_the_moves_of_its_table_and_no_other(name: str, state: Any, to: Any) -> None:
    moves = TABLES[name][1]
    record: Any = RECORDS[name](state)
    if to in moves[state]:
        assert moved(record, moves, to).state is to
    else:
        with pytest.raises(WrongState):
            moved(record, moves, to)
    assert record.state is state
