"""P2P e-commerce (PC): what becomes of a seller who delivers garbage and of a buyer who lies.

The paper ends with the ratings. A seller can give the escrow server the digest of garbage, deliver
that garbage, and be paid (PC-A1); so the escrow server keeps the payment until the buyer accepts
or its time for a dispute is over, and decides a dispute on digests alone.
"""

from pathlib import Path
from typing import Annotated

from typer import Option

from scenarios.content import HARBOUR
from scenarios.lab.live import LiveRun
from scenarios.lab.money import MONEY, PROTOCOLS, Pay
from scenarios.lab.sales import offer_content, order_and_pay
from scenarios.lab.scenario import main, scenario

CHEATING_SELLER, LYING_BUYER = "peer-16", "peer-15"


@scenario(
    title="Two disputes: garbage, and a lie about it",
    protocols=("escrow_commerce", "dht_micropayment"),
    fewest=16,
    programs={
        CHEATING_SELLER: "scenarios.adversaries.garbage_seller",
        LYING_BUYER: "scenarios.adversaries.false_claimant",
    },
    option_protocols={"pay": PROTOCOLS},
)
async def escrow_dispute(
    run: LiveRun,
    *,
    content: Annotated[
        Path, Option(metavar="FILE", help="What is promised.", show_default=HARBOUR.name)
    ] = HARBOUR,
    price: Annotated[int, Option(min=1, max=64, help="In coins.")] = 3,
    pay: Annotated[Pay, Option(help="With coins of the DHT, or with e-cash.")] = Pay.COINS,
) -> None:
    """A buyer of garbage gets its coins back; a buyer who only says so does not.

    The escrow server opens the disputed ciphertext itself and compares the digest of what it finds
    with the one in the contract. It needs nobody's word.
    """
    cheat, liar = run.world.node(CHEATING_SELLER), run.world.node(LYING_BUYER)
    run.name(cheat, "P_3 who cheats")
    run.name(liar, "P_1 who lies")
    seller, buyer = run.cast("P_3", "P_1")
    money = MONEY[pay]
    before = {node: await money.account(run, node) for node in (seller, buyer, cheat, liar)}

    # A dispute that is right.
    await money.fetch(run, buyer, price)
    promised = await offer_content(run, cheat, content, price)
    sale = await order_and_pay(run, buyer, cheat, promised, money.instrument)
    await buyer.until(sale, "garbage")
    await run.say("what opens is not what was promised")
    await buyer.control("dispute", transaction=sale)
    await run.step("D1", buyer, "not what was promised", of=sale)
    await run.step("D1u", buyer, "the ciphertext, for the escrow server to open", of=sale)
    await run.step("D2", buyer, "upheld", of=sale)
    await run.step("8r", buyer, f"{price} coins back", of=sale)
    await buyer.until(sale, "refunded")
    await cheat.until(sale, "refunded")
    await money.received(run, sale, buyer, buyer)
    await run.step("10", run.central_server, "one bad rating more", of=sale)
    trust = await run.trust(cheat)
    run.check("the cheat is trusted less", trust < 0, f"{trust:+.2f}")

    # A dispute that is wrong.
    await money.fetch(run, liar, price)
    promised = await offer_content(run, seller, content, price)
    sale = await order_and_pay(run, liar, seller, promised, money.instrument)
    await liar.until(sale, "garbage")
    await run.say("it has opened what was promised, and denies it")
    await liar.control("dispute", transaction=sale)
    await run.step("D1", liar, "not what was promised, it says", of=sale)
    await run.step("D1u", liar, "the ciphertext", of=sale)
    await run.step("D2", liar, "denied", of=sale)
    await run.step("8b", seller, f"{price} coins", of=sale)
    await seller.until(sale, "paid")
    await liar.until(sale, "denied")
    await money.received(run, sale, liar, seller)

    wanted = {buyer: price, cheat: 0, seller: price, liar: 0}
    for node, amount in wanted.items():
        worth = sum(coin.get("amount", 1) for coin in await money.held(run, node))
        run.check(f"{node.name} has {amount} in coins", worth == amount, f"{worth}")
        paid = before[node] - await money.account(run, node)
        run.check(f"{node.name} took out {paid}", paid == (price if node in (buyer, liar) else 0))
    run.conclude(f"{buyer.name} was refunded for garbage; {liar.name} was not for what it had got.")


if __name__ == "__main__":
    main(escrow_dispute)
