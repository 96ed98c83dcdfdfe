"""Sales in every state, for the messages of the sale to be said about."""

from collections.abc import Callable, Mapping

from nodes.protocols.escrow_commerce import messages as words
from nodes.protocols.message import Message
from nodes.wallet.sale_payment import INSTRUMENT
from scenarios.lab.node_client import Node
from tests.battery import sales
from tests.battery.letters import Sample
from tests.battery.players import Player
from tests.battery.sales import NOTHING, STATES, Trade
from tests.battery.stage import Stage

Elsewhere = dict[str, tuple[Sample, str]]


def code(name: str) -> str:
    return f"escrow_commerce/{name}"


NOT_THE_STATE = "wrong-state"
UNREADABLE = frozenset({code("wrong-document")})


class Ready:
    """What the messages of the sale are said about: made once for all of them."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    async def make(self) -> "Ready":
        stage = self.stage
        self.at_escrow = {state: await sales.sale_in(stage, state) for state in STATES}
        self.offer, _ = await sales.offered(stage, stage.world.peers[0])
        self.trade = Trade(stage, self.offer)
        self.bought = await self.trade.all_bought()
        self.sold = await self.trade.all_sold()
        self.fetched = {state: await self._served(state) for state in sales.SELLER_STATES}
        return self

    async def _served(self, state: str) -> bytes:
        """A sale of the honest seller to the player that stands there."""
        stage, seller = self.stage, self.trade.seller
        sale = sales.new_sale(stage)
        await sales.say(stage, stage.buyer, seller, sales.request(stage, self.offer, sale), sale)
        await seller.until(sale.hex(), "deposited")
        if state == "paid":
            paid = words.PaymentRelease(INSTRUMENT, 0, NOTHING)
            await self.trade.tell(seller, paid, sale)
        if state == "aborted":
            notice = words.AbortNotice(words.AbortReason.DIGESTS_DIFFER)
            await self.trade.tell(seller, notice, sale)
        if state == "refunded":
            await self.trade.tell(seller, sales.VERDICT, sale)
        await seller.until(sale.hex(), state)
        return sale

    def fresh(self) -> bytes:
        return sales.new_sale(self.stage)


def in_states(
    made: Callable[[str, bytes], tuple[Message, Player, Node]],
    found: Mapping[str, bytes],
    codes: Mapping[str, str],
) -> Elsewhere:
    """The message as it would be valid for each of these sales, were it not for their states."""
    elsewhere = {}
    for state, refusal in codes.items():
        message, sender, to = made(state, found[state])
        elsewhere[f"when {state}"] = (Sample(message, sender, to, found[state]), code(refusal))
    return elsewhere
