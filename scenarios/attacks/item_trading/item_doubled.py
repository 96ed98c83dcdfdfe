"""IT-A16: the world is lost, and an old certificate is as good as a new one."""

from scenarios.attacks.item_trading.trading import PRICE, SWORD, certified, listed, sold
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.items import funded, holders, life_of


@attack(
    "IT-A16",
    title="Recovered by both",
    protocols=("item_trading", "electronic_cash"),
    guards=("ledger-outlives-the-world",),
    word="DOUBLED",
)
async def item_doubled(act: Act) -> None:
    """After a game has lost its world, the owner before recovers the item it sold, and keeps it.

    The one who bought it recovers it, too: where there was one sword there are two.
    """
    mallory = await act.mallory(symbol="C_1")
    (buyer,) = act.cast("C_2")
    market, game = act.live.markets[0], act.live.game_servers[0]
    cheat = act.node(mallory)
    await funded(buyer, PRICE)
    serial = await certified(act, cheat)
    await game.control("copy_world")
    await sold(buyer, cheat, market, await listed(cheat, market, serial, 1))
    newest = (await life_of(game, serial))[-1]["serial"]
    await game.control("rollback_world")
    await act.begin()

    back = await act.attempt(game, cheat.control("item_recover", serial=serial))
    await buyer.control("item_recover", serial=newest)
    there = await holders(game, SWORD)
    if back is not None and sorted(there) == sorted([cheat.id, buyer.id]):
        act.harm(buyer, 1, "copy of its item", to=mallory, says="sold, and in her hands again")
