"""What happens in a soak: drawn from a seed, and plain data, so that it can be kept and cut short.

A history has some stretches of time with a quiet point after each. What happens at one moment does
not depend on what happened before: who, how much and what chance is used stand in it. So any part
of a history is a history, and one that fails can be cut down.
"""

import random
from collections.abc import Sequence
from typing import Literal

import msgspec

STRETCHES = 2
STRETCH_SECONDS = 30.0
DEEDS, TROUBLES = 18, 6
"""How many in a stretch."""

Kind = Literal["deed", "kill", "cut", "weather", "epoch"]

HONEST = tuple(f"peer-0{n}" for n in range(1, 7))
DOUBLE_SPENDER, GARBAGE_SELLER = "peer-07", "peer-08"
PROGRAMS = {
    DOUBLE_SPENDER: "scenarios.adversaries.double_spender",
    GARBAGE_SELLER: "scenarios.adversaries.garbage_seller",
}
PEERS, LATE_PEERS = 9, 1
"""The last by name waits for a turn of the epoch."""
SERVERS = (
    "broker",
    "central-server",
    "escrow-server",
    "bank-account-server",
    "coin-server-1",
    "coin-server-2",
    "game-server-1",
    "market-1",
)
"""Who may be killed beside the peers. Without the certificate authority nobody new is met."""

DEED_NAMES: dict[str, int] = {
    "withdraw": 3,
    "pay": 6,
    "reissue": 2,
    "redeem": 2,
    "purchase": 4,
    "walk_away": 1,
    "buy_garbage": 1,
    "double_spend": 2,
    "cash_withdraw": 3,
    "cash_pay": 5,
    "cash_exchange": 2,
    "cash_deposit": 2,
    "prepay": 2,
    "prepaid_purchase": 3,
    "sell_item": 2,
    "sell_item_directly": 2,
}
"""What may be done, and how often against the others."""


class Happening(msgspec.Struct, frozen=True):
    number: int
    stretch: int
    at_seconds: float
    """Since the stretch began."""
    kind: Kind
    what: str = ""
    """Which deed."""
    who: tuple[str, ...] = ()
    amount: int = 1
    for_seconds: float = 0.0
    """How long a node is down, a cut lasts or the weather is bad."""


class History(msgspec.Struct, frozen=True):
    seed: int
    """Of whatever else is drawn while it is played."""
    happenings: tuple[Happening, ...]

    @property
    def stretches(self) -> int:
        return 1 + max((one.stretch for one in self.happenings), default=0)

    def in_stretch(self, stretch: int) -> list[Happening]:
        return [one for one in self.happenings if one.stretch == stretch]

    def only(self, chosen: Sequence[Happening]) -> "History":
        return History(self.seed, tuple(chosen))


def draw(seed: int, *, simulated: bool = True) -> History:
    """The same history for the same seed. Between processes nothing but kills can be made."""
    chance = random.Random(f"soak/{seed}")
    drawn: list[tuple[int, float, Kind]] = []
    troubles: list[Kind] = ["kill"]
    if simulated:
        troubles = ["kill", "kill", "cut", "weather", "epoch"]
    for stretch in range(STRETCHES):
        for _ in range(DEEDS):
            drawn.append((stretch, chance.uniform(0, STRETCH_SECONDS), "deed"))
        for _ in range(TROUBLES):
            drawn.append((stretch, chance.uniform(0, STRETCH_SECONDS), chance.choice(troubles)))
    drawn.sort()
    made = [_happening(chance, number, *each) for number, each in enumerate(drawn, 1)]
    return History(seed, tuple(made))


def _happening(
    chance: random.Random, number: int, stretch: int, at: float, kind: Kind
) -> Happening:
    at = round(at, 3)
    match kind:
        case "deed":
            what = chance.choices(list(DEED_NAMES), list(DEED_NAMES.values()))[0]
            who = _parties(chance, what)
            return Happening(number, stretch, at, kind, what, who, chance.randint(1, 6))
        case "kill":
            victim = chance.choice((*HONEST, DOUBLE_SPENDER, GARBAGE_SELLER, *SERVERS))
            down = round(chance.expovariate(1 / 6.0), 3)
            return Happening(number, stretch, at, kind, who=(victim,), for_seconds=down)
        case "cut":
            everybody = [*HONEST, *SERVERS]
            away = tuple(chance.sample(everybody, chance.randint(1, 4)))
            lasts = round(chance.uniform(1, 15), 3)
            return Happening(number, stretch, at, kind, who=away, for_seconds=lasts)
        case "weather":
            lasts = round(chance.uniform(2, 20), 3)
            return Happening(
                number, stretch, at, kind, amount=chance.randint(1, 10), for_seconds=lasts
            )
        case "epoch":
            return Happening(number, stretch, at, kind, who=(chance.choice(HONEST),))


def _parties(chance: random.Random, deed: str) -> tuple[str, ...]:
    one, other = chance.sample(HONEST, 2)
    if deed == "double_spend":
        return (DOUBLE_SPENDER, one, other)
    return (one, GARBAGE_SELLER) if deed == "buy_garbage" else (one, other)


def read(data: bytes) -> History:
    """Raises msgspec.ValidationError or DecodeError."""
    return msgspec.json.decode(data, type=History)


def written(history: History) -> bytes:
    return msgspec.json.format(msgspec.json.encode(history))
