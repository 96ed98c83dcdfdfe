"""A curve of a measurement as an SVG drawing: points on two axes, each linear or logarithmic."""

import math
from collections.abc import Callable, Sequence

import msgspec

from scenarios.lab.markup import Markup, tag

WIDTH, HEIGHT = 640, 380
LEFT, RIGHT, TOP, BOTTOM = 70, 30, 60, 50
COLOURS = ("#1f6feb", "#c2410c", "#15803d", "#7e22ce", "#b91c1c", "#0e7490")
LEGEND_STEP = 16
MOST_TICKS = 6
FONT = "font-family:system-ui,sans-serif;font-size:12px;fill:#1f2328"


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    points: list[tuple[float, float]]
    """In the order in which they are joined."""


class Plot(msgspec.Struct, frozen=True, kw_only=True):
    title: str
    x: str
    y: str
    """What each axis shows, with its unit."""
    curves: list[Curve]
    log_x: bool = False


def draw(plot: Plot) -> Markup:
    """Raises ValueError where there is nothing to draw, or nothing that its axis can show."""
    points = [point for curve in plot.curves for point in curve.points]
    if not points or (plot.log_x and min(x for x, _ in points) <= 0):
        raise ValueError("a curve has points, on a logarithmic axis positive ones")
    xs, ys = [x for x, _ in points], [y for _, y in points]
    across = _scale(min(xs), max(xs), LEFT, WIDTH - RIGHT, log=plot.log_x)
    highest = max([*ys, 1e-9])
    up = _scale(0.0, highest, HEIGHT - BOTTOM, TOP, log=False)
    return tag(
        "svg",
        tag("title", plot.title),
        tag("rect", width=WIDTH, height=HEIGHT, fill="#ffffff"),
        _text(plot.title, LEFT, 20, weight="bold"),
        [_across(tick, across(tick)) for tick in _ticks_x(xs, log=plot.log_x)],
        [_up(tick, up(tick)) for tick in _ticks(highest)],
        _text(plot.x, (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, anchor="middle"),
        _text(plot.y, 8, TOP - 14),
        [_curve(curve, number, across, up) for number, curve in enumerate(plot.curves)],
        xmlns="http://www.w3.org/2000/svg",
        width=WIDTH,
        height=HEIGHT,
        viewbox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
    )


def _scale(
    low: float, high: float, start: float, end: float, *, log: bool
) -> Callable[[float], float]:
    """From a value to where it stands; a single value stands in the middle."""
    place: Callable[[float], float] = math.log10 if log else float
    first, last = place(low), place(high)

    def at(value: float) -> float:
        share = (place(value) - first) / (last - first) if last > first else 0.5
        return start + share * (end - start)

    return at


def _ticks(highest: float) -> list[float]:
    """Round numbers from 0 up to the highest value."""
    least = highest / MOST_TICKS
    power = 10.0 ** math.floor(math.log10(least))
    step = next(power * times for times in (1, 2, 5, 10) if power * times >= least)
    return [step * number for number in range(int(highest / step) + 1)]


def _ticks_x(xs: Sequence[float], *, log: bool) -> list[float]:
    """What was measured, where that is little; else round numbers."""
    own = sorted(set(xs))
    if log or len(own) <= MOST_TICKS:
        return own
    return [tick for tick in _ticks(max(xs)) if tick >= min(xs)]


def _across(value: float, x: float) -> list[Markup]:
    bottom = HEIGHT - BOTTOM
    return [
        tag("line", x1=x, y1=TOP, x2=x, y2=bottom, stroke="#e5e7eb"),
        _text(f"{value:,.4g}" if value < 1000 else f"{value:,.0f}", x, bottom + 16, "middle"),
    ]


def _up(value: float, y: float) -> list[Markup]:
    return [
        tag("line", x1=LEFT, y1=y, x2=WIDTH - RIGHT, y2=y, stroke="#e5e7eb"),
        _text(f"{value:,.4g}", LEFT - 6, y + 4, "end"),
    ]


def _curve(
    curve: Curve, number: int, across: Callable[[float], float], up: Callable[[float], float]
) -> list[Markup]:
    colour = COLOURS[number % len(COLOURS)]
    at = [(across(x), up(y)) for x, y in curve.points]
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in at)
    legend = HEIGHT - BOTTOM - 10 - LEGEND_STEP * number
    return [
        tag("path", d=path, fill="none", stroke=colour, stroke_width=2),
        *(tag("circle", cx=x, cy=y, r=3, fill=colour) for x, y in at),
        tag("rect", x=LEFT + 10, y=legend - 8, width=10, height=10, fill=colour),
        _text(curve.name, LEFT + 26, legend + 1),
    ]


def _text(text: str, x: float, y: float, anchor: str = "start", weight: str = "") -> Markup:
    style = FONT + (f";font-weight:{weight}" if weight else "")
    return tag("text", text, x=x, y=y, text_anchor=anchor, style=style)
