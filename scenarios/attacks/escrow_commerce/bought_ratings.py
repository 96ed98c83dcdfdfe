"""PC-A10: a seller buys from itself, and rates what it bought."""

from scenarios.attacks.escrow_commerce.sale import PROTOCOLS, buy, offer, trust_at
from scenarios.attacks.escrow_commerce.trust import cost, said
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack

WORDS = "a harbour at dawn"
SELF_SALES = 8


@attack(
    "PC-A10",
    title="Bought ratings",
    protocols=PROTOCOLS,
    kind="open",
    word="STUFFED",
)
async def bought_ratings(act: Act) -> None:
    """A seller sells to a second name of its own, for nothing, and has it rate each sale +1.

    Each rating is of a real sale, so every rule holds. What it costs is measured; a price of
    nothing is allowed, and a price of anything would come back to the same pocket.
    """
    mallory = await act.mallory(symbol="P_4")
    crony = await act.mallory("crony", symbol="P_2")
    cheat, buyer = act.node(mallory), act.node(crony)
    honest, chooser = act.cast("P_3", "P_1")
    await offer(act, honest, words=WORDS, price=1)
    await act.begin()

    content_id = await offer(act, cheat, words=WORDS, price=0)
    trust, sent = [await act.live.trust(cheat)], said(mallory, crony)
    for number in range(SELF_SALES):
        await buy(act, buyer, cheat, content_id)
        trust.append(await trust_at(act, cheat, ratings=number + 1))
    messages = said(mallory, crony) - sent
    found = await chooser.control("search", words=WORDS)
    if found["selected"]["name"] == cheat.name:
        per = cost(trust[-1] - trust[0], sales=SELF_SALES, coins=0, messages=messages)
        first, last = (0.1 / (trust[at] - trust[at - 1]) for at in (1, SELF_SALES))
        says = f"trust {trust[-1]:+.2f} by {SELF_SALES} sales to itself; {per}; the first 0.1 "
        says += f"took {first:.1f} sales, the last {last:.1f}"
        act.harm(honest, 1, "choice of a buyer", to=mallory, says=says)
