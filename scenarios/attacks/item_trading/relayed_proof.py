"""IT-A15: a proof convinces whoever is listening, and does not say for whom it was made."""

from nodes.protocols.item_trading.messages import ItemListed, Unlist, Unlisted
from nodes.protocols.item_trading.refusals import ChallengeNotOpened
from nodes.protocols.message import Role
from scenarios.adversaries.item_relay import STEPS, Relay
from scenarios.attacks.item_trading.trading import PRICE, certified
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack


@attack(
    "IT-A15",
    title="A relayed proof",
    protocols=("item_trading", "electronic_cash"),
    guards=("proof-names-the-market",),
    word="RELAYED",
)
async def relayed_proof(act: Act) -> None:
    """A market passes its seller's proof on, and another market lists the item as a stranger's.

    The seller answers to the challenges of a market that it has never heard of. With the guard on
    they are no challenges for this market and listing, and the seller answers nothing.
    """
    mallory = await act.mallory(symbol="X")
    crooked = await act.outsider("market-x", Role.MARKET, hears=STEPS)
    (owner,) = act.cast("C_1")
    market = act.live.markets[0]
    to = bytes.fromhex(market.id)
    relay = Relay(crooked, mallory, to)
    serial = await certified(act, owner)
    await act.begin()

    asked = await owner.control(
        "item_sell", serial=serial, market=crooked.name, price=PRICE, model=2
    )
    row = await owner.until(asked["transaction"], "listed", "closed")
    if row["state"] == "closed":
        act.refused(ChallengeNotOpened.code, owner)
    answer = mallory.party.send(to, relay.answer, relay.listing, ItemListed)
    if await act.attempt(market, answer) is None:
        await mallory.party.send(to, Unlist(), relay.listing, Unlisted)
        return
    rows = (await market.get("/inspect/ledger"))["item_listings"]
    shown = {row["serial"]: (row["seller"], row["state"]) for row in rows}
    if shown[serial] == (mallory.id.hex(), "listed"):
        says = f"{market.name} offers it as {mallory.name}'s"
        act.harm(owner, 1, "listing", to=mallory, says=says)
