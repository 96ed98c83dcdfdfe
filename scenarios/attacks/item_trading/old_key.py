"""IT-A13: an earlier buyer tries its key on what is sent to a later one."""

from nodes.protocols.item_trading.documents import Deal, Goods
from nodes.protocols.item_trading.payment import reference_of
from nodes.protocols.item_trading.reading import key_context, unlock
from nodes.protocols.item_trading.refusals import GoodsUnreadable
from scenarios.adversaries.item_hoarder import goods_of, hoards
from scenarios.adversaries.outsider import Mallory
from scenarios.attacks.item_trading.trading import (
    PRICE,
    deal_in,
    offered,
    ordered,
    purchase_of,
    tapped,
    time_is_over,
)
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.items import funded


@attack(
    "IT-A13",
    title="A key used before",
    protocols=("item_trading", "electronic_cash"),
    kind="inherent",
    word="READ",
    refused_with=(GoodsUnreadable.code,),
)
async def old_key(act: Act) -> None:
    """An earlier buyer of a seller taps the line and tries its key on the next buyer's ciphertext.

    Each trade has a key of its own, and what is encrypted is bound to its trade and to its key.
    """
    mallory = await act.mallory(symbol="X")
    seller, buyer = act.cast("C_1", "C_2")
    market, cheat = act.live.markets[0], act.node(mallory)
    await funded(cheat, PRICE)
    hoards(mallory)
    first = await ordered(cheat, market, await offered(act, seller, 2))
    await goods_of(mallory, cheat, first)
    key = await _key(mallory, act, first)
    await time_is_over(act)
    await cheat.until(first, "refunded")
    later = await ordered(buyer, market, await offered(act, seller, 2))
    await act.begin()

    sent = await tapped(buyer, "2.5", later)
    deals = (deal_in(sent), purchase_of(mallory, first).deal)
    ciphertext = bytes.fromhex(sent["ciphertext"])
    for deal in deals:
        if await act.attempt(buyer, _open(ciphertext, key, deal)) is not None:
            act.harm(seller, 1, "certificate", to=mallory, says="with the key of another trade")
    await time_is_over(act)


async def _key(mallory: Mallory, act: Act, trade: str) -> bytes:
    """K_C1 of a trade: step 2.8 brought it."""
    sealed = (await tapped(act.node(mallory), "2.8", trade))["sealed_key"]
    deal = purchase_of(mallory, trade).deal
    context = key_context(reference_of(deal))
    return mallory.party.sealing_key.open(bytes.fromhex(sealed), context)


async def _open(ciphertext: bytes, key: bytes, deal: Deal) -> Goods:
    return unlock(ciphertext, key, reference_of(deal))
