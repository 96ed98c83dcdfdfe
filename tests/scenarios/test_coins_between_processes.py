"""Checks of the DHT micropayment between real processes: DC-02, DC-21, DC-22."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from dht.records import RegisterName
from nodes.protocols.dht_micropayment.coin import NAMESPACE
from scenarios.lab.auditor import audit_settled, read_books
from scenarios.lab.failures import ControlRefused
from scenarios.lab.registers import Registers
from scenarios.lab.world import Node, World

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]
CHEAT = "peer-16"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def market() -> AsyncIterator[World]:
    async with World.start_temporary(
        peers=16,
        programs={CHEAT: "scenarios.adversaries.double_spender"},
        protocols=("dht_micropayment",),
    ) as world:
        yield world


async def withdraw(peer: Node, count: int) -> None:
    taken = await peer.control("withdraw", count=count)
    await peer.until(taken["transaction"], "held")


async def holders(market: World, chain: str, index: int) -> tuple[set[str], set[str]]:
    """Who holds a register's certified record, and who should by the roster."""
    books, _ = await audit_settled(market.nodes.values(), seconds=20)
    (known,) = books.rosters().values()
    name = RegisterName(NAMESPACE, bytes.fromhex(chain), index)
    (value,) = Registers(books).certified((NAMESPACE, name.chain, index))
    names = {bytes.fromhex(node.id): node.name for node in market.peers}
    return set(value.holders), {names[member] for member in known.roster.closest(name.key)}


async def test_dc_02_after_a_payment_its_record_is_on_the_k_closest_members_and_no_other(
    market: World,
) -> None:
    payer, payee = market.peers[:2]
    await withdraw(payer, 1)
    paid = await payer.control("transfer", to=payee.name, count=1)
    await payer.until(paid["transaction"], "paid")
    (coin,) = (await payee.get("/inspect/ledger"))["coins"]
    for index in (0, 1):
        found, closest = await holders(market, coin["chain"], index)
        assert found == closest
        assert len(closest) == 8


async def test_dc_21_coins_issued_minus_redeemed_are_the_coins_that_live(market: World) -> None:
    u, v, w = market.peers[3:6]
    await withdraw(u, 5)
    for payer, payee, count in ((u, v, 3), (v, w, 2)):
        paid = await payer.control("transfer", to=payee.name, count=count)
        await payer.until(paid["transaction"], "paid")
    handed = await w.control("redeem", count=1)
    await w.until(handed["transaction"], "credited")

    books, checks = await audit_settled(market.nodes.values(), seconds=20)
    ledger = books.ledgers["broker"]
    live = len(ledger.issued) - len(ledger.redeemed)
    held = sum(coin.state == "held" for _, coin in books.coins())
    assert live == held
    verdicts = {check.name: check.holds for check in checks}
    assert verdicts["issued minus redeemed is what lives"] is True
    assert verdicts["value conserved"] is True


async def test_dc_22_witnesses_that_restart_between_two_payments_of_a_coin_refuse_the_second(
    market: World,
) -> None:
    cheat, (v, w) = market.nodes[CHEAT], market.peers[7:9]
    await withdraw(cheat, 1)
    spending = asyncio.create_task(
        cheat.control("spend_twice", payees=[v.name, w.name], delays_milliseconds=[0, 4000])
    )
    first = await taken_by(v)
    await v.until(first, "delivered")
    witnesses = [peer for peer in market.peers if peer not in (v, w) and peer.name != CHEAT]
    for peer in witnesses[:6]:
        await peer.kill()
        await peer.restart()
    spent = await spending
    second = spent["payments"][1]["transaction"]
    assert (await w.until(second, "cancelled", "delivered"))["state"] == "cancelled"
    assert (await v.until(first, "delivered"))["state"] == "delivered"
    books = await read_books(market.nodes.values())
    place = (NAMESPACE, bytes.fromhex(spent["chain"]), spent["index"])
    (value,) = Registers(books).certified(place)
    assert value.payee.hex() == v.id


async def taken_by(payee: Node) -> str:
    """The transaction of the first payment that this payee takes in."""
    seen = 0
    while True:
        for row in await payee.trace(after=seen, wait=20):
            seen = row["n"]
            if (row["protocol"], row["step"], row["direction"]) == ("dht_micropayment", "P1", "in"):
                return str(row["transaction"])


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"leaving": [f"peer-{n:02}" for n in range(1, 9)]}, "membership/turn-too-large"),
        ({"leaving": ["broker"]}, "membership/not-in-the-roster"),
        ({"joining": ["peer-01"]}, "membership/not-waiting"),
    ],
)
async def test_a_turn_that_may_not_be_is_refused_and_changes_nothing(
    market: World, asked: dict[str, list[str]], code: str
) -> None:
    authority = market.certificate_authority
    before = await authority.get("/inspect/ledger")
    with pytest.raises(ControlRefused) as refused:
        await authority.control("turn_epoch", **asked)
    assert refused.value.code == code
    assert await authority.get("/inspect/ledger") == before
