"""A history is drawn from its seed alone, and any part of it is a history."""

import random

import msgspec
import pytest

from scenarios.soak.history import DEED_NAMES, History, draw, read, written
from scenarios.soak.living import ALL_DEEDS
from scenarios.soak.shrinking import shortest


def test_the_same_seed_is_the_same_history() -> None:
    assert draw(7) == draw(7)
    assert draw(7) != draw(8)


def test_a_history_is_a_file() -> None:
    history = draw(7)
    assert read(written(history)) == history


@pytest.mark.parametrize("data", [b"", b"{}", b'{"seed": "x", "happenings": []}'])
def test_what_is_no_history_is_refused(data: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        read(data)


def test_every_deed_that_is_drawn_can_be_done() -> None:
    assert set(DEED_NAMES) == set(ALL_DEEDS)


def test_between_processes_nothing_is_made_but_kills() -> None:
    kinds = {one.kind for seed in range(20) for one in draw(seed, simulated=False).happenings}
    assert kinds == {"deed", "kill"}


@pytest.mark.parametrize("seed", range(20))
def test_what_cannot_be_left_out_is_found(seed: int) -> None:
    """A failure that takes three happenings, wherever they are."""
    history = draw(seed)
    guilty = set(random.Random(seed).sample(history.happenings, 3))
    tried: list[History] = []

    def fails(part: History) -> bool:
        tried.append(part)
        return guilty <= set(part.happenings)

    found = shortest(history, fails)
    assert set(found.happenings) == guilty
    assert len(tried) < 400


def test_the_order_of_what_is_left_stays() -> None:
    history = draw(3)
    first, last = history.happenings[0], history.happenings[-1]
    found = shortest(history, lambda part: {first, last} <= set(part.happenings))
    assert found.happenings == (first, last)


def test_where_there_is_no_time_it_is_what_was_found_so_far() -> None:
    history = draw(3)
    left = iter([True] * 5)
    found = shortest(history, lambda part: True, lambda: next(left, False))
    assert 0 < len(found.happenings) < len(history.happenings)
