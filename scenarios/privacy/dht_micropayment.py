"""DHT micropayment (DC): who sees a coin go from hand to hand. The paper claims no anonymity."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

from nodes.protocols.dht_micropayment.coin import chain_of
from scenarios.lab.facts import Cast, Fact, Measurement, Role, by_turns, ended
from scenarios.lab.linking import Tie
from scenarios.lab.node_client import Node
from scenarios.lab.world import World

PROTOCOL = "dht_micropayment"
COUNT = 4
"""Coins that travel together, so that whoever keeps registers of them keeps some of each step."""
ROLES = (
    Role("U", "the coins' owner, who pays V", insider=True),
    Role("V", "who is paid by U and pays W", insider=True),
    Role("W", "who is paid by V and pays X", insider=True),
    Role("X", "who is paid by W and redeems", insider=True),
    Role("B", "the broker"),
    Role("CA", "the certificate authority"),
    Role("P", "a member that keeps registers of the coins"),
)
FACTS = (
    Fact("payment", "who pays whom, between the first payment and the last", readable=("P",)),
    Fact("last payment", "who paid whoever redeems", readable=("B", "P")),
    Fact("holder", "that somebody in between held a coin", readable=("P",)),
    Fact(
        "history",
        "who had a coin first and who had it last",
        readable=("B",),
        derivable=("P",),
    ),
    Fact("order", "in which transaction a coin was paid"),
    Fact("look-up", "that a payer looks up whom it pays", of_directory=True),
)


async def play(world: World) -> Sequence[Cast]:
    """Twice coins go from U to V to W to X and home, by turns."""
    ties: tuple[dict[str, Tie], dict[str, Tie]] = ({}, {})
    hands = (world.peers[0:4], world.peers[4:8])
    await by_turns(_travel(hands[0], ties[0]), _travel(hands[1], ties[1]))
    return [
        Cast(
            dict(zip("UVWX", four, strict=True))
            | {"P": await _witness(world, four)}
            | {"B": world.broker, "CA": world.certificate_authority},
            tuple("UVWX"),
            true,
        )
        for four, true in zip(hands, ties, strict=True)
    ]


async def _travel(hands: Sequence[Node], ties: dict[str, Tie]) -> AsyncIterator[None]:
    owner, payer, payee, last = hands
    await ended(owner, "withdraw", "held", count=COUNT)
    yield
    orders = []
    for giver, taker in ((owner, payer), (payer, payee), (payee, last)):
        paid = await ended(giver, "transfer", "paid", to=taker.name, count=COUNT)
        orders.append(paid["id"])
        await taker.until(paid["id"], "delivered")
        yield
    chains = {row["chain"] for row in (await last.get("/inspect/ledger"))["coins"]}
    await ended(last, "redeem", "credited", count=COUNT)
    ties |= {
        "payment": Tie.of(payer.id, payee.id),
        "last payment": Tie.of(payee.id, last.id),
        "holder": Tie.of(payer.id, chains),
        "history": Tie.of(owner.id, last.id),
        "order": Tie.of(chains, orders[1]),
        "look-up": Tie.of(owner.id, payer.id),
    }


async def _witness(world: World, hands: Sequence[Node]) -> Node:
    """Of the other peers, the one that keeps most of these coins' registers."""
    ids = {node.id for node in hands}
    kept = {node: await _kept(node, ids) for node in world.peers if node not in hands}
    return max(kept, key=lambda node: kept[node])


async def _kept(node: Node, ids: set[str]) -> int:
    registers = (await node.get("/inspect/ledger"))["registers"]
    return len([row for row in registers if row["payer"] in ids and row["payee"] in ids])


def implied(what: str, fields: Mapping[str, Any]) -> Iterable[str]:
    """Whoever knows a coin's owner and serial number computes where its registers lie."""
    owner, serial = fields.get("owner"), fields.get("serial")
    if isinstance(owner, str) and isinstance(serial, int):
        yield chain_of(bytes.fromhex(owner), serial, fields.get("generation", 0)).hex()


MEASUREMENTS = (
    Measurement(
        name=PROTOCOL,
        protocol=PROTOCOL,
        title="Coins in a DHT",
        roles=ROLES,
        facts=FACTS,
        play=play,
        peers=10,
        servers_of=(PROTOCOL,),
        implied=implied,
    ),
)
