"""BS-A16: a coin's name in the coin server's database is all that the printed coin is."""

import msgspec

from nodes.protocols.electronic_cash.coin import first_bits, serial, serial_of
from nodes.protocols.electronic_cash.holding import HeldCoin, Path
from nodes.protocols.electronic_cash.refusals import CoinForged, CoinNotCirculating
from nodes.protocols.errors import Refused
from scenarios.adversaries.outsider import Mallory
from scenarios.attacks.electronic_cash.coins import (
    has_her_change,
    held,
    no_longer_hers,
    server_of,
    swapped,
    withdraw,
)
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.node_client import Node

BITS, HOLDERS, AMOUNT = 8, 3, 1000
NAMES = 1 << BITS


@attack(
    "BS-A16",
    title="Serial numbers guessed",
    protocols=("electronic_cash",),
    kind="inherent",
    refused_with=(CoinForged.code, CoinNotCirculating.code),
    settings={"serial_bits": str(BITS)},
)
async def serials_guessed(act: Act) -> None:
    """Where eight bits name a coin, somebody makes up a coin under each of the 256 names.

    Every coin that circulates is met so, and none is had: what is signed is the whole number. Then
    it tries a coin that the bank did sign, that is spent, and whose name is another coin's by now.
    """
    mallory = await act.mallory()
    server = server_of(act)
    for holder in act.cast("C1", "C2", "C3"):
        await withdraw(holder, AMOUNT - 1)
    await withdraw(act.node(mallory), 1)
    spent = await _spent_and_its_name_taken(mallory, server)
    await act.begin()

    circulating = await _names(server)
    made_up = [_under(name, spent) for name in range(NAMES)]
    met = sum(first_bits(serial(coin.coin), BITS) in circulating for coin in made_up)
    codes = [await _refusal_of(mallory, coin) for coin in made_up]
    codes.append(await _refusal_of(mallory, spent))
    for taken in filter(lambda code: not code, codes):
        act.harm(server, 1, "coins guessed", to=mallory, says=taken)
    for code in dict.fromkeys(filter(None, codes)):
        act.refused(code, server)
    await act.say(f"{NAMES} coins made up; {met} of them are named like one that circulates")
    act.live.check("coins that circulate were met", met >= len(circulating), f"{met}")
    by_name = codes[-1] == CoinNotCirculating.code
    act.live.check("a name alone is no place in circulation", by_name, codes[-1])


async def _refusal_of(mallory: Mallory, coin: HeldCoin) -> str:
    """Empty where it was taken."""
    try:
        await swapped(mallory, coin)
    except Refused as refusal:
        return refusal.code
    return ""


async def _spent_and_its_name_taken(mallory: Mallory, server: Node) -> HeldCoin:
    """Her coin becomes another again and again, until an old one's name is somebody's."""
    before: list[HeldCoin] = []
    while True:
        coin = held(mallory, 1)
        await has_her_change(mallory, await swapped(mallory, coin))
        await no_longer_hers(mallory, [coin])
        before.append(coin)
        circulating = await _names(server)
        for old in before:
            if first_bits(serial(old.coin), BITS) in circulating:
                return old


async def _names(server: Node) -> set[bytes]:
    rows = (await server.get("/inspect/ledger"))["cash_coins"]
    return {first_bits(bytes.fromhex(row["serial"]), BITS) for row in rows}


def _under(name: int, like: HeldCoin) -> HeldCoin:
    """A coin of her own key whose serial number begins so."""
    guess = 0
    while True:
        entropy = guess.to_bytes(32, "big")
        if serial_of(like.coin.key, entropy)[0] == name:
            coin = msgspec.structs.replace(like.coin, entropy=entropy)
            return HeldCoin(coin, Path(like.path.index, like.path.place))
        guess += 1
