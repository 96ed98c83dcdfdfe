"""Items of an online game, model 2 (IT2): proof, ciphertext, money, key; section 4.3."""

from typing import Annotated

from typer import Option

from scenarios.lab.items import bought, cash_held, certify, check_sold, funded, signature_of
from scenarios.lab.live import LiveRun
from scenarios.lab.scenario import main, scenario

CASH = "electronic_cash"


@scenario(
    title="An item sold by its owner",
    protocols=("item_trading", "electronic_cash"),
    peers=5,
)
async def item_sale_direct(
    run: LiveRun,
    *,
    price: Annotated[int, Option(min=1, max=200, help="In e-cash.")] = 30,
) -> None:
    """The owner proves to the market to have a certificate, and sells it without showing it there.

    The buyer holds it encrypted before it pays, and gets the key once its e-cash waits for the
    seller alone. The market brings the two together; it never reads a certificate.
    """
    game, market, other = run.game_servers[0], *run.markets[:2]
    run.name(game, "S")
    run.name(market, "M")
    seller, buyer = run.cast("C_1", "C_2")
    await funded(buyer, price)
    before = {node: await cash_held(node) for node in (seller, buyer)}

    serial = await certify(run, game, seller, "Shield of dusk, level 9")
    signature = await signature_of(seller, serial)
    listing = (
        await seller.control("item_sell", serial=serial, market=market.name, price=price, model=2)
    )["transaction"]
    await run.step("2.1", market, "the item, and its certificate without signature", of=listing)
    await run.step("2.2a", seller, "eight challenges, hidden in a commitment", of=listing)
    await run.step("2.2b", market, "eight numbers T", of=listing)
    await run.step("2.2c", seller, "the challenges are opened, and checked", of=listing)
    await run.step("2.2d", market, "eight answers z: every equation holds", of=listing)
    await seller.until(listing, "listed")

    trade = await bought(buyer, market, listing)
    await run.step("3", market, f"an order, signed, at {price}", of=trade)
    await run.step("2.4", seller, "who wants it, and that buyer's certified key", of=trade)
    await run.step("2.5", buyer, "certificate and the owner's word, encrypted", of=trade)
    await buyer.until(trade, "ready")
    await buyer.control("item_pay", transaction=trade)
    await run.step("C1", buyer, f"{price} that wait for the game's word", of=trade, protocol=CASH)
    await run.step("2.6", market, "the receipt for it", of=trade)
    await run.step("2.7", seller, "the same: nobody can forge it", of=trade)
    await run.step("2.8", buyer, "the key, sealed for the buyer", of=trade)
    await run.step("7", game, "make it mine", of=trade)
    await run.step("8", buyer, "a new certificate, and the word: registered", of=trade)
    await run.step("9", market, "the same word", of=trade)
    await run.step("10", seller, "the word that makes the money its own", of=trade)
    await buyer.until(trade, "registered")
    await seller.until(trade, "paid")
    await market.until(trade, "registered")

    await check_sold(run, game, serial, price, before)
    read = await run.could_read(market, [signature])
    run.check("the market never read the certificate's signature", not read)
    read = await run.could_read(buyer, [signature])
    run.check("the buyer did", bool(read))

    again = (
        await seller.control("item_sell", serial=serial, market=other.name, price=price, model=2)
    )["transaction"]
    state = (await seller.until(again, "closed", "listed"))["state"]
    run.check("sold once, the old certificate is listed nowhere", state == "closed", other.name)
    run.conclude(
        f"{seller.name} sold its shield to {buyer.name} for {price}; {market.name} introduced them."
    )


if __name__ == "__main__":
    main(item_sale_direct)
