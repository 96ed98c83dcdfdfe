"""DC-A16: a coin goes to and fro among friends until its next register lies among their friends."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from dht.records import MAX_INDEX, RegisterName, Roster
from nodes.protocols.dht_micropayment.coin import NAMESPACE
from nodes.protocols.membership.roster import replicas_and_quorum
from scenarios.attacks.dht_micropayment.coins import held_by, members, pay, withdraw
from scenarios.attacks.dht_micropayment.colluding import (
    all_bribable,
    bribe,
    needed,
    pay_twice,
    told_at_the_broker,
)
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.node_client import Node
from scenarios.lab.witnesses import Witnesses
from scenarios.lab.wording import count

PEERS, FRIENDS = 16, 5
PLACES = range(1, MAX_INDEX - 1)
"""Where an honest payee takes a coin: it could still pay it on."""
RINGS = ((16, 4), (16, 5), (64, 6), (64, 12))
"""Members and friends among them, for which walks are measured."""
RINGS_MEASURED = 200


@attack(
    "DC-A16",
    title="A coin's walk",
    protocols=("dht_micropayment",),
    kind="open",
    word="DOUBLED",
    peers=PEERS,
    programs=all_bribable(PEERS),
)
async def coin_walk(act: Act) -> None:
    """Five of sixteen members collude, and walk a coin to a step that four of them witness.

    A holder computes beforehand where each step of its coin will lie, and pays it to an accomplice
    and back until that place is good. Then two payees are paid with it.
    """
    mallory = await act.mallory(symbol="U")
    accomplice = await act.mallory("moriarty", symbol="U'")
    witnesses = await Witnesses.of(act.live)
    await withdraw(act.node(mallory))
    [coin] = held_by(mallory)
    friends, place, groups = who_can(act, witnesses, coin.chain.hex())
    await bribe(friends)
    await act.begin()

    holder, other = mallory, accomplice
    for _ in range(place - 1):
        await pay(act.node(holder), act.node(other))
        holder, other = other, holder
    [coin] = held_by(holder)
    delivered = await pay_twice(act, holder, coin, witnesses, friends)
    if len(delivered) == 2:
        walks = [told(*ring, measure(act.random, *ring)) for ring in RINGS]
        way = f"{count(place - 1, 'payment')} before it, friends found in draw {groups}"
        await told_at_the_broker(act, holder, delivered, "; ".join(["", way, *walks]))


def who_can(act: Act, witnesses: Witnesses, chain: str) -> tuple[list[Node], int, int]:
    """Friends drawn by lot until the coin has a place for them; that place; how often drawn.

    In so small a ring the witnesses of a key are about those in its own half, so friends have
    good places often or none at all.
    """
    groups = 0
    while True:
        groups += 1
        friends = act.random.sample(members(act), FRIENDS)
        for place in PLACES[1:]:
            there = witnesses.of_register(chain, place)
            if sum(one in friends for one in there) >= needed(witnesses):
                return friends, place, groups


@dataclass(frozen=True)
class Walks:
    """Of one coin in each of many rings of random keys."""

    registers: float
    """Share of the registers that enough friends witness."""
    lengths: tuple[int, ...]
    """Payments before the first such register, of the coins that come to one."""


def measure(drawn: random.Random, size: int, colluding: int) -> Walks:
    k, q = replicas_and_quorum(size)
    lengths: list[int] = []
    good = 0
    for _ in range(RINGS_MEASURED):
        friends = friends_by_place(drawn, size, colluding, k)
        places = [place for place, n in zip(PLACES, friends, strict=True) if n >= 2 * q - k]
        good += len(places)
        lengths += [place - 1 for place in places[:1]]
    return Walks(good / (RINGS_MEASURED * len(PLACES)), tuple(lengths))


def told(size: int, colluding: int, walks: Walks) -> str:
    coins = len(walks.lengths)
    far = f", after {sum(walks.lengths) / coins:.0f} payments" if coins else ""
    return (
        f"{colluding} of {size} members: {walks.registers:.2%} of registers are theirs, "
        f"{coins / RINGS_MEASURED:.0%} of coins come to one{far}"
    )


def friends_by_place(drawn: random.Random, size: int, colluding: int, k: int) -> Sequence[int]:
    """How many friends witness each step of one coin, in one ring of made-up keys."""
    keys = tuple(drawn.randbytes(32) for _ in range(size))
    ring = Roster(epoch=1, authority=bytes(32), k=k, q=k, members=keys, previous=b"")
    friends, chain = frozenset(keys[:colluding]), drawn.randbytes(32)
    names = (RegisterName(NAMESPACE, chain, place) for place in PLACES)
    return [len(friends.intersection(ring.closest(name.key))) for name in names]
