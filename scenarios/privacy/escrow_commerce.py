"""P2P e-commerce with escrow (PC): who buys what, the content, its key; section 4, PC-A14."""

import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from scenarios.lab.facts import Cast, Claim, Fact, Measurement, Role, by_turns, ended, read_at
from scenarios.lab.linking import Tie
from scenarios.lab.node_client import Node
from scenarios.lab.world import World
from scenarios.privacy import dht_micropayment

PROTOCOL, COINS = "escrow_commerce", "dht_micropayment"
CONTENT = ("harbour", "mountain")
ROLES = (
    Role("P_1", "the buyer", insider=True),
    Role("P_3", "the seller", insider=True),
    Role("CS", "the central server"),
    Role("ES", "the escrow server"),
    Role("B", "the broker of the coins"),
    Role("CA", "the certificate authority"),
    Role("P", "a member that keeps the coins' registers"),
)
FACTS = (
    Fact(
        "content",
        "the content C itself",
        claims=(Claim("CS", False, "4.2"), Claim("ES", False, "4.2 (6)"), Claim("P", False, "4.2")),
    ),
    Fact(
        "key",
        "the key K",
        readable=("ES",),
        claims=(Claim("CS", False, "4.2 (6)"), Claim("P", False, "4.2 (6)")),
    ),
    Fact("purchase", "who buys what", readable=("CS", "ES")),
    Fact("offer", "who sells what", readable=("CS", "ES")),
    Fact("trade", "who buys from whom", readable=("CS", "ES"), derivable=("P",)),
    Fact("price", "what a sale costs", readable=("ES",), derivable=("CS",)),
    Fact("payment", "with which coins a sale is paid", readable=("ES",)),
    Fact("look-up", "that a buyer looks up the seller", of_directory=True),
)


async def play(world: World) -> Sequence[Cast]:
    """Two sales between four strangers, by turns, at two prices."""
    ties: tuple[dict[str, Tie], dict[str, Tie]] = ({}, {})
    pairs = (world.peers[0:2], world.peers[2:4])
    with tempfile.TemporaryDirectory(prefix="jangteo-content-") as folder:
        harbour, mountain = (_write(Path(folder) / f"{name}.txt") for name in CONTENT)
        await by_turns(_buys(pairs[0], harbour, 3, ties[0]), _buys(pairs[1], mountain, 5, ties[1]))
    servers = {
        "CS": world.central_server,
        "ES": world.escrow_server,
        "B": world.broker,
        "CA": world.certificate_authority,
        "P": world.peers[4],
    }
    return [
        Cast({"P_1": b, "P_3": s} | servers, ("P_1", "P_3"), true)
        for (b, s), true in zip(pairs, ties, strict=True)
    ]


def _write(content: Path) -> Path:
    content.write_text(f"A view of a {content.stem}. " * 40)
    return content


async def _buys(
    pair: Sequence[Node], content: Path, price: int, ties: dict[str, Tie]
) -> AsyncIterator[None]:
    buyer, seller = pair
    await ended(buyer, "withdraw", "held", count=price)
    own = (await seller.upload(content))["content_id"]
    await seller.control("offer", content_id=own, description=content.stem, price=price)
    yield
    found = await buyer.control("search", content_id=own)
    asked = {"offer": found["selected"]["offer"]}
    sale = (await ended(buyer, "order", "ciphertext-held", **asked))["id"]
    yield
    await buyer.control("pay", transaction=sale)
    await buyer.until(sale, "opened")
    yield
    await buyer.control("accept", transaction=sale)
    await seller.until(sale, "paid")
    key = next(value["key"] for _, value in await read_at(buyer, PROTOCOL, "8a"))
    coins = [row["chain"] for row in (await seller.get("/inspect/ledger"))["coins"]]
    ties |= {
        "content": Tie.of(_opened(own)),
        "key": Tie.of(key),
        "purchase": Tie.of(buyer.id, own),
        "offer": Tie.of(seller.id, own),
        "trade": Tie.of(buyer.id, seller.id),
        "price": Tie.of(sale, amount=price),
        "payment": Tie.of(sale, coins),
        "look-up": Tie.of(buyer.id, seller.id),
    }


def implied(what: str, fields: Mapping[str, Any]) -> Iterable[str]:
    """Having content is more than having its digest: it bears a mark of its own."""
    if what == "content" and "digest" in fields:
        yield _opened(fields["digest"])
    yield from dht_micropayment.implied(what, fields)


def _opened(digest: str) -> str:
    return f"content of digest {digest}"


MEASUREMENTS = (
    Measurement(
        name=PROTOCOL,
        protocol=PROTOCOL,
        title="Sales through an escrow server",
        roles=ROLES,
        facts=FACTS,
        play=play,
        peers=5,
        servers_of=(PROTOCOL, COINS),
        implied=implied,
    ),
)
