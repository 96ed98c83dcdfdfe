"""DC-A17: strangers' disks are filled with records of nothing."""

from dht.records import Body
from nodes.protocols.dht_micropayment.coin import NAMESPACE
from nodes.protocols.dht_micropayment.step import sign_step
from scenarios.adversaries.outsider import Mallory
from scenarios.attacks.dht_micropayment.coins import refused_by, write
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack

RECORDS = 20
GARBAGE = b"\xc1" * 4000


@attack(
    "DC-A17",
    title="A flood of garbage",
    protocols=("dht_micropayment",),
    guards=("evidence-is-shown",),
    word="STORED",
)
async def garbage_flood(act: Act) -> None:
    """Somebody has its own data kept by all the members, as registers of coins that never were."""
    mallory = await act.mallory(symbol="X")
    await act.begin()
    for _ in range(RECORDS):
        record = sign_step(about_nothing(mallory), mallory.party.key)
        refused_by(act, await write(mallory, record, None, GARBAGE))
    stored = sum(row.payer == mallory.id.hex() for _, row in (await act.live.books()).registers())
    if stored:
        act.harm("the members", stored, "records", says=f"of {len(GARBAGE)} bytes each, for ever")


def about_nothing(mallory: Mallory) -> Body:
    fresh = mallory.party.fresh
    return Body(
        namespace=NAMESPACE,
        chain=fresh(32),
        index=1,
        kind="pay",
        payer=mallory.id,
        payee=mallory.id,
        previous=fresh(32),
        subject=fresh(32),
        terms=fresh(32),
    )
