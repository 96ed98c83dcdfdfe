"""What a turn of the epoch changes, by the rosters alone; and where a member may vote then."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto.documents import content_digest, open_document
from crypto.hashing import digest
from dht.records import Roster, to_take_over, tolerated
from dht.rosters import Ring
from dht.turns import most_changed, turned_sets
from tests.dht.worlds import keys, signed_roster

ALL = keys(40)


def ring(chosen: list[int], epoch: int = 1, k: int = 5, q: int = 4) -> Ring:
    signed = signed_roster([ALL[i] for i in chosen], k, q, epoch=epoch)
    return Ring(open_document(Roster, signed), content_digest(Roster, signed.content))


SOME = st.lists(st.integers(0, 39), min_size=5, max_size=40, unique=True)


@given(SOME, SOME, st.binary(min_size=20, max_size=20))
def test_every_key_has_its_replicas_before_and_after_among_the_pairs(
    before: list[int], after: list[int], key: bytes
) -> None:
    old, new = ring(before), ring(after, 2)
    pair = (frozenset(old.closest(key)), frozenset(new.closest(key)))
    assert pair in turned_sets(old, new)


def test_there_are_no_pairs_but_those_of_some_key() -> None:
    old, new = ring([*range(20)]), ring([*range(2, 22)], 2)
    some = {
        (frozenset(old.closest(key)), frozenset(new.closest(key)))
        for key in (digest("probe", number.to_bytes(4, "big"))[:20] for number in range(20_000))
    }
    found = turned_sets(old, new)
    assert some <= found
    assert len(found) - len(some) <= len(found) // 10, "narrow ranges may have been missed"


def test_one_that_leaves_and_one_that_joins_change_two_of_any_key_at_most() -> None:
    drawn = random.Random(1)
    for _ in range(20):
        members = drawn.sample(range(39), 16)
        after = [*members[1:], 39]
        assert 1 <= most_changed(ring(members), ring(after, 2)) <= 2


def test_nobody_new_nothing_changed() -> None:
    assert most_changed(ring([*range(16)]), ring([*range(16)], 2)) == 0


@pytest.mark.parametrize(
    ("k", "q", "liars", "heard"), [(8, 6, 3, 6), (20, 15, 9, 15), (5, 4, 2, 4)]
)
def test_how_many_may_lie_and_how_many_have_to_be_heard(
    k: int, q: int, liars: int, heard: int
) -> None:
    assert tolerated(k, q) == liars
    assert to_take_over(k, q) == heard
    assert heard + (q - liars) > k, "some honest voter is heard"
