"""A sale's id is known to its seller, and to whoever listens, before anything is deposited."""

import msgspec
import pytest

from crypto.documents import sign_document
from nodes.protocols.escrow_commerce.messages import (
    Acceptance,
    BuyerDeposit,
    Contract,
    Request,
    SellerDeposit,
)
from nodes.protocols.escrow_commerce.refusals import ContractForAnotherSale
from nodes.protocols.escrow_commerce.state import Purchase
from nodes.protocols.message import Received
from nodes.wallet.sale_payment import INSTRUMENT, written
from tests.attacks.bazaar import PRICE, Bazaar, Stall
from tests.wallet.market import PEERS

pytestmark = pytest.mark.asyncio

OFFER_SECONDS = 60


def with_accomplice(purchase: Purchase, seller: Stall, accomplice: Stall) -> SellerDeposit:
    """6a for the buyer's sale, with a contract that names another buyer."""
    contract = msgspec.structs.replace(purchase.contract, buyer=accomplice.id)
    signed = sign_document(contract, accomplice.service.party.key, seller.service.party.key)
    return SellerDeposit(signed, purchase.ciphertext_digest or b"", 5_000, bytes(16))


async def test_nobody_opens_a_sale_under_anothers_id(bazaar: Bazaar) -> None:
    """The buyer would be refused, and what it paid in for that id taken by the accomplice."""
    seller, buyer, accomplice, *_ = bazaar.peers
    await buyer.withdraw(PRICE)
    content_id, party = await seller.sell(b"a harbour"), seller.service.party
    post = party.post
    party.post = lambda *args: None  # type: ignore[method-assign]  # it serves, and says nothing
    sale = await buyer.order(content_id)
    await buyer.until(sale, "ciphertext-held")
    party.post = post  # type: ignore[method-assign]
    purchase, escrow, id_ = buyer.purchase(sale), bazaar.escrow.id, bytes.fromhex(sale)
    squat = with_accomplice(purchase, seller, accomplice)
    with pytest.raises(ContractForAnotherSale):
        await party.send(escrow, squat, id_, Received)
    await buyer.ask("pay", transaction=sale)
    await buyer.until(sale, "paid")
    taken = written(buyer.wallet.committed(coin.key for coin in buyer.wallet.purse))
    theft = BuyerDeposit(squat.contract, squat.ciphertext_digest, INSTRUMENT, taken)
    with pytest.raises(ContractForAnotherSale):
        await accomplice.service.party.send(escrow, theft, id_, Received)
    await bazaar.advance(OFFER_SECONDS + 1)
    await buyer.until(sale, "refunded")
    await buyer.has_coins(PRICE)
    assert await bazaar.worth() == 1000 * PEERS


async def test_nobody_makes_an_honest_seller_squat_on_its_own_purchase(bazaar: Bazaar) -> None:
    """It would deposit for a stranger under the id of the sale in which it is the buyer."""
    victim, stranger, seller, *_ = bazaar.peers
    await victim.withdraw(PRICE)
    own = await victim.sell(b"another harbour")
    sale = await victim.order(await seller.sell(b"a harbour"))
    await stranger.order(own)
    [ordered] = stranger.trade.books.purchases.values(stranger.service.party.store.committed)
    contract: Contract = msgspec.structs.replace(ordered.contract, sale=bytes.fromhex(sale))
    party = stranger.service.party
    request = Request(sign_document(contract, party.key))
    with pytest.raises(ContractForAnotherSale):
        await party.send(victim.id, request, bytes.fromhex(sale), Acceptance)
    await victim.pay_for(sale)
    await victim.until(sale, "opened")
