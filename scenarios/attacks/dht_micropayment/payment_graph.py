"""DC-A15: who pays whom stands in the registers, for those who keep them and for whoever asks."""

from collections.abc import Iterable
from itertools import pairwise

from dht.records import Body, RegisterName
from nodes.protocols.dht_micropayment.coin import NAMESPACE
from nodes.protocols.dht_micropayment.step import read_step
from scenarios.adversaries.outsider import Mallory
from scenarios.attacks.dht_micropayment.coins import members, pay, withdraw
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.books import Register, read_ledger
from scenarios.lab.node_client import Node

COINS = 6
PAYMENTS = 4
"""Of each coin."""
Seen = tuple[str, str, str, int]
"""Payer, payee, coin and step."""


@attack(
    "DC-A15",
    title="Who pays whom",
    protocols=("dht_micropayment",),
    kind="open",
    word="READ",
    peers=16,
)
async def payment_graph(act: Act) -> None:
    """A member draws up who paid whom, from what it keeps for others; then it asks for the rest.

    Measured is how many of the payments one member, two and three have on their own disks, and how
    many anybody can read who knows the name of one step of a coin.
    """
    mallory = await act.mallory(symbol="X")
    made: set[Seen] = set()
    await act.begin()
    for _ in range(COINS):
        made |= await travelled(act)
    curious = members(act)
    act.random.shuffle(curious)
    kept = [payments_in(await registers_of(node)) for node in curious]
    alone = [len(made & one) for one in kept]
    say = ", ".join(
        f"{count} together {len(made & set().union(*kept[:count]))}" for count in (2, 3, 4)
    )
    share = sum(alone) / (len(alone) * len(made))
    await act.say(f"of {len(made)} payments a member keeps {share:.0%} on average; {say}")
    read_on = made & await read_in_the_ring(mallory, await registers_of(curious[0]))
    act.harm(
        "payers and payees",
        len(read_on),
        "payments",
        to=curious[0],
        says=f"of {len(made)}; it keeps {alone[0]}, on average a member {share:.0%}; {say}",
    )


async def travelled(act: Act) -> set[Seen]:
    """One coin, from its owner over some payees: its payments."""
    way = act.random.sample(members(act), PAYMENTS + 1)
    await withdraw(way[0])
    made = set()
    for payer, payee in pairwise(way):
        [coin] = (await payee.until(await pay(payer, payee), "delivered"))["coins"]
        made.add((payer.id, payee.id, str(coin["chain"]), int(coin["index"])))
    return made


async def registers_of(node: Node) -> tuple[Register, ...]:
    """What a member keeps, as its own owner sees it."""
    return read_ledger(await node.get("/inspect/ledger")).registers


def payments_in(registers: Iterable[Register]) -> set[Seen]:
    return {(r.payer, r.payee, r.chain, r.index) for r in registers if r.kind == "pay"}


async def read_in_the_ring(mallory: Mallory, known: Iterable[Register]) -> set[Seen]:
    """Every step of the coins that somebody knows one step of, asked for one after the other."""
    found: set[Seen] = set()
    for chain in {row.chain for row in known}:
        index = 1
        while (body := await step_in(mallory, bytes.fromhex(chain), index)) is not None:
            found.add((body.payer.hex(), body.payee.hex(), chain, index))
            index += 1
    return found


async def step_in(mallory: Mallory, chain: bytes, index: int) -> Body | None:
    name = RegisterName(NAMESPACE, chain, index)
    reading = await mallory.wallet.registers.look_up(name, mallory.party.fresh_transaction())
    if reading is None or reading.certificate is None:
        return None
    return read_step(reading.certificate.record)
