"""PC-A6: the buyer writes the contract, and writes a price into it."""

from dataclasses import dataclass

from crypto import codec
from crypto.documents import Signed
from nodes.protocols.envelope import Opened
from nodes.protocols.escrow_commerce import contract, sale_id
from nodes.protocols.escrow_commerce.messages import Acceptance, Offer, Request
from nodes.protocols.escrow_commerce.reading import changed
from scenarios.adversaries.outsider import Mallory
from scenarios.attacks.escrow_commerce.cheating import altered, escrow
from scenarios.attacks.escrow_commerce.sale import PRICE, PROTOCOLS, offer, pay, withdraw
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack


@attack(
    "PC-A6",
    title="A price that nobody offered",
    protocols=PROTOCOLS,
    guards=("contract-as-offered",),
    word="UNDERPAID",
)
async def price_not_offered(act: Act) -> None:
    """A buyer orders at a price of one what is offered for three, and the seller signs unread.

    No message of the paper has a price; the seller is whoever does not look for it.
    """
    mallory = await act.mallory(symbol="P_1")
    buyer = act.node(mallory)
    (seller,) = act.cast("P_3")
    content_id = await offer(act, seller)
    await withdraw(buyer, 1)
    await act.begin()

    found = await buyer.control("search", content_id=content_id)
    offered = codec.decode(bytes.fromhex(found["selected"]["offer"]), Signed[Offer])
    cheaper = await _ordered_for(act, mallory, offered, price=1)
    if await act.attempt(seller, cheaper.asked(mallory)) is None:
        await mallory.trade.books.change_purchase(cheaper.sale, contract.declined)
        return
    await cheaper.go_on(mallory)
    sale = cheaper.sale.hex()
    await buyer.until(sale, "ciphertext-held")
    await pay(buyer, sale)
    await buyer.control("accept", transaction=sale)
    await seller.until(sale, "paid")
    act.harm(seller, PRICE - 1, "coins of the price", to=mallory, says="sold for 1 instead of 3")


@dataclass(frozen=True)
class _Order:
    sale: bytes
    seller: bytes
    request: Request

    async def asked(self, mallory: Mallory) -> Opened[Acceptance]:
        return await mallory.party.send(self.seller, self.request, self.sale, Acceptance)

    async def go_on(self, mallory: Mallory) -> None:
        """Said once more, as its shop says it: then that takes the answer in."""
        async with mallory.party.store.transaction() as tx:
            mallory.party.post(tx, self.seller, self.request, self.sale)


async def _ordered_for(act: Act, mallory: Mallory, offered: Signed[Offer], price: int) -> _Order:
    """Step 5, with another price in the contract than in the offer it cites."""
    party, books = mallory.party, mallory.trade.books
    purchase, _ = contract.order(
        offered,
        buyer=party.key,
        escrow_server=escrow(act),
        sale=sale_id.draw(party.id, party.fresh(sale_id.FRESH_BYTES)),
        deadline=party.now() + 60_000,
        now=party.now(),
        guards=party.guards,
    )
    signed = altered(purchase.contract, mallory, price=price)
    cheaper = changed(purchase.contract, price=price)
    async with party.store.transaction() as tx:
        books.save_purchase(tx, changed(purchase, signed=signed, contract=cheaper))
    return _Order(purchase.sale, cheaper.seller, Request(signed))
