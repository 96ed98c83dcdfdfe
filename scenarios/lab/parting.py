"""A world cut in two, with a cheat on both sides of the cut that pays the same coins there."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from scenarios.lab.live import LiveRun
from scenarios.lab.registers import Registers
from scenarios.lab.sales import withdraw
from scenarios.lab.turning import POLL_SECONDS, standing
from scenarios.lab.world import Node

CHEAT = "peer-16"
PARTED_SECONDS = 60.0


@dataclass(frozen=True)
class Parted:
    """What came of the coins that were paid on both sides."""

    while_cut: Counter[int]
    """How many of two payees were paid: in how many races."""
    healed: Counter[int]
    """And when the two sides had met again."""
    conflicts: int
    """Registers of which some replica shows both records then."""
    frozen: int
    """Coins proven spent twice, at the broker."""

    def told(self) -> str:
        cut, healed = _told(self.while_cut), _told(self.healed)
        return f"while cut: {cut}; healed: {healed}; {self.conflicts} conflicts found"


def _told(paid: Counter[int]) -> str:
    words = {0: "neither", 1: "one side", 2: "both sides"}
    return ", ".join(f"{words[n]} {many} times" for n, many in sorted(paid.items()))


async def spend_on_both_sides(run: LiveRun, coins: int, smaller: int) -> Parted:
    """So many honest peers on the smaller side; the cheat reaches both, and votes nowhere."""
    cheat = run.world.node(CHEAT)
    run.name(cheat, "U who cheats")
    honest = [peer for peer in run.world.peers if peer is not cheat]
    await withdraw(run, cheat, coins)
    run.random.shuffle(honest)
    sides = honest[:smaller], honest[smaller:]
    payees = [run.cast(symbol, among=side)[0] for symbol, side in zip("VW", sides, strict=True)]
    await cut(run, sides, cheat)
    payments = [await _race(run, cheat, payees) for _ in range(coins)]
    while_cut = Counter(
        [await _paid(payees, payment, "delivered", "cancelled", "pending") for payment in payments]
    )
    await heal(run)
    healed = Counter(
        [await _paid(payees, payment, "delivered", "cancelled") for payment in payments]
    )
    books = await run.books()
    return Parted(while_cut, healed, len(Registers(books).conflicts), len(await run.frozen()))


async def _race(run: LiveRun, cheat: Node, payees: Sequence[Node]) -> list[str]:
    late = [0.0, run.random.uniform(0, 20)]
    run.random.shuffle(late)
    spent = await cheat.control(
        "spend_twice", payees=[payee.name for payee in payees], delays_milliseconds=late
    )
    return [payment["transaction"] for payment in spent["payments"]]


async def _paid(payees: Sequence[Node], transactions: Sequence[str], *states: str) -> int:
    known = [
        await payee.until(transaction, *states, seconds=PARTED_SECONDS)
        for payee, transaction in zip(payees, transactions, strict=True)
    ]
    return sum(one["state"] == "delivered" for one in known)


async def cut(run: LiveRun, sides: Sequence[Sequence[Node]], cheat: Node) -> None:
    """Until every timeout is over: nobody on one side reaches anybody on the other."""
    left, right = sides
    for side, other in ((left, right), (right, left)):
        names = [node.name for node in other]
        await asyncio.gather(*(node.control("cut", parties=names) for node in side))
    await cheat.control("cut", parties=[n.name for n in (*left, *right)], ring_only=True)
    await _until_all(
        run,
        {
            node.name: len(other) + 1
            for side, other in ((left, right), (right, left))
            for node in side
        },
    )
    await run.say(f"cut in two: {len(left)} peers here, {len(right)} there; the cheat reaches both")


async def heal(run: LiveRun) -> None:
    """Everybody reaches everybody, and the two sides have compared what they hold."""
    await asyncio.gather(*(peer.control("cut", parties=[]) for peer in run.world.peers))
    await _until_all(run, {peer.name: 0 for peer in run.world.peers})
    await asyncio.gather(*(peer.control("repair") for peer in run.world.peers))
    await run.say("healed: every peer reaches every other again")


async def _until_all(run: LiveRun, unreached: dict[str, int]) -> None:
    """A peer that looks into its ranges finds out who is silent."""

    async def one(node: Node, count: int) -> None:
        while (await standing(node)).unreached != count:
            await node.control("repair")
            await asyncio.sleep(POLL_SECONDS)

    async with asyncio.timeout(PARTED_SECONDS):
        await asyncio.gather(
            *(one(run.world.node(name), count) for name, count in unreached.items())
        )
