"""Anonymous prepaid micropayment (PID): who is behind a pseudonym; section 3 라."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from nodes.protocols.anonymous_micropayment.numbers import alias_of
from scenarios.lab.facts import Cast, Claim, Fact, Measurement, Role, by_turns, ended
from scenarios.lab.linking import Tie
from scenarios.lab.node_client import Node
from scenarios.lab.world import World

PROTOCOL = "anonymous_micropayment"
GOODS, PRICE = "poem", 4
E_CASH, CASH_PROTOCOL = "ecash", "electronic_cash"
ALIASES = 64
"""As many as the broker computes ahead (PID-R3)."""
ROLES = (
    Role("Cus", "the customer", insider=True),
    Role("Vend", "a vendor"),
    Role("Vend'", "another vendor"),
    Role("B", "the broker"),
    Role("CA", "the certificate authority"),
    Role("P", "a peer that takes no part"),
)
NOT_THE_BROKER, NOT_A_VENDOR = Claim("B", False, "3 라"), Claim("Vend", False, "3 라")
IDENTITY = Fact(
    "identity",
    "who is behind a pseudonym",
    readable=("CA",),
    guessed=("B",),
    claims=(NOT_THE_BROKER, NOT_A_VENDOR, Claim("CA", True, "3 다 (1)")),
)
BUYER = Fact(
    "buyer",
    "who makes a purchase",
    derivable=("Vend+CA", "B+CA"),
    guessed=("B",),
    claims=(
        NOT_THE_BROKER,
        NOT_A_VENDOR,
        Claim("Vend+B", False, "3 라"),
        Claim("Vend+CA", False, "3 라"),
        Claim("B+CA", True, "3 라"),
    ),
)
FUNDS = Fact(
    "funds",
    "who paid for a deposit",
    derivable=("B+CA",),
    guessed=("B",),
    claims=(NOT_THE_BROKER,),
)
PURCHASE = Fact("purchase", "under which pseudonym a purchase is made", readable=("Vend", "B"))
REGULAR = Fact(
    "regular", "that two purchases at a vendor are one customer's", derivable=("Vend", "B")
)
PROFILE = Fact(
    "profile", "that purchases at two vendors are one customer's", derivable=("Vend+Vend'", "B")
)
TRADE = Fact("trade", "at which vendor a purchase is made", readable=("Vend", "B"))
LOOK_UP = Fact(
    "look-up",
    "that a customer looks up a vendor",
    of_directory=True,
)
FACTS = (IDENTITY, BUYER, FUNDS, PURCHASE, REGULAR, PROFILE, TRADE, LOOK_UP)
HIDDEN = (
    IDENTITY,
    replace(BUYER, derivable=("B+CA",)),
    FUNDS,
    replace(PURCHASE, readable=(), derivable=("B",)),
    replace(REGULAR, derivable=("B",)),
    replace(PROFILE, derivable=("B",)),
    TRADE,
    LOOK_UP,
)


BANK_AND_ISSUER = (
    Role("Bank", "the bank's account server, where the e-cash comes from"),
    Role("CS", "the coin server that knows the e-cash"),
)
TRACED = "B+Bank+CS"
"""As bank and coin server together follow every coin of e-cash."""
CASH = (
    replace(IDENTITY, guessed=(), derivable=(TRACED,)),
    replace(BUYER, guessed=(), derivable=(*BUYER.derivable, TRACED)),
    replace(FUNDS, guessed=(), derivable=(*FUNDS.derivable, TRACED)),
    PURCHASE,
    REGULAR,
    PROFILE,
    TRADE,
    LOOK_UP,
)


async def play(world: World, *, hides: bool = False, by: str = "voucher") -> Sequence[Cast]:
    """Two customers prepay and buy at the same two vendors, by turns.

    Whoever prepays with e-cash withdraws more than that, as one should.
    """
    first, second, vendor, other, bystander = world.peers
    for node in (vendor, other):
        await node.control("pid_sell", goods=GOODS, price=PRICE, text=f"A poem by {node.name}.")
    ties: tuple[dict[str, Tie], dict[str, Tie]] = ({}, {})
    await by_turns(
        _buys(first, vendor, other, _Way(13, 24, hides, by), ties[0]),
        _buys(second, vendor, other, _Way(17, 40, hides, by), ties[1]),
    )
    others = {
        "Vend": vendor,
        "Vend'": other,
        "B": world.broker,
        "CA": world.certificate_authority,
        "P": bystander,
    }
    for symbol, name in (("Bank", "bank-account-server"), ("CS", "coin-server-1")):
        if by == E_CASH:
            others[symbol] = world.node(name)
    return [
        Cast({"Cus": customer} | others, ("Cus",), true)
        for customer, true in zip((first, second), ties, strict=True)
    ]


@dataclass(frozen=True)
class _Way:
    """How one customer prepays."""

    amount: int
    withdrawn: int
    hides: bool
    by: str


async def _buys(
    customer: Node, vendor: Node, other: Node, way: _Way, ties: dict[str, Tie]
) -> AsyncIterator[None]:
    if way.by == E_CASH:
        await ended(customer, "cash_withdraw", "completed", amount=way.withdrawn)
        yield
    await ended(customer, "pid_pseudonym", "named")
    yield
    terms = {"amount": way.amount, "hides": way.hides, "by": way.by}
    deposit = await ended(customer, "pid_deposit", "confirmed", **terms)
    yield
    bought = []
    for seller in (vendor, vendor, other):
        asked = {"vendor": seller.name, "goods": GOODS, "price": PRICE}
        bought.append(await ended(customer, "pid_buy", "delivered", **asked))
        yield
    one, again, elsewhere = (row["id"] for row in bought)
    pseudonym = deposit["pseudonym"]
    ties |= {
        "identity": Tie.of(customer.id, pseudonym),
        "buyer": Tie.of(customer.id, one),
        "purchase": Tie.of(pseudonym, one),
        "funds": Tie.of(customer.id, deposit["id"]),
        "regular": Tie.of(one, again),
        "profile": Tie.of(one, elsewhere),
        "trade": Tie.of(one, vendor.id),
        "look-up": Tie.of(customer.id, {vendor.id, other.id}),
    }


def implied(what: str, fields: Mapping[str, Any]) -> Iterable[str]:
    """Whoever has BCus_key computes the aliases of all orders made with it."""
    if what == "the confirmation":
        secret = bytes.fromhex(fields["secret"])
        yield from (alias_of(secret, number).hex() for number in range(1, ALIASES + 1))


SHOWN = Measurement(
    name=PROTOCOL,
    protocol=PROTOCOL,
    title="Buying under a pseudonym",
    roles=ROLES,
    facts=FACTS,
    play=partial(play, hides=False),
    peers=5,
    servers_of=(PROTOCOL,),
    implied=implied,
)
MEASUREMENTS = (
    SHOWN,
    replace(
        SHOWN,
        name=f"{PROTOCOL}, hidden",
        title="Buying under a pseudonym, with aliases in the orders",
        facts=HIDDEN,
        play=partial(play, hides=True),
    ),
    replace(
        SHOWN,
        name=f"{PROTOCOL}, e-cash",
        title="Buying under a pseudonym that was prepaid with e-cash",
        roles=(*ROLES, *BANK_AND_ISSUER),
        facts=CASH,
        play=partial(play, by=E_CASH),
        servers_of=(PROTOCOL, CASH_PROTOCOL),
    ),
)
