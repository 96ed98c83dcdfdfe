"""IT-A1: a sale request proves nothing of its sender, and a certificate can be copied."""

from crypto.documents import sign_document
from nodes.protocols.item_trading.documents import ItemCertificate, SaleAuthority
from nodes.protocols.item_trading.documents import certificate_digest as digest_of
from nodes.protocols.item_trading.messages import SaleAccepted, SaleRequest
from nodes.protocols.item_trading.players import Offering, OfferingState
from scenarios.adversaries.outsider import Mallory
from scenarios.attacks.item_trading.trading import (
    PRICE,
    certified,
    content_of,
    copy_of,
    sold,
)
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.items import funded
from scenarios.lab.worth import ITEMS

HOUR_MILLISECONDS = 3_600_000


@attack(
    "IT-A1",
    title="A thief lists a copy",
    protocols=("item_trading", "electronic_cash"),
    guards=("sale-is-authorised",),
    word="STOLEN",
)
async def copied_certificate(act: Act) -> None:
    """Whoever has a copy of a certificate has the market sell the item for its own purse."""
    mallory = await act.mallory(symbol="X")
    owner, buyer = act.cast("C_1", "C_2")
    market = act.live.markets[0]
    serial = await certified(act, owner)
    await funded(buyer, PRICE)
    copy = await copy_of(owner, serial)
    await act.begin()

    to = bytes.fromhex(market.id)
    listing, request = await _request(mallory, to, copy)
    if await act.attempt(market, mallory.party.send(to, request, listing, SaleAccepted)) is None:
        return
    await sold(buyer, act.node(mallory), market, listing.hex())
    act.harm(owner, 1, ITEMS, to=buyer, says=f"{mallory.name} has the {PRICE} paid for it")


async def _request(
    mallory: Mallory, market: bytes, copy: ItemCertificate
) -> tuple[bytes, SaleRequest]:
    """Step 1.1 with the thief's own word in the place of the owner's."""
    party, trade = mallory.party, mallory.items
    listing, until = party.fresh_transaction(), party.now() + HOUR_MILLISECONDS
    made, key = content_of(copy), await trade.money.payee_key(listing)
    authority = SaleAuthority(
        seller=party.id,
        market=market,
        game_server=made.server,
        serial=made.serial,
        certificate=digest_of(copy.content),
        price=PRICE,
        payee_key=key,
        valid_until=until,
        nonce=listing,
    )
    offering = Offering(listing, OfferingState.LISTED, 1, market, copy, PRICE, key, until)
    async with party.store.transaction() as tx:
        trade.books.offerings.put(tx, listing, offering)
    return listing, SaleRequest(copy, PRICE, key, until, sign_document(authority, party.key))
