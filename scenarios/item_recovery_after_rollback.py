"""Items of an online game: the world is lost, the certificates are not (IT-26); section 4.1."""

from typing import Annotated

from typer import Option

from scenarios.lab.failures import ControlRefused
from scenarios.lab.items import bought, certify, funded, holders, life_of
from scenarios.lab.live import LiveRun
from scenarios.lab.scenario import main, scenario

ITEM = "Crown of noon, level 30"


@scenario(
    title="An item recovered after a rollback",
    protocols=("item_trading", "electronic_cash"),
    peers=5,
    alone=True,
)
async def item_recovery_after_rollback(
    run: LiveRun,
    *,
    times: Annotated[int, Option(min=1, max=20, help="How often the world is lost.")] = 2,
) -> None:
    """A game loses its world after a sale; who bought the item gets it back, and nobody else does.

    The old copy of the world has the item with the seller. The ledger of certificates is kept
    apart from the world: only an item's newest certificate brings it back, exactly once.
    """
    game, market = run.game_servers[0], run.markets[0]
    run.name(game, "S")
    run.name(market, "M")
    seller, buyer = run.cast("C_1", "C_2")
    await funded(buyer, 5)
    serial = await certify(run, game, seller, ITEM)
    copied = await game.control("copy_world")
    await run.say(f"the game keeps a copy of its world: {copied['items']} item")

    listing = (
        await seller.control("item_sell", serial=serial, market=market.name, price=5, model=1)
    )["transaction"]
    await seller.until(listing, "listed")
    trade = await bought(buyer, market, listing)
    await buyer.until(trade, "ready")
    await buyer.control("item_pay", transaction=trade)
    await run.step("7", game, "the sale is registered", of=trade)
    await buyer.until(trade, "registered")
    await seller.until(trade, "paid")
    newest = (await life_of(game, serial))[-1]["serial"]

    for _ in range(times):
        await game.control("rollback_world")
        await run.say("the world is lost, and the old copy brought back")
        lost = await holders(game, ITEM)
        run.check("the old world has it with the seller", lost == [seller.id])
        try:
            await seller.control("item_recover", serial=serial)
            run.check("the old certificate brings nothing back", False)
        except ControlRefused as error:
            held = error.code.endswith("not-the-last-certificate")
            run.check("the old certificate brings nothing back", held, error.code)
        recovery = (await buyer.control("item_recover", serial=newest))["transaction"]
        await run.step("R1", game, "the newest certificate", of=recovery)
        await run.step("R1r", buyer, "the item is in the game again", of=recovery)
        await buyer.control("item_recover", serial=newest)
        back = await holders(game, ITEM)
        run.check("shown twice, it is there once, and the buyer's", back == [buyer.id])
    run.conclude(f"{game.name} lost its world {times} times; {buyer.name} has its crown.")


if __name__ == "__main__":
    main(item_recovery_after_rollback)
