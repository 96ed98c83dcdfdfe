"""Every move of every record: what may follow what, and nothing else."""

import enum
from typing import Any

import pytest

from nodes.protocols.anonymous_micropayment import state
from nodes.protocols.anonymous_micropayment.refusals import MoveNotAllowed
from nodes.protocols.anonymous_micropayment.state import (
    PREPAY_MOVES,
    PURCHASE_MOVES,
    SALE_MOVES,
    SETTLED_MOVES,
    Moves,
    Sale,
    SaleState,
)
from tests.protocols.anonymous_micropayment.market import TX, funded, ordered

ALLOWED = {
    "prepay": {"sent confirmed", "sent refused"},
    "purchase": {
        *("ordered delivered", "ordered rejected", "ordered doubted", "ordered owed"),
        *("doubted owed", "doubted voided", "doubted rejected", "doubted given-back"),
        *("owed delivered", "owed given-back"),
    },
    "sale": {"received paid", "received rejected", "paid given-back", "paid handed-on"},
    "settled": {"accepted given-back", "accepted handed-on"},
}
TABLES: dict[str, Moves[Any]] = {
    "prepay": PREPAY_MOVES,
    "purchase": PURCHASE_MOVES,
    "sale": SALE_MOVES,
    "settled": SETTLED_MOVES,
}
PAIRS = [(name, one, other) for name, table in TABLES.items() for one in table for other in table]


class Thing(state.Record, frozen=True):
    """Anything with a state."""

    state: str
    note: str = ""


@pytest.mark.parametrize(("name", "one", "other"), PAIRS)
def test_a_move_is_made_if_the_table_has_it_and_refused_otherwise(
    name: str, one: enum.StrEnum, other: enum.StrEnum
) -> None:
    thing = Thing(one)
    if f"{one} {other}" in ALLOWED[name]:
        assert state.moved(thing, TABLES[name], other, note="x") == Thing(other, "x")
        return
    with pytest.raises(MoveNotAllowed):
        state.moved(thing, TABLES[name], other, note="x")
    assert thing == Thing(one)


@pytest.mark.parametrize("name", TABLES)
def test_every_state_has_its_row(name: str) -> None:
    table = TABLES[name]
    states: type[enum.StrEnum] = type(next(iter(table)))
    assert set(table) == set(states)


def test_a_record_moves_by_its_own_table() -> None:
    _, purchase = ordered(funded()[0])
    sale = Sale(SaleState.RECEIVED, TX, purchase.order, "song")
    assert sale.moved(SaleState.PAID).state is SaleState.PAID
    with pytest.raises(MoveNotAllowed):
        sale.moved(SaleState.HANDED_ON)
