"""Orders of coins that no purse remembers having made."""

from nodes.protocols.electronic_cash import spending
from nodes.protocols.electronic_cash.holding import CoinPhase, HeldCoin, Spending
from nodes.protocols.electronic_cash.spending import Wanted
from nodes.protocols.electronic_cash.wallet import Wallet
from tests.roles.electronic_cash.world import World

ORDER = bytes([5]) * 32


def a_coin(world: World, amount: int) -> HeldCoin:
    coins = world.cash["alice"].purse.coins
    return next(h for h in coins if h.state is CoinPhase.HELD and h.coin.amount == amount)


def signed(world: World, wanted: Wanted, held: HeldCoin, index: int, wallet: Wallet) -> Spending:
    """An order that no purse remembers having made."""
    home = world.nodes["coin-server-1"].party
    made, _ = spending.order(
        wanted,
        [held],
        wallet,
        index,
        sealing_key=home.sealing_key.public_key,
        transaction=home.fresh_transaction(),
    )
    return made
