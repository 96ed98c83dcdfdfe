"""PC-A5: a sale is opened under the id for which another has paid."""

import asyncio

import msgspec

from crypto.documents import sign_document
from nodes.protocols.dht_micropayment.holding import CoinState
from nodes.protocols.dht_micropayment.step import next_register
from nodes.protocols.dht_micropayment.transfer import Transfer
from nodes.protocols.escrow_commerce.messages import BuyerDeposit, SellerDeposit
from nodes.protocols.message import Received
from nodes.wallet.sale_payment import INSTRUMENT, written
from scenarios.adversaries.outsider import Mallory
from scenarios.attacks.escrow_commerce.cheating import deposit, escrow, lose
from scenarios.attacks.escrow_commerce.sale import DISPUTE_SECONDS, PROTOCOLS, SIZE, offer, void
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.worth import COINS

LOOK_SECONDS = 0.25


@attack(
    "PC-A5",
    title="A sale under another's id",
    protocols=PROTOCOLS,
    guards=("contract-names-sale",),
    word="STOLEN",
)
async def squatted_sale(act: Act) -> None:
    """A seller and its accomplice open a sale under the id of a buyer, and pay with its payment.

    The buyer's payment is made for that id, and is no secret: its wallet sees to it that it comes
    to stand in the registers. The escrow server has a contract of the two by then, and finds the
    payment to be for this very sale.
    """
    mallory = await act.mallory(symbol="P_3")
    accomplice = await act.mallory("accomplice", symbol="P_4")
    seller, escrow_server = act.node(mallory), act.live.escrow_server
    (victim,) = act.cast("P_1")
    given = await seller.control("withdraw", count=1)
    await seller.until(given["transaction"], "held")
    given = await seller.control("transfer", to=victim.name, count=1)
    await victim.until(given["transaction"], "delivered")
    content_id = await offer(act, seller, price=1)
    await act.begin()

    lose(mallory, content_id)
    found = await victim.control("search", content_id=content_id)
    sale = (await victim.control("order", offer=found["selected"]["offer"]))["transaction"]
    await seller.until(sale, "agreed")
    order = bytes.fromhex(sale)
    squat = await _with_accomplice(act, mallory, accomplice, order)
    squatted = await act.attempt(escrow_server, mallory.party.send(*squat, order, Received))
    await victim.until(sale, "ciphertext-held")
    if squatted is None:
        await act.live.advance(DISPUTE_SECONDS)
        await void(act, sale, victim, seller)
        return
    await victim.control("pay", transaction=sale)
    await victim.until(sale, "aborted")
    await act.say("the buyer is refused; its coin is on its way to the escrow server all the same")
    payment = written((await _read_in_the_registers(mallory),))
    message = squat[1]
    taken = BuyerDeposit(message.contract, message.ciphertext_digest, INSTRUMENT, payment)
    await accomplice.party.send(escrow(act), taken, order, Received)
    await escrow_server.until(sale, "committed")
    await act.live.advance(DISPUTE_SECONDS)
    await seller.until(sale, "paid")
    act.harm(victim, 1, COINS, to=mallory, says="it has nothing for it")


async def _with_accomplice(
    act: Act, mallory: Mallory, accomplice: Mallory, sale: bytes
) -> tuple[bytes, SellerDeposit]:
    """6a for the buyer's sale, with a contract that names another buyer."""
    message = await deposit(mallory, sale, act.random.randbytes(SIZE))
    delivery = mallory.trade.books.delivery(sale)
    assert delivery is not None, "it was ordered"
    contract = msgspec.structs.replace(delivery.contract, buyer=accomplice.id)
    signed = sign_document(contract, accomplice.party.key, mallory.party.key)
    return escrow(act), msgspec.structs.replace(message, contract=signed)


async def _read_in_the_registers(mallory: Mallory) -> Transfer:
    """What the victim signs with the coin it once had from here, as soon as it stands there."""
    [spent] = [coin for coin in mallory.wallet.purse.all() if coin.state is CoinState.SPENT]
    assert spent.committed is not None, "it was paid to the victim"
    look_up = mallory.wallet.registers.look_up
    paid = await look_up(spent.committed.name, mallory.party.fresh_transaction())
    before = paid.certificate if paid else None
    assert before is not None, "the victim was paid"
    place = next_register(spent.coin, spent.committed)
    while True:
        reading = await look_up(place, mallory.party.fresh_transaction())
        if reading is not None and reading.certificate is not None:
            return Transfer(reading.certificate.record, before, spent.evidence)
        await asyncio.sleep(LOOK_SECONDS)
