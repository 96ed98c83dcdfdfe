"""BS-A8: a coin that is not in the coin server's database, with and without a good signature."""

import msgspec

from crypto.signing import SigningKey
from nodes.protocols.electronic_cash.coin import issued
from nodes.protocols.electronic_cash.holding import HeldCoin, Path
from nodes.protocols.electronic_cash.refusals import CoinForged, CoinNotCirculating
from scenarios.adversaries.outsider import Mallory
from scenarios.attacks.electronic_cash.coins import (
    has_her_change,
    held,
    id_of,
    no_longer_hers,
    server_of,
    swapped,
    withdraw,
)
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack

AMOUNT, INVENTED = 4, 512


@attack(
    "BS-A8",
    title="A coin that does not circulate",
    protocols=("electronic_cash",),
    kind="inherent",
    refused_with=(CoinForged.code, CoinNotCirculating.code),
)
async def coin_from_nothing(act: Act) -> None:
    """Somebody spends a coin it made up, and one that the bank signed and that is spent.

    The one lacks a signature, the other its place in circulation; each is asked for by itself.
    """
    mallory = await act.mallory()
    server = server_of(act)
    await withdraw(act.node(mallory), AMOUNT)
    spent = held(mallory, AMOUNT)
    await has_her_change(mallory, await swapped(mallory, spent))
    await no_longer_hers(mallory, [spent])
    await act.begin()

    for coin in (_made_up(mallory, id_of(server)), spent):
        if await act.attempt(server, swapped(mallory, coin)):
            act.harm(server, coin.coin.amount, "coins from nothing", to=mallory)
    codes = {one.code for one in act.came.refusals}
    both = codes == {CoinForged.code, CoinNotCirculating.code}
    act.live.check("signature and circulation are asked for apart", both, ", ".join(sorted(codes)))


def _made_up(mallory: Mallory, home: bytes) -> HeldCoin:
    """As a coin server makes one, but for the key that signs it."""
    party, path = mallory.party, Path(1_000_000, 0)
    key = mallory.cash.purse.wallet.one_time_key(path).public_key
    coin = issued(SigningKey.generate(), key, party.fresh(32), INVENTED)
    return HeldCoin(msgspec.structs.replace(coin, coin_server=home), path)
