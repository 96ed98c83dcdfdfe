"""The ring cut in two under open membership: both sides accept, and it is found out afterwards.

As printed, a register lies on the peers closest to its key that one can reach. Each side of a cut
holds the other for dead, puts the next closest in its place, and finds a quorum of its own. The
auditor therefore finds coins accepted twice, and the verdict of this run is `violated`: that is
its result. `partition` is the same cut with voters fixed by the roster.
"""

from typing import Annotated

from typer import Option

from scenarios.lab.live import LiveRun
from scenarios.lab.parting import spend_on_both_sides
from scenarios.lab.scenario import main, scenario

HALF = 7
"""Of fifteen honest peers; each side has a quorum of its own."""


@scenario(
    title="A ring cut in two, in open membership",
    protocols=("dht_micropayment",),
    fewest=16,
    settings={"quorum_write_seconds": "2", "membership": "open"},
    programs={"peer-16": "scenarios.adversaries.double_spender"},
    alone=True,
    expects="violated",
)
async def partition_open(
    run: LiveRun,
    *,
    coins: Annotated[int, Option(min=1, max=50, help="Each paid on both sides.")] = 6,
) -> None:
    """A cheat pays the same coins on both sides of a cut: both accept, and the auditor says so."""
    parted = await spend_on_both_sides(run, coins, HALF)
    run.check("both sides accepted", parted.while_cut[2] == coins, parted.told())
    run.check("each double spend is shown once it has healed", parted.conflicts >= coins)
    run.conclude(f"{coins} coins paid on both sides of a cut, with no roster: {parted.told()}.")


if __name__ == "__main__":
    main(partition_open)
