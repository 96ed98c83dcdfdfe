"""PC-A5: a sale is opened with a contract that its buyer never signed."""

import msgspec

from nodes.protocols.message import Received
from scenarios.attacks.escrow_commerce.cheating import altered, deposit, escrow, lose
from scenarios.attacks.escrow_commerce.sale import (
    DISPUTE_SECONDS,
    PRICE,
    PROTOCOLS,
    SIZE,
    offer,
    void,
    withdraw,
)
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.world import Node
from scenarios.lab.worth import COINS

LOOK_SECONDS = 1.0


@attack(
    "PC-A5",
    title="A sale shut to its buyer",
    protocols=PROTOCOLS,
    guards=("contract-signed-by-both",),
    word="LOST",
)
async def sale_shut_to_its_buyer(act: Act) -> None:
    """A seller deposits with a contract of its own invention, so that the buyer's fits no more.

    The buyer's payment is made, for this sale and to the escrow server. Refused there, it is
    nobody's: the buyer has signed it away, and the escrow server knows of no such payment.
    """
    mallory = await act.mallory(symbol="P_3")
    seller, escrow_server = act.node(mallory), act.live.escrow_server
    (buyer,) = act.cast("P_1")
    content_id = await offer(act, seller)
    await withdraw(buyer, PRICE)
    await act.begin()

    lose(mallory, content_id)
    found = await buyer.control("search", content_id=content_id)
    sale = (await buyer.control("order", offer=found["selected"]["offer"]))["transaction"]
    await seller.until(sale, "agreed")
    order = bytes.fromhex(sale)
    message = await deposit(mallory, order, act.random.randbytes(SIZE))
    delivery = mallory.trade.books.delivery(order)
    assert delivery is not None, "it was ordered"
    invented = altered(delivery.contract, mallory, price=PRICE + 1)
    squat = msgspec.structs.replace(message, contract=invented)
    shut = mallory.party.send(escrow(act), squat, order, Received)
    await buyer.until(sale, "ciphertext-held")
    if await act.attempt(escrow_server, shut) is None:
        await act.live.advance(DISPUTE_SECONDS)
        await void(act, sale, buyer, seller)
        return
    await buyer.control("pay", transaction=sale)
    await buyer.until(sale, "aborted")
    await _paid_away(act, buyer)
    await act.live.advance(DISPUTE_SECONDS)
    await escrow_server.until(sale, "aborted")
    act.harm(buyer, PRICE, COINS, to=escrow_server, says="which does not know that it has them")


async def _paid_away(act: Act, buyer: Node) -> None:
    """Until its wallet has seen to it that every coin is where it was signed to."""
    while len(await act.live.coins(buyer, "spent")) < PRICE:
        await act.live.recorder.follow(buyer, wait=LOOK_SECONDS)
