"""PC-A1, PC-A2: who has promised nothing has broken no promise."""

from nodes.protocols.message import Received
from scenarios.attacks.escrow_commerce.cheating import deposit, offer_by_hand
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

    if (
        await act.attempt(
            act.live.central_server, offer_by_hand(act, mallory, WORDS, PRICE, None, SIZE)
        )
        is None
    ):
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
