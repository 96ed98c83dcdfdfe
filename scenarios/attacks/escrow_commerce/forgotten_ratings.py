"""PC-A9: the central server forgets what it does not like."""

from scenarios.attacks.escrow_commerce.cheating import spoil
from scenarios.attacks.escrow_commerce.sale import (
    PRICE,
    PROTOCOLS,
    SIZE,
    offer,
    order,
    pay,
    trust_at,
    withdraw,
)
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.world import Node

WORDS = "a harbour at dawn"


@attack(
    "PC-A9",
    title="Forgotten ratings",
    protocols=PROTOCOLS,
    kind="open",
    word="HIDDEN",
    programs={"central-server": "scenarios.adversaries.central_server"},
)
async def forgotten_ratings(act: Act) -> None:
    """The central server leaves out an accomplice's bad ratings, and the buyer chooses it again.

    A buyer can check every update that it is shown, and not that it is shown the newest. Only the
    escrow server, or the rated seller's other buyers, could tell it.
    """
    mallory = await act.mallory(symbol="P_4")
    cheat, central_server = act.node(mallory), act.live.central_server
    honest, first, second = act.cast("P_3", "P_1", "P_2")
    content_id = await offer(act, cheat, price=PRICE - 1, words=WORDS)
    await offer(act, honest, words=WORDS)
    await withdraw(first, PRICE)
    await act.begin()

    spoil(mallory, content_id, act.random.randbytes(SIZE))
    sale = await order(first, content_id)
    await pay(first, sale)
    await first.control("dispute", transaction=sale)
    trust = await trust_at(act, cheat, ratings=1)
    warned = await _choice(second)
    await central_server.control("forget", seller=cheat.id)
    deceived = await _choice(second)
    if trust < 0 and warned == honest.name and deceived == cheat.name:
        says = f"at {trust:+.2f} it chose {warned}; with that left out {deceived}"
        act.harm(second, 1, "warning", to=mallory, says=says)


async def _choice(buyer: Node) -> str:
    """Step 4: whom this buyer would buy from."""
    found = await buyer.control("search", words=WORDS)
    return str(found["selected"]["name"])
