"""PC-A1, PC-A2: who has promised nothing has broken no promise."""

from crypto.documents import Signed, sign_document
from nodes.peer.escrow_commerce.books import OwnOffer
from nodes.protocols.escrow_commerce.messages import Offer, Register
from nodes.protocols.message import Received
from scenarios.adversaries.outsider import Mallory
from scenarios.attacks.escrow_commerce.cheating import deposit
from scenarios.attacks.escrow_commerce.sale import (
    DISPUTE_SECONDS,
    PRICE,
    PROTOCOLS,
    SIZE,
    pay,
    withdraw,
)
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.worth import COINS

WORDS = "a harbour at dawn"


@attack(
    "PC-A1",
    title="A promise of nothing",
    protocols=PROTOCOLS,
    guards=("offer-is-complete", "contract-names-content"),
    word="PAID",
)
async def promise_of_nothing(act: Act) -> None:
    """An offer names no content, so the contract names none, and no complaint can be right.

    That is the paper's Register(ID, desc): words alone. Whatever the ciphertext opens to, it was
    not promised to be anything else.
    """
    mallory = await act.mallory(symbol="P_3")
    seller = act.node(mallory)
    (buyer,) = act.cast("P_1")
    await withdraw(buyer, PRICE)
    await act.begin()

    if await act.attempt(act.live.central_server, _offer_words(act, mallory)) is None:
        return
    found = await buyer.control("search", words=WORDS)
    ordering = buyer.control("order", offer=found["selected"]["offer"])
    ordered = await act.attempt(buyer, ordering)
    if ordered is None:
        return
    sale = ordered["transaction"]
    await seller.until(sale, "agreed")
    order = bytes.fromhex(sale)
    message = await deposit(mallory, order, act.random.randbytes(SIZE))
    to = bytes.fromhex(act.live.escrow_server.id)
    await mallory.party.send(to, message, order, Received)
    await buyer.until(sale, "ciphertext-held")
    await pay(buyer, sale)
    await act.attempt(buyer, buyer.control("dispute", transaction=sale))
    await act.live.advance(DISPUTE_SECONDS)
    await seller.until(sale, "paid")
    act.harm(buyer, PRICE, COINS, to=mallory, says="for noise; nothing else was promised")


async def _offer_words(act: Act, mallory: Mallory) -> Signed[Offer]:
    """Step 1, with nothing fixed but words and a price."""
    party = mallory.party
    offered = Offer(party.id, WORDS, None, SIZE, PRICE, party.now() + 3_600_000)
    signed = sign_document(offered, party.key)
    transaction = party.fresh_transaction()
    async with party.store.transaction() as tx:
        own = OwnOffer(transaction, signed, "registered")
        mallory.trade.books.offers.put(tx, transaction, own)
    to = bytes.fromhex(act.live.central_server.id)
    await party.send(to, Register(signed), transaction, Received)
    return signed
