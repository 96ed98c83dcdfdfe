"""IT-A2: a receipt says what kind of item was bought, and every sword of that kind fits it."""

from nodes.protocols.item_trading.documents import Goods
from nodes.protocols.item_trading.messages import Register, Registered
from scenarios.adversaries.item_hoarder import goods_of, hoards
from scenarios.attacks.item_trading.trading import (
    PRICE,
    offered,
    ordered,
    purchase_of,
    sold,
    time_is_over,
)
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.items import funded
from scenarios.lab.worth import ITEMS


@attack(
    "IT-A2",
    title="One receipt, two swords",
    protocols=("item_trading", "electronic_cash"),
    guards=("receipt-names-the-item",),
    word="UNPAID",
)
async def receipt_of_the_twin(act: Act) -> None:
    """The receipt for one sword, bought and paid, moves an equal sword that nobody paid for.

    The certificate of the second sword was read in an earlier trade that was left to run out; an
    order for it, never paid, has the game server keep it.
    """
    mallory = await act.mallory(symbol="C_2")
    paid_seller, owner = act.cast("C_1", "V")
    market, game = act.live.markets[0], act.live.game_servers[0]
    cheat = act.node(mallory)
    await funded(cheat, 2 * PRICE)
    first = await sold(cheat, paid_seller, market, await offered(act, paid_seller, 1))
    own = purchase_of(mallory, first).goods
    assert own is not None, "it is registered"
    hoards(mallory)
    twin = await offered(act, owner, 1)
    lapsed = await ordered(cheat, market, twin)
    goods = await goods_of(mallory, cheat, lapsed)
    await time_is_over(act)
    await cheat.until(lapsed, "refunded")
    await market.until(lapsed, "void")
    second = await ordered(cheat, market, twin)
    await act.begin()

    deal = purchase_of(mallory, second).signed
    assert deal is not None, "it is ready to be paid"
    wrong = Goods(goods.certificate, own.receipt, goods.authority, None)
    to, trade = bytes.fromhex(game.id), bytes.fromhex(second)
    asked = mallory.party.send(to, Register(deal, wrong), trade, Registered)
    moved = await act.attempt(game, asked)
    if moved is not None and moved.message.certificate is not None:
        act.harm(owner, 1, ITEMS, to=mallory, says="nothing was ever paid for it")
    await time_is_over(act)
