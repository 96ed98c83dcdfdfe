"""The epoch turns while coins are paid: who votes on a register changes, what is paid does not.

A register is kept by the members of a roster that the certificate authority signs for an epoch. At
a turn one peer that has come late joins, one leaves, and the others' ranges shift. Whoever is new
to a register takes over what is written there before it votes; who leaves stays until that is
done. So a coin paid before the turn is spent after it, a payment under way ends in the one
epoch or in the other, and a coin paid twice at the turn is paid once at most.
"""

import asyncio
from collections import Counter
from typing import Annotated

from typer import Option

from scenarios.lab.failures import ControlRefused
from scenarios.lab.live import LiveRun
from scenarios.lab.sales import withdraw
from scenarios.lab.scenario import main, scenario
from scenarios.lab.turning import standing, turn_epoch, until_settled
from scenarios.lab.world import Node

CHEAT, LATE = "peer-16", "peer-17"


@scenario(
    title="The epoch turns while coins are paid",
    protocols=("dht_micropayment",),
    peers=17,
    fewest=17,
    settings={"late_peers": "1"},
    programs={CHEAT: "scenarios.adversaries.double_spender"},
    alone=True,
)
async def epoch_turns(
    run: LiveRun,
    *,
    races: Annotated[int, Option(min=1, max=50, help="Coins paid twice at each turn.")] = 6,
) -> None:
    """A peer joins late and another leaves, while honest coins are paid and a cheat pays twice."""
    cheat, late = run.world.node(CHEAT), run.world.node(LATE)
    run.name(cheat, "U who cheats")
    run.name(late, "L who comes late")
    honest = [peer for peer in run.world.peers if peer.name not in (CHEAT, LATE)]
    u, v, w, leaver, second, third = run.cast("U", "V", "W", "X", "Y", "Z", among=honest)
    await withdraw(run, u, 4)
    await withdraw(run, cheat, 3 * races)
    await pay(u, late, 1)
    waiting = await standing(late)
    run.check(
        "a late peer is paid, and does not vote",
        len(await run.coins(late)) == 1 and not waiting.votes and waiting.epoch == 1,
    )
    await refuse_too_large(run, honest[:8])

    states: Counter[int] = Counter()
    turned = await turn_while_paying(run, (u, v, w), races, states, leaving=[leaver])
    run.check("the late peer has joined", turned["joined"] == [LATE], LATE)
    await until_settled(run.world.peers, epoch=2)
    gone, come = await standing(leaver), await standing(late)
    run.check("it votes now, the leaver does not", come.votes and not gone.votes)
    run.check("the leaver was kept until the others had taken over", gone.released)
    await run.kill(leaver)
    await pay(late, v, 1)
    run.check("what was paid before the turn is spent after it", not await run.coins(late))

    await turn_while_paying(run, (v, w, u), races, states, leaving=[second], restarted=third)
    await run.restart(leaver)
    await until_settled(run.world.peers, epoch=3)
    turned = await turn_while_paying(run, (w, u, v), races, states, joining=[leaver])
    await until_settled(run.world.peers, epoch=4)
    back = await standing(leaver)
    run.check("who has left may come back", back.votes and turned["joined"] == [leaver.name])

    rates = ", ".join(f"{many} times {n}" for n, many in sorted(states.items()))
    run.check("of two payees never both were paid", max(states) <= 1, f"paid: {rates}")
    epochs = sorted(await epochs_of_certificates(run))
    run.check("registers were certified in all four epochs", epochs == [1, 2, 3, 4], f"{epochs}")
    run.conclude(
        f"Three turns while coins were paid: of {3 * races} coins paid twice {states[1]} went to "
        f"one payee, {states[0]} to neither, {states[2]} to both."
    )


async def pay(payer: Node, payee: Node, count: int) -> None:
    """A payer signs nothing while too few witnesses answer, and may try again."""
    state = "refused"
    while state == "refused":
        payment = (await payer.control("transfer", to=payee.name, count=count))["transaction"]
        state = (await payer.until(payment, "paid", "refused"))["state"]


async def refuse_too_large(run: LiveRun, leaving: list[Node]) -> None:
    """Half of all at once: with three of a register's eight voters gone, no quorum knows it."""
    try:
        await turn_epoch(run.certificate_authority, leaving=leaving)
    except ControlRefused as error:
        refused = error.code
    else:
        refused = "nothing"
    run.check("a turn that is too large is refused", refused == "membership/turn-too-large")


async def turn_while_paying(
    run: LiveRun,
    hands: tuple[Node, Node, Node],
    races: int,
    states: Counter[int],
    *,
    leaving: list[Node] | None = None,
    joining: list[Node] | None = None,
    restarted: Node | None = None,
) -> dict[str, object]:
    """A coin goes round while the cheat pays its own twice; the epoch turns in between."""
    u, v, w = hands
    authority = run.certificate_authority

    async def honest() -> None:
        for payer, payee in ((u, v), (v, w), (w, u), (u, v)):
            await pay(payer, payee, 1)

    async def cheating() -> None:
        for _ in range(races):
            states[await race(run, v, w)] += 1

    paying = asyncio.gather(honest(), cheating())
    await pay(u, w, 1)
    turned = await turn_epoch(authority, leaving=leaving, joining=joining)
    await run.say(f"epoch {turned['epoch']}: left {turned['left']}, joined {turned['joined']}")
    if restarted is not None:
        await run.kill(restarted)
        await run.restart(restarted)
    await paying
    return turned


async def race(run: LiveRun, one: Node, two: Node) -> int:
    """How many of two payees of one coin were paid."""
    late = run.random.choice(([0.0, run.random.uniform(0, 20)], [run.random.uniform(0, 20), 0.0]))
    cheat = run.world.node(CHEAT)
    spent = await cheat.control(
        "spend_twice", payees=[one.name, two.name], delays_milliseconds=late
    )
    paid = 0
    for payee, payment in zip((one, two), spent["payments"], strict=True):
        known = await payee.until(payment["transaction"], "delivered", "cancelled")
        paid += known["state"] == "delivered"
    return paid


async def epochs_of_certificates(run: LiveRun) -> set[int]:
    shown = (await run.books()).certificates()
    return {one.certificate.epoch for one in shown if one.certificate is not None}


if __name__ == "__main__":
    main(epoch_turns)
