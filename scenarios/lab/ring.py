"""The ring of peers and where a register lies on it.

A place is an identifier of 160 bits read as a fraction of a full turn, clockwise from the top.
Nearness in Kademlia is the exclusive or of identifiers, so the k nearest members need not be
the k neighbours on the circle; the drawing joins a key to whoever really holds it.
"""

import math
from collections.abc import Sequence

from scenarios.lab import wording
from scenarios.lab.markup import Markup, tag
from scenarios.lab.run import CoinStep, RingPlace

ID_BITS = 160
MOST_LABELS = 40
"""Peers on a ring whose names are all written; on a fuller one only the replicas' are."""

SMALL, SMALL_RADIUS = 92, 38
LARGE_WIDTH, LARGE_HEIGHT, LARGE_RADIUS, LABEL_RADIUS = 420, 360, 122, 142
LABEL_HEIGHT, MARGIN = 16, 8

Point = tuple[float, float]
CENTRE: Point = (LARGE_WIDTH / 2, LARGE_HEIGHT / 2)


def turn(identifier: str) -> float:
    """Place of a hex identifier as a fraction of a turn in [0, 1); shorter ones are padded."""
    digits = identifier[: ID_BITS // 4].ljust(ID_BITS // 4, "0")
    try:
        return int(digits, 16) / (1 << ID_BITS)
    except ValueError:
        return 0.0


def point(fraction: float, radius: float, centre: Point) -> Point:
    angle = 2 * math.pi * fraction
    return centre[0] + radius * math.sin(angle), centre[1] - radius * math.cos(angle)


def spread(wanted: Sequence[float], least: float) -> list[float]:
    """Positions as near to `wanted` (ascending) as gaps of `least` allow.

    Positions that would come too close form a block centred on their mean; blocks that meet
    are merged.
    """
    blocks: list[list[float]] = []
    for position in wanted:
        blocks.append([position])
        while len(blocks) > 1 and _end(blocks[-2], least) > _start(blocks[-1], least):
            blocks[-2:] = [blocks[-2] + blocks[-1]]
    return [_start(block, least) + least * i for block in blocks for i in range(len(block))]


def _start(block: list[float], least: float) -> float:
    return sum(block) / len(block) - least * (len(block) - 1) / 2


def _end(block: list[float], least: float) -> float:
    return _start(block, least) + least * len(block)


def within(places: Sequence[float], least: float, low: float, high: float) -> list[float]:
    """The same positions moved between two bounds, still `least` apart; there must be room."""
    last = len(places) - 1
    return [
        min(max(place, low + i * least), high - (last - i) * least)
        for i, place in enumerate(places)
    ]


def _label_places(names: Sequence[tuple[str, Point]]) -> dict[str, Point]:
    """A place outside the circle for each name, those of one side in a column without overlap."""
    places: dict[str, Point] = {}
    for side in (1, -1):
        own = [(at[1], name) for name, at in names if (at[0] >= CENTRE[0]) == (side == 1)]
        own.sort()
        least = min(LABEL_HEIGHT, (LARGE_HEIGHT - 2 * MARGIN) / max(len(own), 1))
        wanted = [CENTRE[1] + (y - CENTRE[1]) * LABEL_RADIUS / LARGE_RADIUS for y, _ in own]
        heights = within(spread(wanted, least), least, MARGIN, LARGE_HEIGHT - MARGIN)
        for (_, name), y in zip(own, heights, strict=True):
            off = LABEL_RADIUS**2 - (y - CENTRE[1]) ** 2
            places[name] = (CENTRE[0] + side * max(14.0, math.sqrt(max(off, 0.0))), y)
    return places


def draw_small_ring(ring: Sequence[RingPlace], step: CoinStep) -> Markup:
    """One register at a glance: its key, its replicas, and which of them voted."""
    centre = (SMALL / 2, SMALL / 2)
    key = point(turn(step.key), SMALL_RADIUS, centre)
    spokes, dots = [], []
    for place in _replicas_last(ring, step):
        x, y = point(turn(place.node_id), SMALL_RADIUS, centre)
        replica = place.name in step.replicas
        if replica:
            spokes.append(tag("line", x1=key[0], y1=key[1], x2=x, y2=y, class_="spoke"))
        state = _state(place.name, step)
        dots.append(tag("circle", cx=x, cy=y, r=3.6 if replica else 1.8, class_=f"peer {state}"))
    return tag(
        "svg",
        tag("circle", cx=centre[0], cy=centre[1], r=SMALL_RADIUS, class_="orbit"),
        *spokes,
        *dots,
        _key_mark(key, 4.5),
        xmlns="http://www.w3.org/2000/svg",
        width=SMALL,
        height=SMALL,
        viewbox=f"0 0 {SMALL} {SMALL}",
        class_="ring small",
        role="img",
        aria_label=f"Key {wording.short(step.key)}, held by {', '.join(step.replicas) or 'nobody'}",
    )


def draw_large_ring(ring: Sequence[RingPlace], step: CoinStep) -> Markup:
    """All peers by name, with one register on it; the script moves the register."""
    places = sorted(ring, key=lambda place: place.node_id)
    at = {place.name: point(turn(place.node_id), LARGE_RADIUS, CENTRE) for place in places}
    labels = _label_places(list(at.items()))
    key = point(turn(step.key), LARGE_RADIUS, CENTRE)
    mark = tag("g", _key_mark((0.0, 0.0), 7), class_="key", transform=_moved(key))
    return tag(
        "svg",
        tag("circle", cx=CENTRE[0], cy=CENTRE[1], r=LARGE_RADIUS, class_="orbit"),
        [_spoke(name, key, end, name in step.replicas) for name, end in at.items()],
        [
            _peer(place, at[place.name], labels[place.name], step)
            for place in _replicas_last(places, step)
        ],
        mark,
        xmlns="http://www.w3.org/2000/svg",
        width=LARGE_WIDTH,
        height=LARGE_HEIGHT,
        viewbox=f"0 0 {LARGE_WIDTH} {LARGE_HEIGHT}",
        class_="ring large" + (" crowded" if len(places) > MOST_LABELS else ""),
        role="img",
        aria_label=f"The ring of {wording.count(len(places), 'peer')}",
    )


def _replicas_last(ring: Sequence[RingPlace], step: CoinStep) -> list[RingPlace]:
    """What is drawn last lies on top."""
    return sorted(ring, key=lambda place: place.name in step.replicas)


def _spoke(name: str, key: Point, end: Point, replica: bool) -> Markup:
    shown = "spoke" if replica else "spoke hidden"
    return tag("line", x1=key[0], y1=key[1], x2=end[0], y2=end[1], class_=shown, data_name=name)


def _peer(place: RingPlace, at: Point, label: Point, step: CoinStep) -> Markup:
    right = label[0] >= CENTRE[0]
    inner = (label[0] - (4 if right else -4), label[1])
    return tag(
        "g",
        tag("title", f"{place.name} {place.node_id}"),
        tag("path", d=_path(at, inner), class_="leader"),
        tag("circle", cx=at[0], cy=at[1], r=5),
        tag(
            "text",
            wording.fit(place.name, 16),
            x=label[0],
            y=label[1] + 4,
            text_anchor="start" if right else "end",
        ),
        class_=f"peer {_state(place.name, step)}",
        data_name=place.name,
    )


def _state(name: str, step: CoinStep) -> str:
    if any(vote.voter == name for vote in step.votes):
        return "voted"
    return "silent" if name in step.replicas else "other"


def key_place(step: CoinStep) -> str:
    """Where the large ring puts a step's key: "x y"."""
    x, y = point(turn(step.key), LARGE_RADIUS, CENTRE)
    return f"{x:.1f} {y:.1f}"


def _moved(to: Point) -> str:
    return f"translate({to[0]:.1f} {to[1]:.1f})"


def _path(start: Point, end: Point) -> str:
    return f"M{start[0]:.1f} {start[1]:.1f}L{end[0]:.1f} {end[1]:.1f}"


def _key_mark(at: Point, half: float) -> Markup:
    x, y = at
    corners = ((x, y - half), (x + half, y), (x, y + half), (x - half, y))
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in corners)
    return tag("polygon", points=points, class_="key-mark")
