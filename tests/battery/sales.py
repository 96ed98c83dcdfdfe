"""Sales that stand where a test wants them, reached by the same messages honest parties send."""

import asyncio
import hashlib
from typing import Any

from crypto import codec
from crypto.documents import Signed, sign_document
from nodes.protocols.escrow_commerce import messages as words
from nodes.protocols.escrow_commerce import sale_id
from nodes.protocols.escrow_commerce.contract import order
from nodes.protocols.escrow_commerce.messages import (
    AbortNotice,
    AbortReason,
    BuyerDeposit,
    Complaint,
    Contract,
    Finding,
    KeyRelease,
    Offer,
    OpenDispute,
    PaymentRelease,
    Rate,
    Rating,
    Refund,
    SellerDeposit,
    Upload,
    Verdict,
)
from nodes.protocols.guard import ALL_ON
from nodes.protocols.message import Message
from nodes.runtime.streams import headers_for
from nodes.wallet.sale_payment import INSTRUMENT, written
from scenarios.lab.node_client import Node
from tests.battery.letters import Letter, Sample
from tests.battery.players import Player
from tests.battery.stage import GARBAGE, Stage

DIGEST = hashlib.sha256(GARBAGE).digest()
NOTHING = written(())
"""The payment of a price of nothing."""
MINUTES = 60_000


async def say(stage: Stage, sender: Player, to: Node, message: Message, sale: bytes) -> None:
    """Say something that is taken in."""
    letter = Letter(Sample(message, sender, to, sale))
    told = await stage.post(to, letter.sample.declaration, letter.wire(), sale)
    assert told.code == "accepted", told


# Between two players, at the world's own escrow server


def contract(stage: Stage, sale: bytes, signatures: int = 2, **changes: Any) -> Signed[Contract]:
    """What the two players agree on; the seller is a player too."""
    buyer, seller = stage.buyer.party, stage.seller.party
    fields = {
        "buyer": buyer.id,
        "seller": seller.id,
        "escrow_server": bytes.fromhex(stage.world.escrow_server.id),
        "description": "a painted harbour",
        "deadline": buyer.now() + 15 * MINUTES,
        "sale": sale,
        "offer": bytes(32),
        "content_id": bytes(32),
        "size": 28,
        "price": 0,
    }
    keys = [buyer.key, seller.key][:signatures]
    return sign_document(Contract(**{**fields, **changes}), *keys)


def seller_deposit(stage: Stage, sale: bytes, **changes: Any) -> SellerDeposit:
    key = stage.seller.party.fresh(16)
    signed = contract(stage, sale, **changes)
    return SellerDeposit(signed, DIGEST, len(GARBAGE), key)


def buyer_deposit(
    stage: Stage, signed: Signed[Contract], digest: bytes = DIGEST, payment: bytes = NOTHING
) -> BuyerDeposit:
    return BuyerDeposit(signed, digest, INSTRUMENT, payment)


def rating(stage: Stage, sale: bytes, **changes: Any) -> Rate:
    buyer = stage.buyer.party
    fields = {
        "buyer": buyer.id,
        "escrow_server": bytes.fromhex(stage.world.escrow_server.id),
        "sale": sale,
        "seller": stage.seller.party.id,
        "content_id": bytes(32),
        "value": 1,
    }
    return Rate(sign_document(Rating(**{**fields, **changes}), buyer.key))


STATES = (
    "seller-in",
    "buyer-in",
    "committed",
    "disputed",
    "refunded",
    "aborted",
    "closed",
)
"""Where a sale stays without the test's doing: the others are passed through at once."""


def new_sale(stage: Stage) -> bytes:
    party = stage.buyer.party
    return sale_id.draw(party.id, party.fresh(sale_id.FRESH_BYTES))


async def sale_in(stage: Stage, state: str) -> tuple[bytes, Signed[Contract]]:
    """A new sale between the players that stands there, and its contract."""
    escrow_server, sale = stage.world.escrow_server, new_sale(stage)
    deposit = seller_deposit(stage, sale)
    paid = buyer_deposit(stage, deposit.contract, DIGEST if state != "aborted" else bytes(32))
    if state != "buyer-in":
        await say(stage, stage.seller, escrow_server, deposit, sale)
    if state != "seller-in":
        await say(stage, stage.buyer, escrow_server, paid, sale)
    if state in ("committed", "disputed", "refunded", "closed"):
        await escrow_server.until(sale.hex(), "committed")
    if state in ("disputed", "refunded"):
        complaint = OpenDispute(Complaint.CANNOT_DECRYPT)
        await say(stage, stage.buyer, escrow_server, complaint, sale)
    if state == "refunded":
        await upload(stage, sale)
    if state == "closed":
        await say(stage, stage.buyer, escrow_server, rating(stage, sale), sale)
    await escrow_server.until(sale.hex(), state)
    return sale, deposit.contract


async def upload(stage: Stage, sale: bytes) -> None:
    """D1u: the ciphertext both gave the digest of."""
    escrow_server, party = stage.world.escrow_server, stage.buyer.party
    asked = party.wrap(Upload(), bytes.fromhex(escrow_server.id), sale)
    url = f"{escrow_server.url}/content/{sale.hex()}"
    told = await stage.request("PUT", url, data=GARBAGE, headers=headers_for(asked))
    assert told.code == "accepted", told


# An honest seller, and whoever buys from it


async def offered(stage: Stage, seller: Node) -> tuple[Signed[Offer], bytes]:
    """Content the seller offers for nothing: its signed offer, and the bytes."""
    content = stage.buyer.party.fresh(500)
    path = stage.folder.path / content[:8].hex()
    path.write_bytes(content)
    own = await seller.upload(path)
    description = f"a painted harbour {content[:4].hex()}"
    await seller.control("offer", content_id=own["content_id"], description=description, price=0)
    told = await seller.control("search", content_id=own["content_id"])
    (listing,) = told["listings"]
    return _offer(listing["offer"]), content


def _offer(text: str) -> Signed[Offer]:
    return codec.decode(bytes.fromhex(text), Signed[Offer])


def request(
    stage: Stage, offer: Signed[Offer], sale: bytes, escrow_server: bytes = b""
) -> words.Request:
    """What the player asks for as a buyer."""
    party = stage.buyer.party
    _, message = order(
        offer,
        buyer=party.key,
        escrow_server=escrow_server or stage.escrow.party.id,
        sale=sale,
        deadline=party.now() + 15 * MINUTES,
        now=party.now(),
        guards=ALL_ON,
    )
    return message


# An honest seller and an honest buyer, at the player's escrow server

BUYER_STATES = ("ciphertext-held", "paid", "opened", "garbage", "aborted", "refunded", "accepted")
SELLER_STATES = ("deposited", "paid", "aborted", "refunded")
VERDICT = Verdict(True, Finding.CANNOT_DECRYPT)


class Trade:
    """Sales between two honest peers whose escrow server is a player."""

    def __init__(self, stage: Stage, offer: Signed[Offer]) -> None:
        self.stage, self.offer = stage, offer
        self.seller, self.buyer = stage.world.peers[0], stage.world.peers[1]

    async def until_paid(self, *, pays: bool = True) -> bytes:
        """A sale that both have done their part of; the escrow server has said nothing yet."""
        asked = await self.buyer.control("order", offer=codec.encode(self.offer).hex())
        sale = bytes.fromhex(asked["transaction"])
        await self.buyer.until(sale.hex(), "ciphertext-held")
        await self.stage.escrow.has_heard(SellerDeposit, sale)
        if pays:
            await self.buyer.control("pay", transaction=sale.hex())
            await self.stage.escrow.has_heard(BuyerDeposit, sale)
            await self.buyer.until(sale.hex(), "paid")
        await self.seller.until(sale.hex(), "deposited")
        return sale

    async def key_of(self, sale: bytes) -> KeyRelease:
        deposit = await self.stage.escrow.has_heard(SellerDeposit, sale)
        assert isinstance(deposit, SellerDeposit)
        until = self.stage.escrow.party.now() + 15 * MINUTES
        return KeyRelease(deposit.key, until)

    async def tell(self, to: Node, message: Message, sale: bytes) -> None:
        await say(self.stage, self.stage.escrow, to, message, sale)

    async def bought(self, state: str) -> bytes:
        """A sale that stands there for its buyer."""
        sale = await self.until_paid(pays=state != "ciphertext-held")
        if state in ("opened", "accepted"):
            await self.tell(self.buyer, await self.key_of(sale), sale)
            await self.buyer.until(sale.hex(), "opened")
        if state == "garbage":
            await self.tell(self.buyer, KeyRelease(bytes(16), 2**52), sale)
        if state == "accepted":
            await self.buyer.control("accept", transaction=sale.hex())
        if state == "aborted":
            await self.tell(self.buyer, AbortNotice(AbortReason.DIGESTS_DIFFER), sale)
        if state == "refunded":
            await self.tell(self.buyer, Refund(INSTRUMENT, 0, NOTHING), sale)
        await self.buyer.until(sale.hex(), state)
        return sale

    async def sold(self, state: str) -> bytes:
        """A sale that stands there for its seller."""
        sale = await self.until_paid(pays=False)
        if state == "paid":
            await self.tell(self.seller, PaymentRelease(INSTRUMENT, 0, NOTHING), sale)
        if state == "aborted":
            await self.tell(self.seller, AbortNotice(AbortReason.DIGESTS_DIFFER), sale)
        if state == "refunded":
            await self.tell(self.seller, VERDICT, sale)
        await self.seller.until(sale.hex(), state)
        return sale

    async def all_bought(self) -> dict[str, bytes]:
        sales = await asyncio.gather(*(self.bought(state) for state in BUYER_STATES))
        return dict(zip(BUYER_STATES, sales, strict=True))

    async def all_sold(self) -> dict[str, bytes]:
        sales = await asyncio.gather(*(self.sold(state) for state in SELLER_STATES))
        return dict(zip(SELLER_STATES, sales, strict=True))
