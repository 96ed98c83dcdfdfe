"""The drawing of the messages."""

from typing import Any

import msgspec
import pytest

from scenarios.lab.run import Event, Kind
from scenarios.lab.sequence import (
    DRAWING_WIDTH,
    DRAWN,
    RING,
    UNNAMED,
    Extent,
    Gap,
    columns,
    draw_sequence,
    ends,
    shown,
    spoken,
)
from tests.lab.page_tree import classed, drawing_of, text_of
from tests.lab.sample_run import long_run, sample_events, sample_parties


def event(n: int = 1, **more: Any) -> Event:
    base = Event(n, 5, "escrow_commerce", "1", "Register", "peer-03", "central-server", 100)
    return msgspec.structs.replace(base, **more)


def test_every_message_is_one_arrow_that_leads_to_its_entry() -> None:
    events = sample_events()
    arrows = list(classed(drawing_of(draw_sequence(events, sample_parties())), "arrow"))
    assert [arrow.get("href") for arrow in arrows] == [f"#message-{e.n}" for e in events]
    assert [arrow.get("aria-label") for arrow in arrows] == [spoken(e) for e in events]
    assert [arrow.get("data-n") for arrow in arrows] == [str(e.n) for e in events]


def test_a_column_for_each_party_that_speaks_peers_first_and_the_ring_last() -> None:
    lanes = columns(sample_events(), sample_parties())
    assert lanes.parties == (
        "peer-01", "peer-03", "peer-16", "broker", "central-server", "escrow-server", RING
    )  # fmt: skip
    places = [lanes.x(name) for name in lanes.parties]
    assert places == sorted(places)
    assert lanes.width <= DRAWING_WIDTH


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, ("peer-03", "central-server")),
        ({"sender": ""}, (UNNAMED, "central-server")),
        ({"receiver": ""}, ("peer-03", UNNAMED)),
        ({"receiver": "", "kind": "register"}, ("peer-03", RING)),
        ({"receiver": "", "kind": "decision"}, ("peer-03", "peer-03")),
        ({"sender": "", "kind": "decision"}, ("central-server", "central-server")),
    ],
)
def test_where_an_arrow_starts_and_ends(more: dict[str, Any], expected: tuple[str, str]) -> None:
    assert ends(event(**more)) == expected


def test_an_arrow_points_to_its_receiver() -> None:
    there = drawing_of(draw_sequence([event(), event(2, sender="peer-01")], []))
    lanes = columns([event(), event(2, sender="peer-01")], [])
    tip = next(classed(there, "tip")).get("points", "")
    assert float(tip.split(",")[0]) == pytest.approx(lanes.x("central-server") - 5, abs=0.1)


def test_a_refused_message_ends_in_a_cross_and_says_why() -> None:
    drawing = drawing_of(draw_sequence([event(outcome="escrow/late")], []))
    (arrow,) = classed(drawing, "refused")
    assert len(list(classed(arrow, "cross"))) == 1
    assert not list(classed(arrow, "tip"))
    assert [text_of(code) for code in classed(arrow, "code")] == ["escrow/late"]
    assert "refused, escrow/late" in arrow.get("aria-label", "")


@pytest.mark.parametrize(
    ("kind", "mark", "absent"),
    [
        ("request", "tip", "open"),
        ("answer", "open", "tip"),
        ("content", "band", "shaft"),
        ("register", "open", "tip"),
    ],
)
def test_each_kind_has_its_mark(kind: Kind, mark: str, absent: str) -> None:
    receiver = "" if kind == "register" else "central-server"
    drawing = drawing_of(draw_sequence([event(kind=kind, receiver=receiver)], []))
    assert list(classed(drawing, mark))
    assert not list(classed(drawing, absent))


def test_a_sealed_message_shows_a_lock() -> None:
    assert list(classed(drawing_of(draw_sequence([event(sealed=True)], [])), "lock"))
    assert not list(classed(drawing_of(draw_sequence([event()], [])), "lock"))


def test_the_protocol_is_named_where_it_begins_and_where_it_changes() -> None:
    protocols = ["a_b", "a_b", "c_d", "a_b"]
    events = [event(n, protocol=name) for n, name in enumerate(protocols, 1)]
    drawing = drawing_of(draw_sequence(events, []))
    assert [text_of(name) for name in classed(drawing, "protocol")] == ["a b", "c d", "a b"]


def test_a_run_of_the_most_arrows_is_drawn_whole_and_a_longer_one_cut() -> None:
    events = long_run(DRAWN.most).events
    assert shown(events) == events
    cut = shown(long_run(DRAWN.most + 1).events)
    assert any(isinstance(row, Gap) for row in cut)


def test_a_huge_run_keeps_its_start_its_end_and_refusals_and_counts_the_rest() -> None:
    events = long_run(2000).events
    rows = shown(events)
    kept = [row for row in rows if isinstance(row, Event)]
    gaps = [row for row in rows if isinstance(row, Gap)]
    assert len(kept) <= DRAWN.most
    assert kept[: DRAWN.first] == events[: DRAWN.first]
    assert kept[-DRAWN.last :] == events[-DRAWN.last :]
    assert {e.n for e in kept[DRAWN.first : -DRAWN.last]} == set(range(100, 2000, 100))
    assert len(kept) + sum(gap.count for gap in gaps) == 2000
    assert all(gap.count == gap.last - gap.first + 1 for gap in gaps)


def test_many_refusals_do_not_make_the_drawing_longer() -> None:
    events = [event(n, outcome="x/y") for n in range(1, 1001)]
    kept = [row for row in shown(events) if isinstance(row, Event)]
    assert len(kept) == DRAWN.most


def test_an_extent_without_room_for_refusals() -> None:
    rows = shown([event(n, outcome="x/y") for n in range(1, 11)], Extent(4, first=3, last=1))
    assert [row.n for row in rows if isinstance(row, Event)] == [1, 2, 3, 10]
    assert [row for row in rows if isinstance(row, Gap)] == [Gap(4, 9, 6)]


def test_names_from_a_message_cannot_leave_their_text() -> None:
    hostile = '"><script>alert(1)</script>'
    drawing = drawing_of(
        draw_sequence(
            [event(message=hostile, sender=hostile, step=hostile, note=hostile, protocol=hostile)],
            [],
        )
    )
    assert not list(drawing.iter("script"))


def test_a_wide_market_makes_a_wide_drawing_with_every_label_in_it() -> None:
    run = long_run(60)
    lanes = columns(run.events, run.parties)
    assert len(lanes.parties) == 16
    drawing = drawing_of(draw_sequence(run.events, run.parties))
    assert drawing.get("class") == "drawing"
    for text in drawing.iter("text"):
        assert 0 < float(text.get("x", "-1")) < lanes.width


def test_no_messages_make_an_empty_drawing() -> None:
    assert not list(classed(drawing_of(draw_sequence([], [])), "arrow"))
