"""Where peers and registers lie on the circle, and how they are drawn."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.lab.ring import (
    CENTRE,
    LARGE_HEIGHT,
    LARGE_RADIUS,
    draw_large_ring,
    draw_small_ring,
    key_place,
    point,
    spread,
    turn,
    within,
)
from scenarios.lab.run import CoinStep, RingPlace, VoteView
from tests.lab.page_tree import classed, drawing_of, text_of
from tests.lab.sample_run import PEERS, RING, hexed, sample_coins


def step(**more: object) -> CoinStep:
    fields: dict[str, object] = {
        "index": 0, "kind": "payment", "payer": "a", "payee": "b", "key": "80" + "0" * 38,
        "certified": True, "replicas": ["peer-01", "peer-02"], "votes": [VoteView("peer-01", 3)],
    }  # fmt: skip
    return CoinStep(**(fields | more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("identifier", "fraction"),
    [("0" * 40, 0.0), ("8" + "0" * 39, 0.5), ("4", 0.25), ("c" + "0" * 63, 0.75), ("", 0.0)],
)
def test_an_identifier_is_a_fraction_of_a_turn(identifier: str, fraction: float) -> None:
    assert turn(identifier) == pytest.approx(fraction)


def test_what_is_no_identifier_lies_at_the_top() -> None:
    assert turn("<script>") == 0.0


@pytest.mark.parametrize(
    ("fraction", "expected"), [(0.0, (0, -1)), (0.25, (1, 0)), (0.5, (0, 1)), (0.75, (-1, 0))]
)
def test_a_turn_goes_clockwise_from_the_top(fraction: float, expected: tuple[float, float]) -> None:
    assert point(fraction, 1, (0, 0)) == pytest.approx(expected, abs=1e-9)


@given(st.lists(st.floats(0, 300), max_size=40).map(sorted), st.floats(0.5, 20))
def test_labels_keep_their_order_and_their_distance(wanted: list[float], least: float) -> None:
    places = spread(wanted, least)
    assert len(places) == len(wanted)
    assert all(after - before >= least - 1e-6 for before, after in pairwise(places))


def test_labels_that_do_not_meet_stay_where_they_are() -> None:
    assert spread([0, 20, 40], 10) == pytest.approx([0, 20, 40])
    assert spread([10, 10], 4) == pytest.approx([8, 12])


def test_labels_are_moved_into_the_picture_without_coming_nearer() -> None:
    assert within([-30, -20, 50, 120], 10, 0, 100) == [0, 10, 50, 100]
    assert within([95, 105], 10, 0, 100) == [90, 100]


def test_a_small_ring_joins_the_key_to_each_replica() -> None:
    drawing = drawing_of(draw_small_ring(RING, step()))
    assert len(list(classed(drawing, "spoke"))) == 2
    assert len(list(classed(drawing, "voted"))) == 1
    assert len(list(classed(drawing, "silent"))) == 1
    assert len(list(classed(drawing, "other"))) == len(PEERS) - 2


def test_the_large_ring_names_every_peer_and_joins_the_key_to_its_replicas() -> None:
    register = sample_coins()[2].steps[2]
    drawing = drawing_of(draw_large_ring(RING, register))
    spokes = list(classed(drawing, "spoke"))
    shown = {s.get("data-name") for s in spokes if "hidden" not in s.get("class", "")}
    assert shown == set(register.replicas)
    assert {s.get("data-name") for s in spokes} == set(PEERS)
    assert {text_of(t) for t in drawing.iter("text")} == set(PEERS)
    voted = {g.get("data-name") for g in classed(drawing, "voted")}
    assert voted == {vote.voter for vote in register.votes}
    silent = {g.get("data-name") for g in classed(drawing, "silent")}
    assert silent == set(register.replicas) - voted


def test_the_place_told_to_the_script_is_the_place_drawn() -> None:
    x, y = map(float, key_place(step()).split())
    assert (x, y) == pytest.approx((CENTRE[0], CENTRE[1] + LARGE_RADIUS), abs=0.1)
    (mark,) = classed(drawing_of(draw_large_ring(RING, step())), "key")
    assert mark.get("transform") == f"translate({x:.1f} {y:.1f})"


@pytest.mark.parametrize("count", [5, 16, 64])
def test_labels_of_a_ring_do_not_lie_on_each_other_and_stay_in_the_picture(count: int) -> None:
    ring = [RingPlace(f"peer-{i:02}", hexed("node", i)) for i in range(count)]
    drawing = drawing_of(draw_large_ring(ring, step()))
    sides: dict[str, list[float]] = {"start": [], "end": []}
    for text in drawing.iter("text"):
        sides[text.get("text-anchor", "")].append(float(text.get("y", "")))
    for heights in sides.values():
        heights.sort()
        assert all(after - before > 8 for before, after in pairwise(heights))
        assert all(0 < y < LARGE_HEIGHT for y in heights)


def test_a_ring_of_very_many_peers_names_only_those_that_matter() -> None:
    ring = [RingPlace(f"p{i}", hexed("node", i)) for i in range(200)]
    assert "crowded" in drawing_of(draw_large_ring(ring, step())).get("class", "")


def test_hostile_names_stay_text() -> None:
    name = "</title><script>alert(1)</script>"
    ring = [RingPlace(name, "<b>"), RingPlace("peer-02", hexed("x"))]
    hostile = step(replicas=[name], votes=[], key="not hex")
    for drawing in (draw_large_ring(ring, hostile), draw_small_ring(ring, hostile)):
        assert not list(drawing_of(drawing).iter("script"))
