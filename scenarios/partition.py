"""The ring cut in two while a cheat pays on both sides: by the roster, one side at most accepts.

A register's voters are fixed by the signed roster of the epoch, whoever is reached: a silent one
is a missing vote and is never replaced. So two sides of a cut cannot both find q of k, however
long it lasts. What is paid on the smaller side is pending until it heals.
"""

from typing import Annotated

from typer import Option

from scenarios.lab.live import LiveRun
from scenarios.lab.parting import spend_on_both_sides
from scenarios.lab.scenario import main, scenario


@scenario(
    title="A ring cut in two, by the roster",
    protocols=("dht_micropayment",),
    fewest=16,
    settings={"quorum_write_seconds": "2"},
    programs={"peer-16": "scenarios.adversaries.double_spender"},
    alone=True,
)
async def partition(
    run: LiveRun,
    *,
    coins: Annotated[int, Option(min=1, max=50, help="Each paid on both sides.")] = 6,
    smaller: Annotated[int, Option(min=1, max=7, help="Honest peers on the smaller side.")] = 4,
) -> None:
    """A cheat pays the same coins on both sides of a cut: never do both sides accept."""
    parted = await spend_on_both_sides(run, coins, smaller)
    run.check("never both sides accepted", not parted.while_cut[2], parted.told())
    run.check("nor both after it healed", not parted.healed[2])
    run.check(
        "each double spend is proven once it has healed",
        parted.frozen == coins,
        f"{parted.frozen} coins frozen at the broker",
    )
    run.conclude(f"{coins} coins paid on both sides of a cut: {parted.told()}.")


if __name__ == "__main__":
    main(partition)
