"""The sequence of messages as a drawing: one column a party, one arrow a message.

Every arrow is a link to the message's entry in the list below the drawing, so that it works by
keyboard, without a script, and in print; the script only brings the entry beside the drawing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from scenarios.lab import wording
from scenarios.lab.markup import Markup, join, tag
from scenarios.lab.run import Event, PartyView


@dataclass(frozen=True)
class Extent:
    """How much of a long run is kept: its start, its end, and refusals between them."""

    most: int
    first: int
    last: int


DRAWN = Extent(120, first=60, last=30)
"""Arrows in one drawing."""

GUTTER = 92
COLUMN_LEAST, COLUMN_MOST, DRAWING_WIDTH = 128, 230, 1010
ROW, NOTED_ROW, GAP_ROW = 40, 54, 46
STRIP_ROWS = 8
"""Rows in one strip of a drawing; on paper a page ends between two strips."""
HEAD_HEIGHT = 62
HALF_PILL = 15
CHARACTER = 6.6
"""Width of a half-width character of a label, in pixels, rather too wide than too narrow."""

RING = "the ring"
UNNAMED = "not named"


@dataclass(frozen=True)
class Gap:
    """Messages left out of the drawing."""

    first: int
    last: int
    count: int


@dataclass(frozen=True)
class Columns:
    """Where each party's line stands, in pixels from the left."""

    parties: tuple[str, ...]
    spacing: float

    @property
    def width(self) -> float:
        return GUTTER + self.spacing * len(self.parties)

    def x(self, name: str) -> float:
        return GUTTER + self.spacing * (self.parties.index(name) + 0.5)


def ends(event: Event) -> tuple[str, str]:
    """The columns an event goes from and to; the same one twice for a party's own decision."""
    sender = event.sender or UNNAMED
    if event.kind == "decision":
        sender = event.sender or event.receiver or UNNAMED
        return sender, sender
    if event.receiver:
        return sender, event.receiver
    return sender, RING if event.kind == "register" else UNNAMED


def columns(
    events: Sequence[Event], parties: Sequence[PartyView], width: float = DRAWING_WIDTH
) -> Columns:
    """One column for each party that speaks, in the order of first appearance; the ring last.

    `width` is how wide the drawing may be in pixels; many parties make it wider all the same.
    """
    order = dict.fromkeys(name for event in events for name in ends(event))
    names = [name for name in order if name not in (RING, UNNAMED)]
    roles = {party.name: party.role for party in parties}
    names.sort(key=lambda name: roles.get(name, "peer") != "peer")
    names = [*names, *(extra for extra in (UNNAMED, RING) if extra in order)]
    room = (width - GUTTER) / max(len(names), 1)
    return Columns(tuple(names), min(max(room, COLUMN_LEAST), COLUMN_MOST))


def shown(events: Sequence[Event], extent: Extent = DRAWN) -> list[Event | Gap]:
    """What is kept of a run, in order, with gaps where messages are left out."""
    if len(events) <= extent.most:
        return list(events)
    last = len(events) - extent.last
    room = extent.most - extent.first - extent.last
    refused = [i for i in range(extent.first, last) if events[i].refused][:room]
    kept = [*range(extent.first), *refused, *range(last, len(events))]
    rows: list[Event | Gap] = []
    for before, index in zip([-1, *kept], kept, strict=False):
        if index > before + 1:
            left_out = index - before - 1
            rows.append(Gap(events[before + 1].n, events[index - 1].n, left_out))
        rows.append(events[index])
    return rows


def draw_sequence(
    events: Sequence[Event],
    parties: Sequence[PartyView],
    anchor: str = "message",
    width: float = DRAWING_WIDTH,
) -> Markup:
    """The drawing, its heads apart so that they can stay in sight; entries are `anchor`-n."""
    lanes = columns(events, parties, width)
    symbols = {party.name: party.symbol for party in parties}
    heads = [_head(name, symbols.get(name, ""), lanes) for name in lanes.parties]
    rows = _with_protocols(shown(events))
    strips = [
        _strip(rows[at : at + STRIP_ROWS], lanes, anchor) for at in range(0, len(rows), STRIP_ROWS)
    ]
    return tag(
        "div",
        _svg(heads, lanes.width, HEAD_HEIGHT, class_="heads", aria_hidden="true"),
        tag("div", strips, role="group", aria_label="Messages in order"),
        class_="drawing fits" if lanes.width <= DRAWING_WIDTH else "drawing",
    )


def _with_protocols(rows: Sequence[Event | Gap]) -> list[tuple[Event | Gap, bool]]:
    """Each row, and whether it begins another protocol than the row before."""
    marked: list[tuple[Event | Gap, bool]] = []
    protocol = ""
    for row in rows:
        own = protocol if isinstance(row, Gap) else row.protocol
        marked.append((row, own != protocol))
        protocol = own
    return marked


def _strip(rows: Sequence[tuple[Event | Gap, bool]], lanes: Columns, anchor: str) -> Markup:
    """Some rows, on lines that run on from the strip above to the strip below."""
    body: list[Markup] = []
    y = 0.0
    for row, begins in rows:
        if isinstance(row, Gap):
            body.append(_gap(row, lanes, y))
            y += GAP_ROW
        else:
            body.append(_arrow(row, lanes, y, anchor, begins))
            y += _height(row)
    lifelines = [
        tag("line", x1=lanes.x(name), x2=lanes.x(name), y1=0, y2=y, class_="lifeline")
        for name in lanes.parties
    ]
    return _svg([*lifelines, *body], lanes.width, y, class_="strip")


def _svg(children: Sequence[Markup], width: float, height: float, **attributes: str) -> Markup:
    return tag(
        "svg",
        *children,
        xmlns="http://www.w3.org/2000/svg",
        width=width,
        height=height,
        viewbox=f"0 0 {width:.0f} {height:.0f}",
        **attributes,
    )


def _head(name: str, symbol: str, lanes: Columns) -> Markup:
    x = lanes.x(name)
    mark = (
        tag("circle", cx=x, cy=18, r=9, class_="ring-mark")
        if name == RING
        else tag("text", wording.symbol_in_drawing(symbol), x=x, y=24, class_="symbol")
    )
    label = wording.fit(name, int(lanes.spacing / 7.2))
    return tag(
        "g",
        tag("title", name),
        mark,
        tag("text", label, x=x, y=44, class_="party"),
        tag("line", x1=x, x2=x, y1=52, y2=HEAD_HEIGHT, class_="lifeline"),
    )


def _height(event: Event) -> int:
    return NOTED_ROW if _under(event) else ROW


def _under(event: Event) -> str:
    return event.outcome if event.refused else event.note


def spoken(event: Event) -> str:
    """The arrow in words."""
    sender, receiver = ends(event)
    way = sender if sender == receiver else f"{sender} to {receiver}"
    end = f"refused, {event.outcome}" if event.refused else "accepted"
    sealed = ", sealed" if event.sealed else ""
    return (
        f"Step {event.step}, {event.message}, {way}, {wording.size(event.bytes)}{sealed}, "
        f"{end}, at {wording.moment(event.time_ms)}"
    )


def _arrow(event: Event, lanes: Columns, y: float, anchor: str, new_protocol: bool) -> Markup:
    middle = y + 22
    sender, receiver = ends(event)
    own = sender == receiver
    drawn = _own(event, lanes, middle) if own else _between(event, lanes, middle)
    return tag(
        "a",
        tag("title", spoken(event)),
        tag("rect", x=0, y=y, width=lanes.width, height=_height(event), class_="hit"),
        tag("text", wording.moment(event.time_ms), x=GUTTER - 14, y=middle + 4, class_="time"),
        _protocol(event, middle) if new_protocol else None,
        drawn,
        href=f"#{anchor}-{event.n}",
        class_=f"arrow {event.kind}{' refused' if event.refused else ''}",
        data_n=event.n,
        aria_label=spoken(event),
    )


def _protocol(event: Event, middle: float) -> Markup:
    name = wording.fit(wording.words(event.protocol), 17)
    return tag("text", name, x=GUTTER - 14, y=middle + 17, class_="protocol")


def _own(event: Event, lanes: Columns, middle: float) -> Markup:
    """A party's own decision: a box on its line."""
    x = lanes.x(ends(event)[0])
    width = min(lanes.spacing - 8, (wording.width(event.message) + 1) * CHARACTER + 40)
    label = wording.fit(event.message, int((width - 36) / CHARACTER))
    return join(
        tag("rect", x=x - width / 2, y=middle - 13, width=width, height=26, rx=3, class_="box"),
        tag("text", event.step, x=x - width / 2 + 10, y=middle + 4, class_="step own"),
        tag("text", label, x=x + 10, y=middle + 4, class_="name"),
        _second_line(event, x, middle + 6, lanes),
    )


def _between(event: Event, lanes: Columns, y: float) -> Markup:
    sender, receiver = ends(event)
    start, end = lanes.x(sender), lanes.x(receiver)
    way = 1 if end > start else -1
    half = max(HALF_PILL, wording.width(event.step) * 3.6 + 6)
    first, last = start + way * (half + 2), end - way * 5
    centre = (first + last) / 2
    room = abs(last - first) - 10
    lock = 16 if event.sealed else 0
    label = wording.fit(event.message, int((room - lock) / CHARACTER))
    label_x = centre + lock / 2
    return join(
        _shaft(event, first, last, y, way),
        _tip(event, last, y, way),
        tag("rect", x=start - half, y=y - 10, width=half * 2, height=20, rx=10, class_="pill"),
        tag("text", event.step, x=start, y=y + 4, class_="step"),
        tag("text", label, x=label_x, y=y - 7, class_="name"),
        _lock(label_x - wording.width(label) * CHARACTER / 2 - 14, y - 16) if lock else None,
        _second_line(event, centre, y, lanes),
    )


def _second_line(event: Event, x: float, y: float, lanes: Columns) -> Markup | None:
    """The refusal's code or the note; nothing stands beside it, so it may be as wide as fits."""
    if not _under(event):
        return None
    room = 2 * min(x - GUTTER, lanes.width - x) - 6
    text = wording.fit(_under(event), int(room / 6.2))
    return tag("text", text, x=x, y=y + 20, class_="code" if event.refused else "note")


def _shaft(event: Event, first: float, last: float, y: float, way: int) -> Markup:
    if event.kind == "content" and not event.refused:
        left, width = min(first, last - way * 8), abs(last - way * 8 - first)
        return tag("rect", x=left, y=y - 4, width=width, height=8, class_="band")
    stop = last - way * {"register": 8, "request": 4}.get(event.kind, 0)
    return tag("line", x1=first, x2=stop, y1=y, y2=y, class_="shaft")


def _tip(event: Event, x: float, y: float, way: int) -> Markup:
    """The arrow's head: filled for a request, open for an answer, a ring for a register."""
    if event.refused:
        at = x - way * 3
        cross = f"M{at - 5:.1f} {y - 5:.1f}l10 10m0 -10l-10 10"
        return tag("path", d=cross, class_="cross")
    if event.kind == "answer":
        return tag(
            "path", d=f"M{x - way * 8:.1f} {y - 5:.1f}l{way * 8} 5l{-way * 8} 5", class_="open"
        )
    if event.kind == "register":
        return tag("circle", cx=x - way * 3, cy=y, r=5, class_="open")
    reach = 10 if event.kind == "content" else 6
    back = x - way * (13 if event.kind == "content" else 10)
    points = f"{x:.1f},{y:.1f} {back:.1f},{y - reach:.1f} {back:.1f},{y + reach:.1f}"
    return tag("polygon", points=points, class_="tip")


def _lock(x: float, y: float) -> Markup:
    return join(
        tag("rect", x=x, y=y + 4, width=8, height=6, rx=1, class_="lock"),
        tag("path", d=f"M{x + 1.8:.1f} {y + 4:.1f}v-1.6a2.2 2.2 0 0 1 4.4 0v1.6", class_="shackle"),
    )


def _gap(gap: Gap, lanes: Columns, y: float) -> Markup:
    text = f"{wording.count(gap.count, 'message')} not drawn (number {gap.first} to {gap.last})"
    middle = y + GAP_ROW / 2
    return tag(
        "g",
        tag("rect", x=0, y=y + 5, width=lanes.width, height=GAP_ROW - 10, class_="tear"),
        tag("text", text, x=GUTTER, y=middle + 4, class_="left-out"),
    )
