"""E-cash (BS): who is tied to which coin and to which payment; section 4.7."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

from nodes.protocols.electronic_cash.coin import serial_of
from scenarios.lab.facts import Cast, Claim, Fact, Measurement, Role, by_turns, ended, read_at
from scenarios.lab.linking import Tie
from scenarios.lab.node_client import Node
from scenarios.lab.world import World

PROTOCOL = "electronic_cash"
ROLES = (
    Role("C", "the customer, who withdraws and pays", insider=True),
    Role("B", "the bank's account server"),
    Role("S", "the coin server"),
    Role("M", "a merchant"),
    Role("N", "another merchant"),
    Role("CA", "the certificate authority"),
)
NO_SERIALS, NO_USERS = Claim("B", False, "4.2 (3)"), Claim("S", False, "4.2 (2)")
FACTS = (
    Fact("withdrawal", "who withdraws how much", readable=("B",)),
    Fact(
        "coin",
        "whose a coin was when it was new",
        derivable=("B+S",),
        sealed=("B",),
        claims=(NO_SERIALS, NO_USERS),
    ),
    Fact(
        "payer",
        "who makes a payment",
        derivable=("B+S",),
        guessed=("B+M",),
        claims=(
            NO_SERIALS,
            NO_USERS,
            Claim("M", False, "4.2 (4)"),
            Claim("B+M", False, "4.2 (4)"),
            Claim("S+M", False, "4.2 (4)"),
            Claim("B+S", True, "4.2 (4)"),
        ),
    ),
    Fact(
        "trade",
        "who pays whom",
        derivable=("B+S",),
        guessed=("B",),
        claims=(NO_SERIALS, NO_USERS),
    ),
    Fact(
        "spending",
        "which withdrawal a payment is made from",
        derivable=("S",),
        guessed=("B+M",),
    ),
    Fact("same payer", "that payments at two merchants are one customer's", derivable=("S",)),
    Fact("takings", "which merchant a payment goes to", readable=("S", "M")),
    Fact("amount", "how much is paid", readable=("S", "M")),
)


async def play(world: World, *, careless: bool = False) -> Sequence[Cast]:
    """Two customers withdraw and pay by turns, each at merchants of its own. No amount repeats.

    `careless`: they write into a payment what the bank saw of the withdrawal.
    """
    ties: tuple[dict[str, Tie], dict[str, Tie]] = ({}, {})
    casts = (world.peers[0:3], world.peers[3:6])
    await by_turns(
        _buys(casts[0], (7, 24, 9, 13), ties[0], careless),
        _buys(casts[1], (11, 40, 15, 23), ties[1], careless),
    )
    bank, server = world.node("bank-account-server"), world.node("coin-server-1")
    authority = world.certificate_authority
    return [
        Cast({"C": c, "B": bank, "S": server, "M": m, "N": n, "CA": authority}, ("C",), true)
        for (c, m, n), true in zip(casts, ties, strict=True)
    ]


async def _buys(
    peers: Sequence[Node], amounts: Sequence[int], ties: dict[str, Tie], careless: bool
) -> AsyncIterator[None]:
    """All of one withdrawal at once; of another, at two merchants. They pay in what they took."""
    customer, merchant, other = peers
    exact, more, second, third = amounts
    await ended(customer, "cash_withdraw", "completed", amount=exact)
    coins = await read_at(customer, PROTOCOL, "W4")
    withdrawal = next(value["withdrawal"] for what, value in coins if what == "deliver")
    yield
    asked = {"to": merchant.name, "amount": exact, "reference": withdrawal if careless else ""}
    payment = (await ended(customer, "cash_pay", "settled", **asked))["id"]
    yield
    await ended(customer, "cash_withdraw", "completed", amount=more)
    yield
    at_one = (await ended(customer, "cash_pay", "settled", to=merchant.name, amount=second))["id"]
    yield
    at_other = (await ended(customer, "cash_pay", "settled", to=other.name, amount=third))["id"]
    yield
    await ended(merchant, "cash_deposit", "settled", amount=exact)
    yield
    await ended(other, "cash_deposit", "settled", amount=third)
    made = [coin for what, value in coins if what == "coins" for coin in value]
    ties |= {
        "withdrawal": Tie.of(customer.id, amount=exact),
        "coin": Tie.of(customer.id, {coin["key"] for coin in made} | {*_serials(made)}),
        "spending": Tie.of(withdrawal, payment),
        "payer": Tie.of(customer.id, payment),
        "trade": Tie.of(customer.id, merchant.id),
        "same payer": Tie.of(at_one, at_other),
        "takings": Tie.of(merchant.id, payment),
        "amount": Tie.of(payment, amount=exact),
    }


def _serials(coins: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    return (serial for coin in coins for serial in implied("", coin))


def implied(what: str, fields: Mapping[str, Any]) -> Iterable[str]:
    """Whoever has a coin's key and entropy computes its serial number."""
    key, entropy = fields.get("key"), fields.get("entropy")
    if isinstance(key, str) and isinstance(entropy, str):
        yield serial_of(bytes.fromhex(key), bytes.fromhex(entropy)).hex()


MEASUREMENTS = (
    Measurement(
        name=PROTOCOL,
        protocol=PROTOCOL,
        title="E-cash",
        roles=ROLES,
        facts=FACTS,
        play=play,
        peers=6,
        servers_of=(PROTOCOL,),
        implied=implied,
    ),
)
