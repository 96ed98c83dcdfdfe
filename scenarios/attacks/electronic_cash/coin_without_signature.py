"""BS-A8: a coin that is in the coin server's database, and not signed for what it says."""

import msgspec

from nodes.protocols.electronic_cash.refusals import CoinForged
from scenarios.attacks.electronic_cash.coins import held, server_of, swapped, withdraw
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack

SMALL, LARGE = 1, 512


@attack(
    "BS-A8",
    title="A coin that circulates and is not signed",
    protocols=("electronic_cash",),
    kind="inherent",
    refused_with=(CoinForged.code,),
)
async def coin_without_signature(act: Act) -> None:
    """Somebody spends a coin of 1 as one of 512, and under the signature of another coin.

    Key, serial number and place in circulation are good; only what the bank signed is not this.
    """
    mallory = await act.mallory()
    server = server_of(act)
    await withdraw(act.node(mallory), SMALL)
    await withdraw(act.node(mallory), LARGE)
    small, large = held(mallory, SMALL), held(mallory, LARGE)
    await act.begin()

    dearer = msgspec.structs.replace(small.coin, amount=LARGE)
    signed = msgspec.structs.replace(small.coin, signature=large.coin.signature)
    both = msgspec.structs.replace(signed, amount=LARGE)
    for forged in (dearer, signed, both):
        coin = msgspec.structs.replace(small, coin=forged)
        if await act.attempt(server, swapped(mallory, coin)):
            act.harm(server, forged.amount, "coins from nothing", to=mallory)
