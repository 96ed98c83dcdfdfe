"""What cannot be sold between real nodes: expired, unnamed, of a closed game (IT-28)."""

import pytest

from nodes.protocols.item_trading.documents import ItemCertificate
from nodes.protocols.item_trading.messages import (
    ChallengeCommitted,
    ItemInformation,
    SaleAccepted,
    SaleRequest,
)
from nodes.protocols.item_trading.payment import Outcome, outcome_said
from nodes.protocols.item_trading.refusals import (
    CertificateExpired,
    GameClosed,
    SaleNotAuthorised,
    UnknownMarket,
)
from nodes.runtime.refusals import WrongRole
from tests.roles.electronic_cash.owner import ControlRefused
from tests.roles.item_trading.conftest import Start
from tests.roles.item_trading.forging import HOUR, Forger
from tests.roles.item_trading.world import MONEY, PRICE, World

pytestmark = pytest.mark.asyncio
THIRTY_DAYS = 30 * 24 * 3600
MARKETS = ("market-1", "market-2")


async def request(forger: Forger, shown: ItemCertificate, market: str, named: str) -> None:
    """1.1, to one market with the owner's word to this or another."""
    listing = forger.party("alice").fresh_transaction()
    payee_key, until = forger.party("alice").fresh(32), forger.party("alice").now() + HOUR
    word = forger.authority(
        shown, seller="alice", market=named, payee_key=payee_key, valid_until=until, nonce=listing
    )
    message = SaleRequest(shown, PRICE, payee_key, until, word)
    await forger.say("alice", market, message, SaleAccepted, listing)


async def test_it_28_an_expired_certificate_is_refused_everywhere_and_replaced(
    start: Start,
) -> None:
    world = await start()
    forger, serial = Forger(world), await world.certified()
    old = forger.certificate("alice", serial)
    await world.listed(1, serial, market="market-2", valid_seconds=2 * THIRTY_DAYS)
    await world.advance(THIRTY_DAYS + 1)
    for market in MARKETS:
        with pytest.raises(ControlRefused, match="certificate-expired"):
            await world.control("alice", "item_sell", serial=serial, market=market, price=PRICE)
        with pytest.raises(CertificateExpired):
            await request(forger, old, market, market)
        asked = ItemInformation(old.content, PRICE, forger.party("alice").now() + HOUR)
        with pytest.raises(CertificateExpired):
            await forger.say("alice", market, asked, ChallengeCommitted)
        word = forger.authority(old, seller="alice", market=market)
        with pytest.raises(CertificateExpired):
            await forger.reserve(old, word, market=market)
        assert (await world.control("bob", "item_list", market=market))["items"] == []
    deal = forger.deal(old, buyer="bob", model=2)
    said = await forger.register(
        old, forger.signed(deal), seller="alice", buyer="bob", trade=deal.trade
    )
    assert (said.certificate, outcome_said(said.word)) == (None, Outcome.VOID)

    ask = {"game_server": "game", "item": serial}
    new = (await world.control("alice", "item_certificate", **ask))["serial"]
    assert new != serial
    await world.rich()
    await world.listed(1, new)
    bought = await world.ready()
    await world.control("bob", "item_pay", **bought)
    await world.ended("bob", bought, "registered")
    await world.ended("alice", bought, "paid")
    await world.ended("market-1", bought, "registered")
    await world.check("bob", alice=PRICE, bob=MONEY - PRICE)


async def test_it_28_only_a_certified_market_that_the_owner_named_sells_an_item(
    start: Start,
) -> None:
    """One that is none, one that the owner never named, and one named without its key."""
    world = await start()
    forger, serial = Forger(world), await world.certified()
    shown = forger.certificate("alice", serial)
    word = forger.authority(shown, seller="alice", market="market-1")
    for market, named in (("market-1", "market-2"), ("market-2", "market-1")):
        with pytest.raises(SaleNotAuthorised):
            await request(forger, shown, market, named)
    with pytest.raises(SaleNotAuthorised):
        await forger.reserve(shown, word, market="market-2")

    to_carol = forger.authority(shown, seller="alice", market="carol")
    with pytest.raises(WrongRole):
        await forger.reserve(shown, to_carol, market="carol")
    deal = forger.deal(shown, market="carol", buyer="bob", model=2)
    with pytest.raises(UnknownMarket):
        await forger.register(
            shown, forger.signed(deal, "carol"), seller="alice", buyer="bob", trade=deal.trade
        )
    owners = await world.owners()
    (row,) = (await world.ledger("game"))["items"]
    assert (owners, row["reserved_for"]) == ([world.id("alice")], "")
    assert (await world.control("bob", "item_list", market="market-2"))["items"] == []
    await request(forger, shown, "market-1", "market-1")
    await forger.reserve(shown, word)
    (row,) = (await world.ledger("game"))["items"]
    assert row["reserved_for"]


async def listed_and_ready(world: World, model: int) -> tuple[str, dict[str, str]]:
    serial = await world.certified()
    await world.listed(model, serial, market=f"market-{model}")
    return serial, await world.ready("bob", f"market-{model}")


async def test_it_28_a_closed_game_sells_nothing_and_the_money_comes_back(start: Start) -> None:
    """Footnote 3, in both models at once: what is paid before it is registered comes back."""
    world = await start()
    forger = Forger(world)
    await world.rich("bob", 2 * PRICE + 10)
    trades = {model: await listed_and_ready(world, model) for model in (1, 2)}
    unsold = await world.certified()
    await world.listed(1, unsold, market="market-2")
    await world.stop_node("market-1")
    await world.stop_node("market-2")
    for _, asked in trades.values():
        await world.control("bob", "item_pay", **asked)
        await world.ended("bob", asked, "paid")
    await world.control("game", "close_game")

    shown = forger.certificate("alice", unsold)
    deal = forger.deal(shown, buyer="carol", model=2)
    with pytest.raises(GameClosed):
        await forger.register(
            shown, forger.signed(deal), seller="alice", buyer="carol", trade=deal.trade
        )
    with pytest.raises(GameClosed):
        await forger.recover(shown, "alice")
    with pytest.raises(ControlRefused, match="game-closed"):
        await world.certified()

    for market in MARKETS:
        await world.restart(market)
    word = forger.authority(shown, seller="alice")
    with pytest.raises(GameClosed):
        await forger.reserve(shown, word)
    order = await world.ordered("carol", "market-2")
    assert (await world.ended("carol", order, "void"))["reason"] == "not-reserved"
    await world.ended("bob", trades[1][1], "refunded")  # it was reserved, so the word is said
    await world.advance(61)
    await world.ended("bob", trades[2][1], "refunded")
    await world.check_books()
    assert await world.coins("bob") == 2 * PRICE + 10
    assert await world.coins("alice") == 0
    assert await world.owners() == 3 * [world.id("alice")]
