"""Old papers between real nodes: certificates, words, orders, proofs of before (IT-04, IT-25)."""

from typing import Any

import pytest

from crypto import codec
from crypto.documents import Signed, sign_document
from nodes.protocols.envelope import Envelope
from nodes.protocols.item_trading.documents import Deal, PurchaseOrder
from nodes.protocols.item_trading.messages import (
    Announcement,
    BuyerFound,
    CertificateIssued,
    ChallengeCommitted,
    ChallengeOpened,
    ItemInformation,
    ItemListed,
    ProofAnswer,
    PurchaseRequest,
    RequestCertificate,
    SaleAccepted,
    SaleRequest,
)
from nodes.protocols.item_trading.payment import Outcome, outcome_said
from nodes.protocols.item_trading.reading import opened
from nodes.protocols.item_trading.refusals import (
    CertificateRevoked,
    NotTheLastCertificate,
    OrderNotSigned,
    ProofForAnotherMarket,
    SaleAuthorityExpired,
    SaleNotAuthorised,
    UnknownItem,
    WrongState,
)
from nodes.protocols.item_trading.state import Brokerage, Listing
from nodes.protocols.message import Received
from tests.roles.item_trading.conftest import Start
from tests.roles.item_trading.forging import HOUR, Forger
from tests.roles.item_trading.world import PRICE, World

pytestmark = pytest.mark.asyncio
BOTH = pytest.mark.parametrize("model", [1, 2])


async def sold(
    world: World, model: int, serial: str, seller: str, buyer: str, market: str = "market-1"
) -> dict[str, Any]:
    """The trade, when item and money have changed hands."""
    await world.listed(model, serial, owner=seller, market=market)
    asked = await world.ready(buyer, market)
    await world.control(buyer, "item_pay", **asked)
    await world.ended(buyer, asked, "registered")
    await world.ended(seller, asked, "paid")
    await world.ended(market, asked, "registered")
    return asked


async def held(world: World, owner: str) -> str:
    """The serial# of the one item it has."""
    rows = (await world.ledger(owner))["item_certificates"]
    (serial,) = [row["serial"] for row in rows if row["state"] == "held"]
    return str(serial)


async def there_and_back(world: World, model: int) -> tuple[str, dict[str, Any]]:
    """Alice sold her item to Bob and bought it again: its first serial#, and the first trade."""
    await world.rich()
    serial = await world.certified()
    first = await sold(world, model, serial, "alice", "bob")
    await sold(world, model, await held(world, "bob"), "bob", "alice")
    return serial, first


async def nothing_moved(world: World) -> None:
    """Alice still has the item, and nobody paid for anything since."""
    assert await world.owners() == [world.id("alice")]
    assert await world.in_world() == [world.id("alice")]
    await world.check_books()


def listed_first(world: World, serial: str) -> Listing:
    """What the market was told of this serial#, and still has."""
    store = world.nodes["market-1"].party.store
    kept = store.table("item_listings", Listing).values(store.committed)
    (listing,) = [it for it in kept if it.serial.hex() == serial]
    return listing


# IT-04: the old certificate


@BOTH
async def test_it_04_the_old_certificate_is_refused_at_the_game_server_and_every_market(
    start: Start, model: int
) -> None:
    """Whatever it is shown for, and although its old owner signs everything anew.

    A market of model 1 hears so before anybody pays, one of model 2 before the item is listed.
    """
    world = await start()
    forger, serial = Forger(world), await world.certified()
    await world.rich()
    await sold(world, model, serial, "alice", "bob")
    old = forger.certificate("alice", serial)
    for market in ("market-1", "market-2"):
        word = forger.authority(old, seller="alice", market=market)
        with pytest.raises(CertificateRevoked):
            await forger.reserve(old, word, market=market, buyer="carol")
        deal = forger.deal(old, market=market, buyer="carol", model=2)
        said = await forger.register(
            old, forger.signed(deal, market), seller="alice", buyer="carol", trade=deal.trade
        )
        assert (said.certificate, outcome_said(said.word)) == (None, Outcome.VOID)
        await sells_nothing(world, market, serial, model)
    with pytest.raises(NotTheLastCertificate):
        await forger.recover(old, "alice")
    again = RequestCertificate(bytes.fromhex(serial))
    with pytest.raises(UnknownItem):
        await forger.say("alice", "game", again, CertificateIssued)
    await world.check("bob", alice=PRICE)
    assert await world.in_world() == [world.id("bob")]


async def sells_nothing(world: World, market: str, serial: str, model: int) -> None:
    again = await world.control(
        "alice", "item_sell", market=market, serial=serial, price=PRICE, model=model
    )
    if model == 1:
        await world.ended("alice", again, "listed")
        order = await world.ordered("carol", market)
        assert (await world.ended("carol", order, "void"))["reason"] == "not-reserved"
    else:
        await world.ended("alice", again, "closed")
    await world.ended(market, again, "closed")
    assert await on_list(world, market) == []


async def on_list(world: World, market: str) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = (await world.control("carol", "item_list", market=market))[
        "items"
    ]
    return shown


# IT-25, IT-A21: the item came back, and somebody brings what was good before


async def test_it_25_model_1_old_words_and_orders_sell_nothing(start: Start) -> None:
    world = await start()
    serial, first = await there_and_back(world, 1)
    await old_sale_request(world, serial)
    await nothing_moved(world)
    await old_order(world, bytes.fromhex(first["transaction"]), 1)
    await nothing_moved(world)


async def test_it_25_model_2_old_orders_transfers_and_proofs_sell_nothing(start: Start) -> None:
    world = await start()
    await world.rich("carol")
    first_serial = await world.certified()
    await world.listed(2, first_serial)
    never = await world.ready("carol")
    await world.rich()
    await sold(world, 2, first_serial, "alice", "bob", "market-2")
    await sold(world, 2, await held(world, "bob"), "bob", "alice", "market-2")
    await transfer_that_was_never_registered(world, first_serial, never)
    await nothing_moved(world)
    serial = await held(world, "alice")
    first = await sold(world, 2, serial, "alice", "bob")
    await sold(world, 2, await held(world, "bob"), "bob", "alice")
    await transfer_that_was_registered(world, serial, bytes.fromhex(first["transaction"]))
    await old_proof(world, serial)
    await nothing_moved(world)
    await old_order(world, bytes.fromhex(first["transaction"]), 2)
    await nothing_moved(world)


async def old_sale_request(world: World, serial: str) -> None:
    """By its owner, by another, and by the market that has it."""
    forger, old = Forger(world), listed_first(world, serial)
    assert old.certificate is not None
    assert old.payee_key is not None
    assert old.authority is not None
    request = SaleRequest(old.certificate, old.price, old.payee_key, old.valid_until, old.authority)
    for sender, listing, refusal in (
        ("alice", None, SaleNotAuthorised),
        ("carol", None, SaleNotAuthorised),
        ("carol", old.listing, WrongState),
    ):
        with pytest.raises(refusal):
            await forger.say(sender, "market-1", request, SaleAccepted, listing)
    with pytest.raises(CertificateRevoked):
        await forger.reserve(old.certificate, old.authority)
    now = forger.certificate("alice", await held(world, "alice"))
    with pytest.raises(SaleNotAuthorised):
        await forger.reserve(now, old.authority)
    await forger.say("alice", "market-1", request, SaleAccepted, old.listing)  # the old answer
    assert await on_list(world, "market-1") == []


async def old_order(world: World, trade: bytes, model: int) -> None:
    """By its buyer, by another, and by the market that tells the seller of it."""
    forger = Forger(world)
    store = forger.party("market-1").store
    kept = store.table("item_brokerages", Brokerage).get(store.committed, trade)
    assert kept is not None
    assert kept.order is not None
    order = opened(PurchaseOrder, kept.order)
    listing = await world.listed(model, await held(world, "alice"))
    new = bytes.fromhex(listing["transaction"])
    for sender, said_in, listed, refusal in (
        ("bob", None, order.listing, OrderNotSigned),
        ("bob", None, new, OrderNotSigned),
        ("carol", trade, order.listing, WrongState),
        ("carol", None, new, OrderNotSigned),
    ):
        request = PurchaseRequest(listed, PRICE, kept.order)
        with pytest.raises(refusal):
            await forger.say(sender, "market-1", request, Received, said_in)
    again = PurchaseRequest(order.listing, PRICE, kept.order)
    await forger.say("bob", "market-1", again, Received, trade)  # the old answer
    assert len(await on_list(world, "market-1")) == 1
    if model == 2:
        await seller_ships_for_a_new_order_alone(forger, new, kept.order)


async def seller_ships_for_a_new_order_alone(
    forger: Forger, listing: bytes, old: Signed[PurchaseOrder]
) -> None:
    now = forger.certificate("alice", await held(forger.world, "alice"))
    deal, bob = forger.deal(now, buyer="bob", model=2), forger.party("bob")
    key, signed = bob.sealing_key.public_key, forger.signed(deal)
    with pytest.raises(OrderNotSigned):
        await forger.say("market-1", "alice", BuyerFound(signed, old, key), Received, deal.trade)
    order = PurchaseOrder(deal.buyer, deal.market, deal.trade, listing, deal.price)
    found = BuyerFound(signed, sign_document(order, bob.key), key)
    await forger.say("market-1", "alice", found, Received, deal.trade)


def shipped(world: World, trade: bytes) -> Signed[Deal]:
    """What Alice signed over in this trade; its key is out by now."""
    sales = world.players["alice"].books.sales
    sale = sales.get(world.nodes["alice"].party.store.committed, trade)
    assert sale is not None
    return sale.signed


async def transfer_that_was_never_registered(
    world: World, serial: str, never: dict[str, Any]
) -> None:
    """Carol did not pay then; meanwhile the item was Bob's, and is Alice's again."""
    forger, trade = Forger(world), bytes.fromhex(never["transaction"])
    old = forger.certificate("alice", serial)
    said = await forger.register(
        old, shipped(world, trade), seller="alice", buyer="carol", trade=trade
    )
    assert (said.certificate, outcome_said(said.word)) == (None, Outcome.VOID)
    await world.ended("alice", never, "void")


async def transfer_that_was_registered(world: World, serial: str, trade: bytes) -> None:
    """Bob gets the old answer: a certificate that is good for nothing more."""
    forger = Forger(world)
    old = forger.certificate("alice", serial)
    said = await forger.register(
        old, shipped(world, trade), seller="alice", buyer="bob", trade=trade
    )
    assert said.certificate is not None
    word = forger.authority(said.certificate, seller="bob")
    with pytest.raises(CertificateRevoked):
        await forger.reserve(said.certificate, word, buyer="carol")
    with pytest.raises(NotTheLastCertificate):
        await forger.recover(said.certificate, "bob")


async def proof_of(world: World, listing: str) -> ProofAnswer:
    """What the market keeps of 2.2d, to be shown to a judge: it may be shown to a market too."""
    (row,) = (await world.get("market-1", f"/inspect/transactions/{listing}"))["found"]
    (piece,) = [it["bytes"] for it in row["evidence"] if it["what"] == "item_trading 2.2d"]
    content, _ = codec.decode(bytes.fromhex(piece), tuple[bytes, bytes])
    return codec.decode(codec.decode(content, Envelope).body, ProofAnswer)


async def old_proof(world: World, serial: str) -> None:
    """The challenges are others, and the owner's signature is for another listing."""
    forger, old = Forger(world), listed_first(world, serial)
    assert old.announced is not None
    proof = await proof_of(world, old.listing.hex())
    for sender, shown in (("alice", await held(world, "alice")), ("carol", serial)):
        content = forger.certificate("alice", shown).content
        for market in ("market-1", "market-2"):
            new = forger.party(sender).fresh_transaction()
            asked = ItemInformation(content, old.price, forger.party(sender).now() + HOUR)
            await forger.say(sender, market, asked, ChallengeCommitted, new)
            await forger.say(sender, market, Announcement(old.announced), ChallengeOpened, new)
            with pytest.raises(ProofForAnotherMarket):
                await forger.say(sender, market, proof, ItemListed, new)
            assert await on_list(world, market) == []


@pytest.mark.parametrize("guarded", [True, False])
async def test_it_25_an_owners_word_that_has_run_out_reserves_nothing(
    start: Start, guarded: bool
) -> None:
    """What its owner wanted for an hour is not wanted next day, though the item is the same.

    As printed the word bears no date, and the market keeps the item for whom it likes.
    """
    world = await start(() if guarded else ("sale-is-in-time",))
    listing = await world.listed(1, valid_seconds=3600)
    (row,) = (await world.ledger("market-1"))["item_listings"]
    forger, old = Forger(world), listed_first(world, row["serial"])
    assert old.certificate is not None
    assert old.authority is not None
    await world.advance(2 * HOUR / 1000)
    await world.ended("market-1", listing, "closed")
    if guarded:
        with pytest.raises(SaleAuthorityExpired):
            await forger.reserve(old.certificate, old.authority)
    else:
        await forger.reserve(old.certificate, old.authority)
    (item,) = (await world.ledger("game"))["items"]
    assert bool(item["reserved_for"]) is not guarded
