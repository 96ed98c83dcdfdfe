"""Draws harbour.png: a harbour at dusk, from formulas alone.

python -m scenarios.content.draw_harbour FILE

A pixel's colour is the sky's or the sea's, covered by one shape after the other; each shape says
how much of a pixel it covers. Only the standard library is used, so anyone can draw it again and
get the same bytes.
"""

import math
import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

WIDTH, HEIGHT = 760, 460
HORIZON = 262.0
SUN_X, SUN_Y, SUN_RADIUS = 250.0, 214.0, 34.0

Colour = tuple[float, float, float]
Shape = Callable[[float, float], float]
"""How much of the pixel at (x, y) it covers, 0 to 1."""
Box = tuple[float, float, float, float]
"""Left, top, right, bottom: outside a shape covers nothing."""
Painted = tuple[Box, Shape, Colour]


def mix(a: Colour, b: Colour, share: float) -> Colour:
    share = min(1.0, max(0.0, share))
    return (
        a[0] + (b[0] - a[0]) * share,
        a[1] + (b[1] - a[1]) * share,
        a[2] + (b[2] - a[2]) * share,
    )


def inside(distance: float, softness: float = 1.0) -> float:
    """1 well inside a shape (`distance` negative), 0 well outside, a smooth edge between."""
    return min(1.0, max(0.0, 0.5 - distance / softness))


# sky and sea

NIGHT, ROSE, GOLD = (38.0, 44.0, 92.0), (222.0, 122.0, 118.0), (255.0, 206.0, 132.0)


def sky(x: float, y: float) -> Colour:
    height = max(0.0, 1.0 - y / HORIZON)
    colour = mix(GOLD, ROSE, height * 2.6)
    colour = mix(colour, NIGHT, (height - 0.26) * 1.5)
    glow = math.exp(-math.hypot(x - SUN_X, (y - SUN_Y) * 1.25) / 95.0)
    colour = mix(colour, (255.0, 232.0, 176.0), glow * 0.9)
    streak = math.sin(x / 61.0 + 2.2 * math.sin(y / 23.0)) * math.sin(y / 9.0 + x / 210.0)
    band = math.exp(-(((y - 118.0) / 46.0) ** 2))
    return mix(colour, (250.0, 160.0, 140.0), max(0.0, streak) * band * 0.5)


def sea(x: float, y: float) -> Colour:
    depth = (y - HORIZON) / (HEIGHT - HORIZON)
    colour = mix((206.0, 128.0, 118.0), (24.0, 38.0, 78.0), depth**0.55)
    ripple = math.sin(y * (1.35 - 0.75 * depth) + 1.8 * math.sin(x / (17.0 + 40.0 * depth)))
    colour = mix(colour, (245.0, 176.0, 138.0), max(0.0, ripple) * 0.16 * (1.0 - depth))
    width = 16.0 + 120.0 * depth
    path = math.exp(-(((x - SUN_X + 5.0 * ripple) / width) ** 2))
    broken = 0.55 + 0.45 * math.sin(y * 1.1 + 3.0 * math.sin(x / 13.0 + y / 7.0))
    return mix(colour, (255.0, 222.0, 158.0), path * broken * (1.0 - 0.55 * depth))


# shapes


def hills(base: float, tall: float, wide: float, shift: float, paint: Colour) -> Painted:
    def covers(x: float, y: float) -> float:
        wave = math.sin(x / wide + shift) + 0.5 * math.sin(x / (wide * 0.43) + 2.0 * shift)
        return inside(base - tall * (0.75 + 0.5 * wave) - y)

    return (0.0, base - 1.6 * tall, WIDTH, HORIZON), covers, paint


def polygon(paint: Colour, *corners: tuple[float, float]) -> Painted:
    """A convex shape; its corners go round clockwise as the picture is seen."""
    edges: list[tuple[float, float, float, float]] = []
    for (x0, y0), (x1, y1) in zip(corners, (*corners[1:], corners[0]), strict=True):
        length = math.hypot(x1 - x0, y1 - y0)
        edges.append((x0, y0, (y1 - y0) / length, -(x1 - x0) / length))

    def covers(x: float, y: float) -> float:
        return inside(max((x - x0) * nx + (y - y0) * ny for x0, y0, nx, ny in edges))

    across, down = [x for x, _ in corners], [y for _, y in corners]
    box = (min(across) - 1.0, min(down) - 1.0, max(across) + 1.0, max(down) + 1.0)
    return box, covers, paint


def disc(x: float, y: float, radius: float, paint: Colour) -> Painted:
    far = radius + 2.0
    box = (x - far, y - far, x + far, y + far)
    return box, lambda px, py: inside(math.hypot(px - x, py - y) - radius, 2.0), paint


def boat(x: float, y: float, s: float) -> list[Painted]:
    """A sailing boat whose hull stands on the water at (x, y); `s` is its size."""

    def part(paint: Colour, *corners: tuple[float, float]) -> Painted:
        return polygon(paint, *((x + s * dx, y + s * dy) for dx, dy in corners))

    return [
        part((66.0, 46.0, 52.0), (-1, -78), (1, -78), (1, -9), (-1, -9)),
        part((252.0, 226.0, 196.0), (3, -74), (31, -16), (3, -14)),
        part((238.0, 190.0, 160.0), (-3, -66), (-3, -15), (-26, -14)),
        part((70.0, 38.0, 56.0), (-30, -9), (34, -9), (24, 2), (-22, 2)),
        part((206.0, 84.0, 76.0), (-29, -7), (32, -7), (31, -5), (-28, -5)),
    ]


def lighthouse(x: float, y: float) -> list[Painted]:
    def part(paint: Colour, *corners: tuple[float, float]) -> Painted:
        return polygon(paint, *((x + dx, y + dy) for dx, dy in corners))

    rock, iron = (46.0, 36.0, 58.0), (56.0, 40.0, 60.0)
    red, white = (196.0, 72.0, 74.0), (236.0, 222.0, 214.0)
    found = [part(rock, (-110, 0), (-60, -22), (80, -24), (150, 8), (-130, 8))]
    for level in range(5):
        top, bottom, half = 20 * level - 122, 20 * level - 102, 10 + 1.5 * level
        corners = ((-half, top), (half, top), (half + 1.5, bottom), (-half - 1.5, bottom))
        found.append(part(white if level % 2 else red, *corners))
    return [
        *found,
        part(iron, (-14, -126), (14, -126), (14, -121), (-14, -121)),
        part((255.0, 240.0, 176.0), (-7, -140), (7, -140), (7, -126), (-7, -126)),
        part(iron, (0, -152), (10, -140), (-10, -140)),
    ]


WALLS = ((176.0, 108.0, 104.0), (204.0, 150.0, 118.0), (140.0, 92.0, 110.0), (224.0, 180.0, 142.0))
ROOF, LIT, DARK = (108.0, 52.0, 62.0), (255.0, 224.0, 140.0), (70.0, 50.0, 76.0)


def houses() -> list[Painted]:
    found: list[Painted] = []
    for number in range(9):
        left, top = 14.0 + 17.5 * number, 236.0 - 9.0 * (number * 7 % 4)
        found.append(_box(WALLS[number % 4], left, top, left + 16.0, 263.0))
        found.append(polygon(ROOF, (left + 8, top - 9), (left + 18, top), (left - 2, top)))
        for row in range(2):
            sill = top + 6 + 10 * row
            paint = LIT if (number + row) % 3 else DARK
            found.append(_box(paint, left + 5, sill, left + 10, sill + 5))
    return found


def _box(paint: Colour, left: float, top: float, right: float, bottom: float) -> Painted:
    return polygon(paint, (left, top), (right, top), (right, bottom), (left, bottom))


def gull(x: float, y: float, s: float) -> Painted:
    def covers(px: float, py: float) -> float:
        side = abs(px - x)
        wing = y - 5.0 * s * math.sin(min(side / (9.0 * s), 1.2) * 2.2)
        return inside(abs(py - wing) - 0.9 * s)

    return (x - 10 * s, y - 8 * s, x + 10 * s, y + 6 * s), covers, (52.0, 44.0, 70.0)


GULLS = ((318, 92, 1.2), (356, 76, 0.9), (344, 112, 0.8), (432, 132, 0.7), (118, 74, 1.0))
ABOVE: list[Painted] = [
    disc(SUN_X, SUN_Y, SUN_RADIUS, (255.0, 244.0, 206.0)),
    hills(HORIZON + 4, 52.0, 148.0, 0.4, (140.0, 96.0, 128.0)),
    hills(HORIZON + 4, 30.0, 92.0, 2.1, (98.0, 72.0, 112.0)),
    *houses(),
    *lighthouse(600.0, 268.0),
    *boat(402.0, 300.0, 0.72),
    *boat(172.0, 322.0, 1.05),
    *boat(498.0, 372.0, 1.5),
    *(gull(*place) for place in GULLS),
]


def scene(x: float, y: float) -> tuple[Colour, bool]:
    """The colour there, and whether nothing covers sky and sea."""
    colour = sky(x, y) if y < HORIZON else sea(x, y)
    bare = True
    for (left, top, right, bottom), shape, paint in ABOVE:
        if left <= x <= right and top <= y <= bottom:
            share = shape(x, y)
            if share:
                colour, bare = mix(colour, paint, share), False
    return colour, bare


def pixel(x: int, y: int) -> Colour:
    """The scene, and in the water its mirror image, broken by the waves."""
    colour, bare = scene(x + 0.5, y + 0.5)
    depth = y - HORIZON
    if depth <= 0 or not bare:
        return colour
    shifted = x + 0.5 + (1.0 + depth * 0.06) * math.sin(depth * 0.9)
    mirrored = scene(shifted, HORIZON - depth * 0.9)[0]
    return mix(colour, mirrored, 0.42 * math.exp(-depth / 95.0))


def draw() -> bytes:
    """The picture as PNG (RFC 2083), 8 bits a channel, every row filtered by the one above."""
    raw = bytearray()
    above = bytes(3 * WIDTH)
    for y in range(HEIGHT):
        row = bytearray()
        for x in range(WIDTH):
            row += bytes(min(255, max(0, round(value))) for value in pixel(x, y))
        raw.append(2)
        raw += bytes((new - old) & 0xFF for new, old in zip(row, above, strict=True))
        above = bytes(row)
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(raw), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(draw())
