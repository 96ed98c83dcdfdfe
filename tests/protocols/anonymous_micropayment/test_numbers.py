"""S_N: used once, in any order within a window; aliases that nobody else can join (PID-R3, A9)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.protocols.anonymous_micropayment.numbers import (
    WINDOW,
    Fresh,
    Window,
    alias_of,
    new_aliases,
)
from tests.protocols.anonymous_micropayment.market import secret


def used(*numbers: int) -> Window:
    window = Window()
    for number in numbers:
        window = window.use(number)
    return window


def test_numbers_may_overtake_each_other() -> None:
    assert used(1, 6, 5).used == (1, 5, 6)
    assert used(6).tell(5) is Fresh.FRESH


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (1, Fresh.USED),
        (2, Fresh.FRESH),
        (3, Fresh.USED),
        (3 + WINDOW, Fresh.FRESH),
        (4 + WINDOW, Fresh.TOO_FAR_AHEAD),
    ],
)
def test_what_a_number_is_to_a_window(number: int, told: Fresh) -> None:
    assert used(1, 3).tell(number) is told


def test_a_gap_falls_out_of_the_window_and_stops_nobody() -> None:
    window = used(1, 3, 3 + WINDOW)
    assert window.tell(2) is window.tell(3) is Fresh.TOO_OLD
    assert window.tell(4) is Fresh.FRESH
    assert window.tell(4 + WINDOW) is Fresh.FRESH


@given(st.lists(st.integers(1, 300), max_size=60))
def test_no_number_is_fresh_twice_and_the_window_stays_small(numbers: list[int]) -> None:
    window, taken = Window(), set()
    for number in numbers:
        if window.tell(number) is Fresh.FRESH:
            assert number not in taken
            taken.add(number)
            window = window.use(number)
    assert len(window.used) <= WINDOW
    assert not taken & set(window.coming())
    assert all(window.tell(n) is not Fresh.FRESH for n in taken)


def test_the_broker_knows_every_coming_alias_ahead() -> None:
    key = secret("key")
    first = new_aliases(key, Window(), None)
    assert len(first) == WINDOW
    window = used(1)
    assert first | new_aliases(key, window, Window()) == first | {
        alias_of(key, WINDOW + 1): WINDOW + 1
    }
    assert set(new_aliases(key, window, None).values()) == set(window.coming())


@given(st.lists(st.integers(1, 300), max_size=30))
def test_no_coming_alias_is_left_out_and_none_is_computed_twice(numbers: list[int]) -> None:
    key, window, known = secret("key"), Window(), new_aliases(secret("key"), Window(), None)
    for number in numbers:
        if window.tell(number) is Fresh.FRESH:
            after = window.use(number)
            added = new_aliases(key, after, window)
            assert not known.keys() & added.keys()
            window, known = after, known | added
            assert set(window.coming()) <= set(known.values())


def test_aliases_of_one_customer_look_like_those_of_many() -> None:
    aliases = {alias_of(secret(name), n) for name in ("a", "b") for n in range(1, 50)}
    assert len(aliases) == 98
    assert all(len(alias) == 32 for alias in aliases)
