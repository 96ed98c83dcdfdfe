"""2.4, 2.7, C2, 10: what a seller is told."""

from crypto import codec
from crypto.documents import Signed
from nodes.protocols.electronic_cash.documents import Outcome
from nodes.protocols.item_trading import messages as words
from nodes.protocols.item_trading.documents import (
    Complaint,
    Deal,
    ItemCertificate,
    Shipment,
)
from nodes.protocols.item_trading.payment import say
from nodes.protocols.item_trading.reading import (
    changed,
    ciphertext_digest,
    opened,
)
from nodes.protocols.message import Received
from tests.battery.items import PRICE, SWORD, Ready, code
from tests.battery.letters import ACCEPTED, Sample
from tests.battery.of_items_at_buyer import ANY, DIFFERS, WRONG, Made, elsewhere


async def _offered(ready: Ready) -> tuple[bytes, words.BuyerFound]:
    """A peer has proven an item of its own: the listing, and what the market could say of it."""
    node = ready.at_seller
    found = await ready.game.control("item_found", owner=node.name, item=SWORD)
    own = await node.control("item_certificate", game_server=ready.game.name, item=found["item"])
    asked = await node.control(
        "item_sell", serial=own["serial"], market=ready.market.name, price=PRICE, model=2
    )
    await node.until(asked["transaction"], "listed")
    rows = (await node.get("/inspect/ledger"))["item_certificates"]
    (row,) = (row for row in rows if row["serial"] == own["serial"])
    shown = codec.decode(bytes.fromhex(row["certificate"]), ItemCertificate)
    deal = ready.deal(shown, model=2, market=ready.id(ready.market))
    listing = bytes.fromhex(asked["transaction"])
    order = ready.order(listing, deal.trade).order
    signed = ready.signed(deal, ready.markets_voice)
    key = ready.buyer.party.sealing_key.public_key
    return listing, words.BuyerFound(signed, order, key)


async def buyer_found(ready: Ready) -> Sample:
    _, message = await _offered(ready)
    deal, market, not_signed = opened(Deal, message.deal), ready.markets_voice, "order-not-signed"
    late = ready.signed(changed(deal, until=ready.now() - 1), market)
    made: Made = {
        "by another market": (message, ready.dealer, deal.trade, "not-yours"),
        "in another trade": (message, market, ready.fresh(), "deal-differs"),
        "without an order": (changed(message, order=None), market, deal.trade, not_signed),
        "too late": (changed(message, deal=late), market, deal.trade, "too-late"),
    }
    unknown = code("unknown-listing")
    return ready.sample(
        message,
        market,
        ready.at_seller,
        transaction=deal.trade,
        altered=(
            ("deal.content.market", unknown),
            ("deal.content.serial", unknown),
            ("deal.*", WRONG),
            ("order.*", code(not_signed)),
            ("buyer_key", code("buyer-key-not-certified")),
        ),
        signed_anew=(
            ("deal.content.market", unknown),
            ("deal.content.serial", unknown),
            ("deal.content.buyer", code(not_signed)),
            ("deal.content.item", ACCEPTED),
            ("deal.content.until", ACCEPTED),
            ("deal.*", DIFFERS),
            ("order.*", code(not_signed)),
        ),
        elsewhere=elsewhere(ready, ready.at_seller, made),
    )


async def _shipped(ready: Ready) -> tuple[bytes, Deal, words.PaidNotice, Signed[Deal]]:
    """The seller has sent its item encrypted: how it would hear that the price waits."""
    listing, found = await _offered(ready)
    deal = opened(Deal, found.deal)
    to, trade = ready.at_seller, deal.trade
    await ready.told(found, ready.markets_voice, to, Received, transaction=trade)
    sent = await ready.buyer.has_heard(words.EncryptedCertificate, trade)
    assert isinstance(sent, words.EncryptedCertificate)
    payee_key = codec.decode(sent.shipment.content, Shipment).payee_key
    named = ciphertext_digest(sent.ciphertext)
    return listing, deal, words.PaidNotice(ready.paid(deal, payee_key), named), found.deal


async def paid_notice(ready: Ready) -> Sample:
    _, deal, message, _ = await _shipped(ready)
    market, trade, not_proven = ready.markets_voice, deal.trade, "not-proven-paid"
    elses = changed(message, paid=ready.paid(deal, ready.payee_key))
    unnamed = changed(message, ciphertext=None)
    made: Made = {
        "of no trade": (message, market, ready.fresh(), "unknown-trade"),
        "without a receipt": (changed(message, paid=None), market, trade, not_proven),
        "for somebody else": (elses, market, trade, not_proven),
        "for nothing": (unnamed, market, trade, "ciphertext-not-acknowledged"),
    }
    return ready.sample(
        message,
        market,
        ready.at_seller,
        transaction=trade,
        altered=(("paid*", code(not_proven)), ("*", code("ciphertext-not-acknowledged"))),
        signed_anew=(
            ("paid.content.request", ACCEPTED),
            ("paid.content.condition.refund_key", ACCEPTED),
            ("paid.content.condition.until", ACCEPTED),
            ("*", code(not_proven)),
        ),
        elsewhere=elsewhere(ready, ready.at_seller, made),
    )


async def key_demand(ready: Ready) -> Sample:
    _, deal, paid, _ = await _shipped(ready)
    _, unpaid, _, _ = await _shipped(ready)
    market, trade = ready.markets_voice, deal.trade
    await ready.told(paid, market, ready.at_seller, Received, transaction=trade)
    message = words.KeyDemand(Complaint.NO_KEY)
    made: Made = {
        "by another market": (message, ready.dealer, trade, "not-yours"),
        "of no trade": (message, market, ready.fresh(), "unknown-trade"),
        "before it is paid": (message, market, unpaid.trade, "wrong-state"),
    }
    return ready.sample(
        message,
        market,
        ready.at_seller,
        transaction=trade,
        altered=ANY,
        stored=False,
        elsewhere=elsewhere(ready, ready.at_seller, made),
    )


async def proceeds(ready: Ready) -> Sample:
    listing, deal, _, signed = await _shipped(ready)
    judge, market = ready.games_voice.party.key, ready.markets_voice
    message = words.Proceeds(listing, signed, None, say(judge, deal, Outcome.REGISTERED))
    void = changed(message, word=say(judge, deal, Outcome.VOID))
    made: Made = {
        "by another market": (message, ready.dealer, deal.trade, "not-yours"),
        "in another trade": (message, market, ready.fresh(), "deal-differs"),
        "of what is void": (void, market, deal.trade, "wrong-word"),
    }
    return ready.sample(
        message,
        market,
        ready.at_seller,
        transaction=deal.trade,
        altered=(
            ("listing", code("unknown-listing")),
            ("deal.*", WRONG),
            ("word.*", code("wrong-word")),
        ),
        signed_anew=(
            ("deal.content.market", WRONG),
            ("deal.content.seller", DIFFERS),
            ("deal.content.trade", DIFFERS),
            ("deal.content.price", DIFFERS),
            ("*", code("wrong-word")),
        ),
        elsewhere=elsewhere(ready, ready.at_seller, made),
    )
