"""P2P e-commerce (PC): buyers who follow the trust value leave cheating sellers; PC-19."""

import tempfile
from pathlib import Path
from typing import Annotated

from typer import Option

from scenarios.lab.live import LiveRun
from scenarios.lab.sales import withdraw
from scenarios.lab.scenario import main, scenario
from scenarios.lab.world import Node

HONEST, CHEATS = ("peer-01", "peer-02", "peer-03"), ("peer-04", "peer-05")
BUYERS = ("peer-06", "peer-07", "peer-08")
GARBAGE = "scenarios.adversaries.garbage_seller"


@scenario(
    title="Trust finds the cheats",
    protocols=("escrow_commerce", "dht_micropayment"),
    peers=8,
    fewest=8,
    programs=dict.fromkeys(CHEATS, GARBAGE),
)
async def reputation_rounds(
    run: LiveRun,
    *,
    rounds: Annotated[int, Option(min=40, max=2000, help="Purchases.")] = 200,
) -> None:
    """Three honest sellers and two cheats; buyers take the more trusted of two drawn at random.

    Every garbage delivered ends in a dispute that the buyer wins, and a rating of -1 for its
    seller. Soon a cheat sells only where the draw leaves no choice.
    """
    sellers = [run.world.node(name) for name in (*HONEST, *CHEATS)]
    buyers = [run.world.node(name) for name in BUYERS]
    for node in sellers:
        run.name(node, "P_3" if node.name in HONEST else "P_3 who cheats")
    for buyer in buyers:
        run.name(buyer, "P_1")
        await withdraw(run, buyer, 2 + rounds // len(buyers))

    sold = mistakes = late_mistakes = choices = 0
    with tempfile.TemporaryDirectory(prefix="jangteo-rounds-") as folder:
        for number in range(1, rounds + 1):
            wanted = Path(folder) / f"picture-{number:04}"
            wanted.write_bytes(run.random.randbytes(2048))
            two = run.random.sample(sellers, 2)
            seller = await one_round(run, wanted, two, buyers[number % len(buyers)])
            cheated = seller.name in CHEATS
            choice = len({node.name in CHEATS for node in two}) == 2
            sold += cheated
            choices += choice
            mistakes += choice and cheated
            late_mistakes += choice and cheated and number > rounds // 2
            if number % 20 == 0:
                await run.say(f"{number} rounds: {sold} sales of cheats, {mistakes} of them chosen")

    blindly = len(CHEATS) / len(sellers)
    share = sold / rounds
    run.check(
        "cheats sell less than to the blind", share < blindly, f"{share:.0%} for {blindly:.0%}"
    )
    told = f"{mistakes} of {choices} choices, {late_mistakes} in the second half"
    run.check("who has a choice leaves the cheats", late_mistakes == 0, told)
    trust = {node.name: await run.trust(node) for node in sellers}
    told = ", ".join(f"{name} {value:+.2f}" for name, value in trust.items())
    fair = all(trust[name] > 0 for name in HONEST) and all(trust[name] < 0 for name in CHEATS)
    run.check("honest sellers are trusted, cheats are not", fair, told)
    run.conclude(
        f"In {rounds} rounds cheats made {share:.0%} of the sales; blindly it is {blindly:.0%}."
    )


async def one_round(run: LiveRun, wanted: Path, sellers: list[Node], buyer: Node) -> Node:
    """Two offer it; the buyer chooses one, buys, and rates it or complains. The chosen one."""
    for seller in sellers:
        own = await seller.upload(wanted)
        await seller.control(
            "offer", content_id=own["content_id"], description=wanted.name, price=1
        )
    found = (await buyer.control("search", content_id=own["content_id"]))["selected"]
    sale = (await buyer.control("order", offer=found["offer"]))["transaction"]
    await buyer.until(sale, "ciphertext-held")
    await buyer.control("pay", transaction=sale)
    if (await buyer.until(sale, "opened", "garbage"))["state"] == "opened":
        await buyer.control("accept", transaction=sale)
        await run.escrow_server.until(sale, "closed")
    else:
        await buyer.control("dispute", transaction=sale)
        await buyer.until(sale, "refunded")
    await run.reached("10", run.central_server, of=sale)
    return next(seller for seller in sellers if seller.id == found["peer"])


if __name__ == "__main__":
    main(reputation_rounds)
