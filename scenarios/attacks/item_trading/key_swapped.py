"""IT-A14: the seller has the buyer's key from the market, and from nobody else."""

from scenarios.attacks.item_trading.trading import (
    PRICE,
    answered,
    offered,
    opened_with,
    time_is_over,
)
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.items import bought, funded, signature_of


@attack(
    "IT-A14",
    title="The market's key for the buyer's",
    protocols=("item_trading", "electronic_cash"),
    guards=("buyer-key-is-certified",),
    word="READ",
    programs={"market-1": "scenarios.adversaries.key_swapping_market"},
)
async def key_swapped(act: Act) -> None:
    """A market names its own key as the buyer's, and reads the certificate that it must never read.

    The buyer has paid and gets a key that it cannot open. To move the item as well the market
    would need the owner's word, which names the buyer (IT-A10).
    """
    await act.mallory()
    seller, buyer = act.cast("C_1", "C_2")
    market = act.live.markets[0]
    crooked = act.voice(market)
    await funded(buyer, PRICE)
    listing = await offered(act, seller, 2)
    await act.live.recorder.follow(market, wait=0)  # what it has sent before is not counted
    await act.begin()

    trade = await bought(buyer, market, listing)
    if (told := await answered(act, "2.4", market, trade)) != "ok":
        act.refused(told, seller)
    else:
        await buyer.until(trade, "ready")
        await buyer.control("item_pay", transaction=trade)
        await buyer.until(trade, "garbage")
        serial = (await seller.until(listing, "in-trade"))["serial"]
        read = (await opened_with(crooked.party.sealing_key, buyer, trade)).certificate
        if read.signature.hex() == await signature_of(seller, serial):
            says = f"its signature; {buyer.name} has paid, and a key that opens nothing"
            act.harm(seller, 1, "certificate", to=market, says=says)
    await time_is_over(act)
