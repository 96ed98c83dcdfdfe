"""BS-A5: as printed a coin is its serial number, and whoever knows that has it."""

from nodes.protocols.electronic_cash.holding import HeldCoin, Path
from scenarios.attacks.electronic_cash.coins import server_of, swapped, withdraw
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.worth import CASH

AMOUNT = 4


@attack(
    "BS-A5",
    title="A coin seen is a coin spent",
    protocols=("electronic_cash",),
    guards=("spend-is-signed-by-the-coin",),
    word="STOLEN",
)
async def coin_seen_coin_spent(act: Act) -> None:
    """Somebody is shown a coin, as an auditor is, and exchanges it for one of its own.

    It sees serial number, amount and the bank's signature: all that the printed coin is. What it
    does not see is the seed that the coin's own key follows from.
    """
    mallory = await act.mallory()
    (holder,) = act.cast("C")
    await withdraw(holder, AMOUNT)
    (seen,) = act.voice(holder).kept("cash_coins", HeldCoin)
    await act.begin()

    stolen = HeldCoin(seen.coin, Path(1_000_000, 0))  # a key of its own in the place of the coin's
    if await act.attempt(server_of(act), swapped(mallory, stolen)):
        act.harm(holder, AMOUNT, CASH, to=mallory)
