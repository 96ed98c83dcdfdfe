"""Items of an online game, model 1 (IT1): the market sells, the seller is away; section 4.2."""

from typing import Annotated

from typer import Option

from scenarios.lab.items import bought, cash_held, certify, check_sold, funded, signature_of
from scenarios.lab.live import LiveRun
from scenarios.lab.scenario import main, scenario

CASH = "electronic_cash"


@scenario(
    title="An item sold by the market",
    protocols=("item_trading", "electronic_cash"),
    peers=5,
)
async def item_sale_by_market(
    run: LiveRun,
    *,
    price: Annotated[int, Option(min=1, max=200, help="In e-cash.")] = 30,
    away: Annotated[bool, Option(help="The seller is gone while its item is sold.")] = True,
) -> None:
    """A player hands its certificate to the market and goes; the market sells the item for it.

    The game server keeps the item for the order before anything is paid, registers the buyer, and
    signs one word, which gives the buyer's e-cash to the seller. The market holds no money.
    """
    game, market = run.game_servers[0], run.markets[0]
    run.name(game, "S")
    run.name(market, "M")
    seller, buyer = run.cast("C_1", "C_2")
    await funded(buyer, price)
    before = {node: await cash_held(node) for node in (seller, buyer)}

    serial = await certify(run, game, seller, "Sword of dawn, level 12")
    listing = (
        await seller.control("item_sell", serial=serial, market=market.name, price=price, model=1)
    )["transaction"]
    await run.step("1.1", seller, f"sell this for {price}, sealed for the market", of=listing)
    await run.step("1.2", seller, "a receipt that names this very item", of=listing)
    await seller.until(listing, "listed")
    if away:
        await run.kill(seller)

    trade = await bought(buyer, market, listing)
    await run.step("3", market, f"an order, signed, at {price}", of=trade)
    await run.step("1.4", game, "is it good? then keep it for this order", of=trade)
    await run.step("1.4n", buyer, "kept by the game server: it may be paid", of=trade)
    await buyer.until(trade, "ready")
    await buyer.control("item_pay", transaction=trade)
    await run.step("C1", buyer, f"{price} that wait for the game's word", of=trade, protocol=CASH)
    await run.step("1.5", market, "the receipt for it, and a session key", of=trade)
    await run.step("1.6", buyer, "certificate and receipt, under that key", of=trade)
    await run.step("7", game, "make it mine", of=trade)
    await run.step("8", buyer, "a new certificate, and the word: registered", of=trade)
    await run.step("9", market, "the same word", of=trade)
    await buyer.until(trade, "registered")
    if away:
        await run.restart(seller)
    await run.step("10", seller, "the word that makes the money its own", of=trade)
    await seller.until(trade, "paid")
    await market.until(trade, "registered")

    newest = await check_sold(run, game, serial, price, before)
    read = await run.could_read(market, [await signature_of(buyer, newest)])
    run.check("the market never reads the new certificate", not read)
    known = await run.could_read(buyer, [seller.id])
    run.check("the buyer learns the seller's game id, which the certificate bears", bool(known))
    gone = f" while {seller.name} was gone" if away else ""
    run.conclude(f"{market.name} sold {seller.name}'s sword to {buyer.name} for {price}{gone}.")


if __name__ == "__main__":
    main(item_sale_by_market)
