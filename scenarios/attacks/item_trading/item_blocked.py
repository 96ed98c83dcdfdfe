"""IT-A1, from the other end: with a copy of a certificate any market has the item kept."""

from crypto.documents import Signed, sign_document
from nodes.protocols.item_trading.documents import (
    Deal,
    ItemCertificate,
    SaleAuthority,
    VoidReason,
    certificate_digest,
)
from nodes.protocols.item_trading.messages import Reserve, Reserved
from scenarios.adversaries.outsider import Mallory, Voice
from scenarios.attacks.item_trading.trading import (
    PRICE,
    certified,
    content_of,
    copy_of,
    listed,
    time_is_over,
)
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.items import bought

MINUTE_MILLISECONDS = 60_000


@attack(
    "IT-A1",
    title="A copy blocks the item",
    protocols=("item_trading", "electronic_cash"),
    guards=("sale-is-authorised",),
    word="BLOCKED",
)
async def item_blocked(act: Act) -> None:
    """A market that was never asked to sell an item has it kept for a trade of its own making.

    Whoever orders at the owner's market is told that the item cannot be had.
    """
    mallory = await act.mallory(symbol="X")
    owner, buyer = act.cast("C_1", "C_2")
    market, other = act.live.markets[:2]
    game, crooked = act.live.game_servers[0], act.voice(other)
    serial = await certified(act, owner)
    listing = await listed(owner, market, serial, 1)
    copy = await copy_of(owner, serial)
    await act.begin()

    signed, authority, name = _made_up(crooked, mallory, copy)
    to, asked = bytes.fromhex(game.id), Reserve(copy, signed, authority)
    kept = await act.attempt(game, crooked.party.send(to, asked, name, Reserved))
    trade = await bought(buyer, market, listing)
    row = await buyer.until(trade, "ready", "void")
    if kept is not None and row["reason"] == VoidReason.NOT_RESERVED:
        says = f"{buyer.name} ordered at {market.name}: {row['reason']}"
        act.harm(owner, 1, "sale", says=says)
    await time_is_over(act)


def _made_up(
    crooked: Voice, accomplice: Mallory, copy: ItemCertificate
) -> tuple[Signed[Deal], Signed[SaleAuthority], bytes]:
    """A deal between two who are one, and its word that the item may be sold."""
    made, party = content_of(copy), accomplice.party
    named, trade = certificate_digest(copy.content), party.fresh_transaction()
    until = party.now() + MINUTE_MILLISECONDS
    deal = Deal(
        model=1,
        trade=trade,
        game_server=made.server,
        market=crooked.party.id,
        seller=party.id,
        buyer=party.id,
        serial=made.serial,
        certificate=named,
        item=made.item,
        price=PRICE,
        until=until,
    )
    authority = SaleAuthority(
        seller=party.id,
        market=crooked.party.id,
        game_server=made.server,
        serial=made.serial,
        certificate=named,
        price=PRICE,
        payee_key=party.id,
        valid_until=until,
        nonce=trade,
    )
    signed = sign_document(deal, crooked.party.key)
    return signed, sign_document(authority, party.key), trade
