"""BS-A5: as printed a coin is its serial number, and whoever knows that has it."""

from nodes.protocols.electronic_cash import exchange, spending
from nodes.protocols.electronic_cash.coin import Coin
from nodes.protocols.electronic_cash.holding import HeldCoin, Path
from nodes.protocols.electronic_cash.messages import Exchanged
from nodes.protocols.electronic_cash.spending import Wanted
from scenarios.adversaries.outsider import Mallory
from scenarios.attacks.electronic_cash.coins import made, server_of, until, withdraw
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

    if await act.attempt(server_of(act), _exchange(mallory, seen.coin)):
        act.harm(holder, AMOUNT, CASH, to=mallory)


async def _exchange(mallory: Mallory, coin: Coin) -> bool:
    """Steps X1, X2, signed with a key that is not the coin's."""
    party, purse = mallory.party, mallory.cash.purse
    wanted = Wanted("exchange", 0, None, None, until(mallory), (coin.amount,))
    order = await made(mallory, wanted, [HeldCoin(coin, Path(0, 0))])
    request = exchange.request_exchange(order)
    answer = await party.send(coin.coin_server, request, order.transaction, Exchanged)
    _, coins = spending.settled(order, answer.message.change, purse.wallet, party.guards)
    async with party.store.transaction() as tx:
        purse.add(tx, coins)
    return True
