"""Edwards25519 in plain Python (RFC 8032, section 5.1): slow, for the tests' own points only."""

import hashlib

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
"""L, the order of the base point."""
D = -121665 * pow(121666, -1, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)

Point = tuple[int, int]
NEUTRAL: Point = (0, 1)


def add(a: Point, b: Point) -> Point:
    (x1, y1), (x2, y2) = a, b
    product = D * x1 * x2 * y1 * y2 % P
    x = (x1 * y2 + x2 * y1) * pow(1 + product, -1, P) % P
    y = (y1 * y2 + x1 * x2) * pow(1 - product, -1, P) % P
    return x, y


def multiply(scalar: int, point: Point) -> Point:
    result = NEUTRAL
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point = add(point, point)
        scalar >>= 1
    return result


def with_y(y: int, sign: int) -> Point | None:
    """The point with this y and this lowest bit of x, if there is one."""
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_ONE % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    return (P - x if x & 1 != sign else x), y


def encoded(point: Point) -> bytes:
    x, y = point
    return (y | (x & 1) << 255).to_bytes(32, "little")


def decoded(data: bytes) -> Point:
    number = int.from_bytes(data, "little")
    point = with_y(number & (1 << 255) - 1, number >> 255)
    assert point is not None
    return point


BASE = decoded(bytes.fromhex("58" + "66" * 31))


def point_of_order_eight() -> Point:
    """L times a point outside the prime-order subgroup."""
    for y in range(2, 100):
        point = with_y(y, 0)
        if point is not None:
            torsion = multiply(ORDER, point)
            if multiply(4, torsion) != NEUTRAL:
                return torsion
    raise AssertionError("one in four points will do")


def small_order_points() -> list[Point]:
    """All eight, the neutral element first."""
    generator = point_of_order_eight()
    return [multiply(number, generator) for number in range(8)]


def challenge(nonce_point: bytes, public_key: bytes, message: bytes) -> int:
    """k = SHA-512(R || A || M) mod L."""
    hashed = hashlib.sha512(nonce_point + public_key + message).digest()
    return int.from_bytes(hashed, "little") % ORDER
