"""Every place where a party of a transaction can be killed.

A party that sends a message can end when it is saved and not sent, or sent and its answer not
seen; one that receives it when it has come and is not saved, saved and not answered, or answered.
A register's write can be cut off before it leaves or when its votes are back.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

Point = Literal["received", "saved", "sent"]
SENDER: tuple[Point, ...] = ("saved", "sent")
RECEIVER: tuple[Point, ...] = ("received", "saved", "sent")


@dataclass(frozen=True)
class Case:
    protocol: str
    drama: str
    """Which transaction is played."""
    party: str
    step: str
    point: str
    """Where it is killed (`Point`); in simulation also what its message meets (`FaultKind`)."""
    receiver: str = ""
    """To whom that message goes."""

    @property
    def name(self) -> str:
        return f"{self.drama}: {self.party} at {self.step}, {self.point}"


SALES, COINS = "escrow_commerce", "dht_micropayment"
CASH, PREPAID = "electronic_cash", "anonymous_micropayment"
ITEMS = "item_trading"

ARROWS: dict[tuple[str, str], tuple[tuple[str, str, str], ...]] = {
    (SALES, "purchase"): (
        ("1", "seller", "central_server"),
        ("2", "buyer", "central_server"),
        ("5", "buyer", "seller"),
        ("6a", "seller", "escrow_server"),
        ("7", "buyer", "escrow_server"),
        ("8a", "escrow_server", "buyer"),
        ("9", "buyer", "escrow_server"),
        ("8b", "escrow_server", "seller"),
        ("10", "escrow_server", "central_server"),
    ),
    (SALES, "dispute"): (
        ("D1", "buyer", "escrow_server"),
        ("D2", "escrow_server", "buyer"),
        ("8r", "escrow_server", "buyer"),
    ),
    (SALES, "abandonment"): (("8x", "escrow_server", "seller"),),
    (COINS, "withdrawal"): (("W1", "owner", "broker"),),
    (COINS, "payment"): (("Q1", "payer", "payee"), ("P1", "payer", "payee")),
    (COINS, "redemption"): (("D1", "holder", "broker"),),
    (CASH, "cash withdrawal"): (
        ("W1", "user", "bank"),
        ("W2", "bank", "coin_server"),
        ("W4", "bank", "user"),
        ("J1", "bank", "coin_server"),
    ),
    (CASH, "cash exchange"): (("X1", "user", "coin_server"), ("J2", "user", "coin_server")),
    (CASH, "cash payment"): (
        ("P1", "user", "merchant"),
        ("P2", "merchant", "coin_server"),
        ("J1", "merchant", "coin_server"),
        ("J2", "user", "coin_server"),
    ),
    (CASH, "cash across"): (
        ("P2", "merchant", "coin_server"),
        ("F1", "coin_server", "home"),
        ("F4", "coin_server", "bank"),
    ),
    (CASH, "cash deposit"): (
        ("D1", "user", "bank"),
        ("D2", "bank", "coin_server"),
        ("D4", "bank", "user"),
        ("J1", "bank", "coin_server"),
    ),
    (PREPAID, "prepaid deposit"): (("V3", "customer", "broker"), ("3", "customer", "broker")),
    (PREPAID, "prepaid with cash"): (
        ("3", "customer", "broker"),
        ("P2", "broker", "coin_server"),
    ),
    (PREPAID, "prepaid purchase"): (("5", "customer", "vendor"), ("6", "vendor", "broker")),
    (ITEMS, "item sale"): (
        ("0", "seller", "game_server"),
        ("1.1", "seller", "market"),
        ("3", "buyer", "market"),
        ("1.4", "market", "game_server"),
        ("1.4n", "market", "buyer"),
        ("1.5", "buyer", "market"),
        ("1.6", "market", "buyer"),
        ("7", "buyer", "game_server"),
        ("9", "game_server", "market"),
        ("10", "market", "seller"),
    ),
    (ITEMS, "direct sale"): (
        ("2.1", "seller", "market"),
        ("2.2b", "seller", "market"),
        ("2.2d", "seller", "market"),
        ("G2", "market", "game_server"),
        ("3", "buyer", "market"),
        ("2.4", "market", "seller"),
        ("2.5", "seller", "buyer"),
        ("2.6", "buyer", "market"),
        ("2.7", "market", "seller"),
        ("2.8", "seller", "buyer"),
        ("7", "buyer", "game_server"),
        ("9", "game_server", "market"),
        ("10", "market", "seller"),
    ),
    (CASH, "item sale"): (("C1", "buyer", "coin_server"), ("C3", "seller", "coin_server")),
}
"""By protocol and transaction: step, sender, receiver."""

ALONE: dict[tuple[str, str], tuple[tuple[str, str, tuple[Point, ...]], ...]] = {
    (SALES, "purchase"): (
        ("6b", "buyer", ("saved", "sent")),
        ("6b", "seller", ("received",)),
    ),
    (SALES, "dispute"): (("D1u", "escrow_server", ("received", "saved")),),
    (COINS, "withdrawal"): (("W3", "owner", SENDER),),
    (COINS, "payment"): (
        ("P0", "payer", ("sent",)),
        ("P2", "payee", ("sent",)),
        ("P3", "payee", SENDER),
    ),
    (COINS, "reissue"): (("R3", "holder", SENDER), ("R5", "holder", SENDER)),
    (COINS, "redemption"): (("D3", "broker", SENDER),),
}
"""Streams and register operations: step, party, points."""

COIN_STEPS_OF_SALES = (("P3", "escrow_server", SENDER), ("P3", "seller", SENDER))
"""The lock and the pay-out are payments, of the sale's transaction."""


def all_cases(protocol: str = "", party: str = "") -> list[Case]:
    """Every case, of one protocol and one party where they are named."""
    return [
        case for case in _all() if protocol in ("", case.protocol) and party in ("", case.party)
    ]


def before_and_after_the_commit() -> list[Case]:
    """A party a side of each commit point: what is worth a look every time."""
    chosen = {
        (SALES, "purchase", "buyer"): (("7", "saved"), ("8a", "received")),
        (SALES, "purchase", "seller"): (("6a", "saved"), ("8b", "received")),
        (SALES, "purchase", "escrow_server"): (("7", "received"), ("8a", "saved")),
        (COINS, "payment", "payer"): (("P0", "sent"), ("P1", "sent")),
        (COINS, "payment", "payee"): (("P3", "saved"), ("P3", "sent")),
        (COINS, "redemption", "broker"): (("D1", "received"), ("D3", "sent")),
        (CASH, "cash withdrawal", "user"): (("W1", "saved"), ("W4", "received")),
        (CASH, "cash withdrawal", "bank"): (("W1", "received"), ("W1", "saved")),
        (CASH, "cash withdrawal", "coin_server"): (("W2", "received"), ("W2", "saved")),
        (CASH, "cash payment", "user"): (("P1", "saved"), ("P1", "sent")),
        (CASH, "cash payment", "merchant"): (("P2", "saved"), ("P2", "sent")),
        (CASH, "cash payment", "coin_server"): (("P2", "received"), ("P2", "saved")),
        (CASH, "cash across", "home"): (("F1", "received"), ("F1", "saved")),
        (CASH, "cash deposit", "bank"): (("D1", "saved"), ("D2", "sent")),
        (PREPAID, "prepaid deposit", "customer"): (("3", "saved"), ("3", "sent")),
        (PREPAID, "prepaid deposit", "broker"): (("3", "received"), ("3", "saved")),
        (PREPAID, "prepaid with cash", "broker"): (("P2", "saved"), ("P2", "sent")),
        (PREPAID, "prepaid purchase", "customer"): (("5", "saved"), ("5", "sent")),
        (PREPAID, "prepaid purchase", "vendor"): (("6", "saved"), ("6", "sent")),
        (PREPAID, "prepaid purchase", "broker"): (("6", "received"), ("6", "saved")),
        (ITEMS, "item sale", "seller"): (("1.1", "saved"), ("10", "received")),
        (ITEMS, "item sale", "buyer"): (("7", "saved"), ("7", "sent")),
        (ITEMS, "item sale", "game_server"): (("7", "received"), ("7", "saved")),
        (ITEMS, "item sale", "market"): (("1.6", "saved"), ("9", "received")),
        (ITEMS, "direct sale", "seller"): (("2.8", "saved"), ("10", "received")),
        (ITEMS, "direct sale", "buyer"): (("7", "saved"), ("7", "sent")),
        (ITEMS, "direct sale", "game_server"): (("7", "received"), ("7", "saved")),
        (ITEMS, "direct sale", "market"): (("2.7", "saved"), ("9", "received")),
        (CASH, "item sale", "coin_server"): (("C3", "received"), ("C3", "saved")),
    }
    return [
        case
        for case in _all()
        if (case.step, case.point) in chosen.get((case.protocol, case.drama, case.party), ())
    ]


def _all() -> Iterator[Case]:
    for key in dict.fromkeys([*ARROWS, *ALONE]):
        protocol, drama = key
        for step, sender, receiver in ARROWS.get(key, ()):
            yield from _at(protocol, drama, sender, step, SENDER)
            yield from _at(protocol, drama, receiver, step, RECEIVER)
        for step, party, points in ALONE.get(key, ()):
            yield from _at(protocol, drama, party, step, points)
    for step, party, points in COIN_STEPS_OF_SALES:
        yield from _at(SALES, "purchase", party, step, points)


def _at(
    protocol: str, drama: str, party: str, step: str, points: Iterable[Point]
) -> Iterator[Case]:
    for point in points:
        yield Case(protocol, drama, party, step, point)


def protocol_of(case: Case) -> str:
    """Whose step it is: what pays for a sale or a deposit is a step of the coins' protocol."""
    paid_with = {(SALES, "P3"): COINS, (PREPAID, "P2"): CASH}
    return paid_with.get((case.protocol, case.step), case.protocol)
