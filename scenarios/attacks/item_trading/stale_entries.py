"""IT-A17: one item stands in the lists of several markets; the proof says nothing of others."""

from scenarios.attacks.item_trading.trading import PRICE, certified, listed, sold, time_is_over
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.items import bought, cash_held, funded
from scenarios.lab.node_client import Node

MODELS = (1, 1, 2, 2)
SOLD = (0, 2)
"""Of these, one of each model is bought at the first market."""


@attack(
    "IT-A17",
    title="Stale entries",
    protocols=("item_trading", "electronic_cash"),
    kind="open",
    word="MISLED",
)
async def stale_entries(act: Act) -> None:
    """Items stand at two markets and are sold at one; the other still offers them.

    Whoever orders there has an order for nothing: in model 1 the game server says so before
    anything is paid, in model 2 when it is to be registered, and the money comes back.
    """
    mallory = await act.mallory(symbol="C_1")
    first, late = act.cast("C_2", "V")
    one, other = act.live.markets[:2]
    cheat = act.node(mallory)
    for buyer in (first, late):
        await funded(buyer, PRICE * len(SOLD))
    entries = []
    for number, model in enumerate(MODELS):
        serial = await certified(act, cheat, f"Sword {number}")
        entries.append([await listed(cheat, at, serial, model) for at in (one, other)])
    before = await cash_held(late)
    await act.begin()

    for number in SOLD:
        await sold(first, cheat, one, entries[number][0])
    shown = (await late.control("item_list", market=other.name))["items"]
    gone = {entries[number][1] for number in SOLD}
    stale = [row["listing"] for row in shown if row["listing"] in gone]
    ends = [await _end(late, other, listing) for listing in stale]
    await time_is_over(act)
    after = await cash_held(late)
    if stale and after == before:
        says = f"{len(stale)} of {len(shown)} entries stale; {', '.join(ends)}; no money lost"
        act.harm(late, len(stale), "orders for nothing", says=says)


async def _end(buyer: Node, market: Node, listing: str) -> str:
    """How an order of a stale entry ends, and before or after it was paid."""
    trade = await bought(buyer, market, listing)
    row = await buyer.until(trade, "ready", "void")
    if row["state"] == "void":
        return f"model {row['model']}: {row['reason']} before it was paid"
    await buyer.control("item_pay", transaction=trade)
    row = await buyer.until(trade, "refunded")
    return f"model {row['model']}: {row['reason']}, {row['amount']} paid and refunded"
