"""PC-A11: the digest is right, and the words are a lie."""

from scenarios.attacks.escrow_commerce.sale import PRICE, PROTOCOLS, buy, offer, trust_at, withdraw
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.world import Node
from scenarios.lab.worth import COINS

WORDS = "a harbour at dawn"


@attack(
    "PC-A11",
    title="A description that lies",
    protocols=PROTOCOLS,
    kind="open",
    word="DECEIVED",
)
async def description_lie(act: Act) -> None:
    """A seller offers noise as a picture: what it delivers is exactly what its digest promises.

    No rule sees what words mean, so the first buyer loses its coins. The paper's answer is trust:
    the buyer rates -1, and the next one, who has a choice, takes the honest seller.
    """
    mallory = await act.mallory(symbol="P_4")
    cheat = act.node(mallory)
    honest, first, second = act.cast("P_3", "P_1", "P_2")
    lie = await offer(act, cheat, price=PRICE - 1, words=WORDS)
    await offer(act, honest, words=WORDS)
    await withdraw(first, PRICE)
    await act.begin()

    before = await _choice(first)
    await buy(act, first, cheat, lie, value=-1)
    trust, after = await trust_at(act, cheat, ratings=1), await _choice(second)
    if before == cheat.name and after == honest.name and trust < 0:
        says = f"{before} was chosen; at a trust of {trust:+.2f} the next buyer chose {after}"
        act.harm(first, PRICE - 1, COINS, to=mallory, says=says)


async def _choice(buyer: Node) -> str:
    """Step 4: whom this buyer would buy from."""
    found = await buyer.control("search", words=WORDS)
    return str(found["selected"]["name"])
