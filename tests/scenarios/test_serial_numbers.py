"""BS-05: serial numbers that the coin server makes never meet, those that users draw do."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from crypto.hashing import digest
from nodes.coin_server import service as coin_server
from nodes.protocols.electronic_cash.coin import first_bits
from nodes.runtime.settings import InvalidSettings, Settings
from scenarios.lab.world import Node, World

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]

BITS = 12
COINS = 300
WITHDRAWALS, AMOUNT = 8, 127
"""Of each peer: seven coins each time, 1 to 64."""
OPENED = 2000


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town() -> AsyncIterator[World]:
    """A world whose coin servers have room for 4096 coins."""
    settings = {"serial_bits": BITS, "opening_balance": OPENED}
    async with World.start_temporary(5, settings, protocols=("electronic_cash",)) as world:
        yield world


async def fill_purse(peer: Node) -> None:
    """60 coins: 56 that the bank signed, of which three become seven of the coin server's."""
    for _ in range(WITHDRAWALS):
        asked = await peer.control("cash_withdraw", amount=AMOUNT, coin_server="coin-server-1")
        await peer.until(asked["transaction"], "completed")
    asked = await peer.control("cash_exchange", amounts=[1] * 7)
    await peer.until(asked["transaction"], "settled")


async def held(peer: Node) -> list[bytes]:
    """The serial numbers of its coins."""
    rows = (await peer.get("/inspect/ledger"))["cash_wallet"]
    return [bytes.fromhex(row["serial"]) for row in rows if row["state"] == "held"]


async def drawn_by_users(peers: list[Node]) -> set[bytes]:
    """The one-time keys of all their coins: what they drew themselves."""
    views = await asyncio.gather(*(peer.get("/inspect/view") for peer in peers))
    lines = [line for view in views for line in view["read"] if line["what"] == "coins"]
    return {bytes.fromhex(coin["key"]) for line in lines for coin in line["value"]}


async def test_bs_05_coins_of_the_coin_server_do_not_meet_and_each_can_be_spent(
    town: World,
) -> None:
    """300 of 4096 numbers, drawn blindly, meet eleven times; the coin server draws again."""
    await asyncio.gather(*map(fill_purse, town.peers))
    serials = [s for own in await asyncio.gather(*map(held, town.peers)) for s in own]
    ledger = await town.node("coin-server-1").get("/inspect/ledger")
    assert len(serials) == len(ledger["cash_coins"]) == ledger["cash_rows"]["circulating"] == COINS
    assert len({first_bits(serial, BITS) for serial in serials}) == COINS
    assert len({first_bits(serial, 16) for serial in serials}) == COINS

    for peer in town.peers:
        deposit = await peer.control("cash_deposit", amount=WITHDRAWALS * AMOUNT)
        await peer.until(deposit["transaction"], "settled")
        assert (await peer.control("cash_balance"))["account"] == OPENED
    ledger = await town.node("coin-server-1").get("/inspect/ledger")
    assert ledger["cash_rows"]["circulating"] == 0


async def test_bs_05_numbers_that_users_draw_meet_and_the_second_honest_spender_is_refused(
    town: World,
) -> None:
    """As in Ecash, where a number is the user's and the bank keeps those it has seen."""
    seen: set[bytes] = set()
    refused = 0
    keys = sorted(await drawn_by_users(town.peers))[:COINS]
    assert len(keys) == COINS
    for key in keys:
        number = first_bits(digest("drawn-by-a-user", key), BITS)
        refused += number in seen
        seen.add(number)
    expected = COINS - 2**BITS * (1 - (1 - 2**-BITS) ** COINS)
    assert round(expected) == 11
    assert 0 < refused < 3 * expected


async def test_short_serial_numbers_are_refused_outside_a_lab(tmp_path: Path) -> None:
    settings = Settings(
        name="coin-server-1", data=tmp_path, world=tmp_path, ca_url="", serial_bits=BITS
    )
    with pytest.raises(InvalidSettings, match="lab only"):
        coin_server.build(settings)
