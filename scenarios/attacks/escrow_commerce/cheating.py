"""What a cheat in a sale does by hand, where an honest peer's wallet or shop would not."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from crypto.documents import Signed, sign_document
from nodes.peer.escrow_commerce.books import OwnOffer
from nodes.protocols.dht_micropayment import holding as rule
from nodes.protocols.dht_micropayment.holding import CoinState, Holding
from nodes.protocols.dht_micropayment.transfer import terms_of
from nodes.protocols.envelope import Opened
from nodes.protocols.errors import Refused
from nodes.protocols.escrow_commerce import sale as steps
from nodes.protocols.escrow_commerce.messages import (
    BuyerDeposit,
    Contract,
    Offer,
    Rate,
    Rating,
    Register,
    SellerDeposit,
    Value,
)
from nodes.protocols.escrow_commerce.state import BuyerState, Delivery, Purchase
from nodes.protocols.message import Received
from nodes.wallet.sale_payment import INSTRUMENT, written
from scenarios.adversaries.outsider import Mallory
from scenarios.lab.acting import Act


def escrow(act: Act) -> bytes:
    return bytes.fromhex(act.live.escrow_server.id)


def bought(mallory: Mallory, sale: str) -> Purchase:
    """Its purchase as it stands."""
    found = mallory.trade.books.purchase(bytes.fromhex(sale))
    assert found is not None, "it has ordered"
    return found


# as a buyer


def free_coins(mallory: Mallory) -> list[Holding]:
    return [coin for coin in mallory.wallet.purse if coin.state is CoinState.HELD]


def sign_over(mallory: Mallory, coins: Sequence[Holding], sale: str, to: bytes) -> bytes:
    """A payment for this sale. Nothing is written down, so nothing keeps it from signing again."""
    party, order = mallory.party, bytes.fromhex(sale)
    terms = terms_of(order, [coin.chain for coin in coins])
    committed = [
        rule.commit(coin, "pay", to, terms, order, party.id, party.guards) for coin in coins
    ]
    return written(tuple(rule.sign_committed(coin, party.key) for coin in committed))


async def set_aside(mallory: Mallory, sale: str, count: int, to: bytes) -> bytes:
    """A payment of so many coins, as an honest wallet makes it, whatever the price is."""
    wallet, order = mallory.wallet, bytes.fromhex(sale)
    keys = [coin.key for coin in free_coins(mallory)[:count]]
    async with mallory.party.store.transaction() as tx:
        coins = wallet.commit(tx, keys, to, order, order)
    return written(wallet.sign(coins))


def altered(contract: Contract, mallory: Mallory, **changes: object) -> Signed[Contract]:
    """Other terms, with the cheat's signature alone."""
    return sign_document(msgspec.structs.replace(contract, **changes), mallory.party.key)


async def pay_in(
    mallory: Mallory,
    sale: str,
    payment: bytes,
    *,
    contract: Signed[Contract] | None = None,
    digest: bytes = b"",
) -> Opened[Received]:
    """Step 7 by hand, and with what it likes in it. Raises what the escrow server refuses with."""
    transaction, party = bytes.fromhex(sale), mallory.party
    purchase = bought(mallory, sale)
    message = BuyerDeposit(
        contract=contract or purchase.signed,
        ciphertext_digest=digest or purchase.ciphertext_digest or b"",
        instrument=INSTRUMENT,
        payment=payment,
    )
    await _becomes(mallory, sale, BuyerState.PAYING, instrument=INSTRUMENT)
    await _becomes(mallory, sale, BuyerState.PAID)
    try:
        return await party.send(purchase.contract.escrow_server, message, transaction, Received)
    except Refused:
        await _becomes(mallory, sale, BuyerState.ABORTED, instrument=None)
        raise


async def _becomes(mallory: Mallory, sale: str, state: BuyerState, **changes: object) -> None:
    def moved(purchase: Purchase) -> Purchase:
        return purchase.moved(state, **changes)

    await mallory.trade.books.change_purchase(bytes.fromhex(sale), moved)


async def rate(
    mallory: Mallory, purchase: Contract, sale: str, value: Value, **changes: object
) -> Opened[Received]:
    """Step 9 by hand: its own signature on whatever rating."""
    rating = Rating(
        buyer=mallory.id,
        escrow_server=purchase.escrow_server,
        sale=bytes.fromhex(sale),
        seller=purchase.seller,
        content_id=purchase.content_id,
        value=value,
    )
    signed = sign_document(msgspec.structs.replace(rating, **changes), mallory.party.key)
    to, transaction = purchase.escrow_server, bytes.fromhex(sale)
    return await mallory.party.send(to, Rate(signed), transaction, Received)


# as a seller


def spoil(mallory: Mallory, content_id: str, noise: bytes) -> None:
    """What it offers stays promised; what it has on its disk to encrypt is this from now on."""
    _on_offer(mallory, content_id).write_bytes(noise)


def lose(mallory: Mallory, content_id: str) -> None:
    """Its node finds nothing to encrypt and deposits nothing by itself."""
    _on_offer(mallory, content_id).unlink()


def _on_offer(mallory: Mallory, content_id: str) -> Path:
    return mallory.trade.files.offered(bytes.fromhex(content_id))


async def offer_by_hand(
    act: Act, mallory: Mallory, words: str, price: int, content_id: bytes | None, size: int | None
) -> Opened[Received]:
    """Step 1, with fields left out. Raises what the central server refuses with."""
    party = mallory.party
    offered = Offer(party.id, words, content_id, size, price, party.now() + 3_600_000)
    signed = sign_document(offered, party.key)
    transaction = party.fresh_transaction()
    async with party.store.transaction() as tx:
        own = OwnOffer(transaction, signed, "registered")
        mallory.trade.books.save_offer(tx, own)
    to = bytes.fromhex(act.live.central_server.id)
    return await party.send(to, Register(signed), transaction, Received)


async def deposit(mallory: Mallory, sale: bytes, content: bytes) -> SellerDeposit:
    """E_K of this is ready to be fetched; the step 6a that goes with it, for it to send or not."""
    files, books = mallory.trade.files, mallory.trade.books
    name = mallory.party.fresh(32)
    files.offered(name).write_bytes(content)
    key, digests = await files.encrypt(sale, name)
    made: list[SellerDeposit] = []

    def deposited(delivery: Delivery) -> Delivery:
        after, message = steps.deposit(delivery, digests, key)
        made.append(message)
        return after

    await books.change_delivery(sale, deposited)
    return made[0]
