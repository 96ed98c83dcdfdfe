"""P2P e-commerce with escrow and trust (PC), section 4, paid with DHT coins (DC) or e-cash (BS)."""

from pathlib import Path
from typing import Annotated

from typer import Option

from scenarios.content import HARBOUR
from scenarios.lab.live import LiveRun
from scenarios.lab.money import MONEY, PROTOCOLS, Pay
from scenarios.lab.scenario import main, scenario
from scenarios.lab.wording import size


@scenario(
    title="A purchase through the escrow server",
    protocols=("escrow_commerce", "dht_micropayment"),
    option_protocols={"pay": PROTOCOLS},
)
async def escrow_purchase(
    run: LiveRun,
    *,
    content: Annotated[
        Path, Option(metavar="FILE", help="What is sold.", show_default=HARBOUR.name)
    ] = HARBOUR,
    price: Annotated[int, Option(min=1, max=64, help="In coins.")] = 3,
    pay: Annotated[Pay, Option(help="With coins of the DHT, or with e-cash.")] = Pay.COINS,
) -> None:
    """A buyer gets a picture and its seller coins, or neither gets anything.

    The content travels encrypted from peer to peer before anything is paid. The escrow server
    holds the key and the coins; it compares two digests and releases both, or neither.
    """
    seller, buyer = run.cast("P_3", "P_1")
    title = f"{content.stem} #{run.seed}"  # others may sell the same picture
    money = MONEY[pay]
    before = {node: await money.account(run, node) for node in (seller, buyer)}
    await money.fetch(run, buyer, price)

    own = await seller.upload(content)
    await seller.control("offer", content_id=own["content_id"], description=title, price=price)
    await run.step("1", seller, f'"{title}", {size(own["size"])}, {price} coins')

    found = await buyer.control("search", words=title)
    await run.step("2", buyer, f'"{title}"')
    await run.step("3", buyer, f"{len(found['listings'])} sell it")
    await run.step("4", buyer, f"{found['selected']['name']}, the most trusted")

    sale = (await buyer.control("order", offer=found["selected"]["offer"]))["transaction"]
    await run.step("5", buyer, "contract signed by both", of=sale)
    await run.step("6a", seller, "digest and key, sealed", of=sale)
    await run.step("6b", buyer, f"{size(own['size'])}, encrypted", of=sale)
    await buyer.until(sale, "ciphertext-held")

    await buyer.control("pay", transaction=sale, instrument=money.instrument)
    await run.step("7", buyer, f"its own digest, {price} coins", of=sale)
    await money.locked(run, sale)
    await run.step("8", run.escrow_server, "the digests are equal, the coins locked", of=sale)
    await run.step("8a", buyer, "the key, sealed", of=sale)
    await buyer.until(sale, "opened")
    bought = await run.content_of(buyer, sale)

    await buyer.control("accept", transaction=sale)
    await run.step("9", buyer, "+1", of=sale)
    await run.step("8b", seller, f"{price} coins", of=sale)
    await run.step("10", run.central_server, "one rating more", of=sale)
    await seller.until(sale, "paid")
    await run.escrow_server.until(sale, "closed")
    await money.received(run, sale, buyer, seller)
    await money.bring_back(run, seller, price)

    run.check("the buyer has the content, bit for bit", bought == content.read_bytes())
    for node, change in ((seller, price), (buyer, -price)):
        balance, was = await money.account(run, node), before[node]
        run.check(f"{node.name}: {change:+d}", balance == was + change, f"{was} to {balance}")
    kept = await money.held(run, run.escrow_server)
    run.check("the escrow server keeps nothing", not kept)
    run.conclude(f"{buyer.name} bought {title} from {seller.name} for {price} coins.")


if __name__ == "__main__":
    main(escrow_purchase)
