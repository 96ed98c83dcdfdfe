"""3, 1.5, 2.6, C1, 9: what a market is told of trades."""

from nodes.protocols.electronic_cash.documents import Outcome
from nodes.protocols.item_trading import messages as words
from nodes.protocols.item_trading.documents import Complaint, Deal
from nodes.protocols.item_trading.payment import say
from nodes.protocols.item_trading.reading import changed, ciphertext_digest, opened
from nodes.protocols.message import Received
from tests.battery.items import Ready, code
from tests.battery.letters import ACCEPTED, Rules, Sample
from tests.battery.of_items_on_offer import elsewhere, listed, proven

Listed = tuple[bytes, Deal]
NOT_PAID = code("not-paid-in")
PAID: Rules = (
    ("paid.content.request", ACCEPTED),
    ("paid.content.condition.refund_key", ACCEPTED),
    ("paid.content.condition.until", ACCEPTED),
)
"""What is the coin server's own affair."""


async def purchase_request(ready: Ready) -> Sample:
    listing, trade = await listed(ready), ready.fresh()
    soon = await listed(ready, valid_until=ready.now() + 600_000)
    taken, known = await _open(ready, 1)
    buyer, not_signed = ready.buyer, "order-not-signed"
    cheap, late, again = ready.fresh(), ready.fresh(), ready.fresh()
    message = ready.order(listing, trade)
    made = {
        "of another's": (message, ready.seller, trade, not_signed),
        "in another trade": (message, buyer, ready.fresh(), not_signed),
        "not signed": (changed(message, order=None), buyer, trade, not_signed),
        "at another price": (ready.order(listing, cheap, price=1), buyer, cheap, "price-differs"),
        "of what is taken": (ready.order(taken, again), buyer, again, "item-taken"),
        "of what ends soon": (ready.order(soon, late), buyer, late, "too-late"),
        "in a trade there is": (
            ready.order(listing, known.trade),
            buyer,
            known.trade,
            "wrong-state",
        ),
    }
    return ready.sample(
        message,
        buyer,
        ready.market,
        transaction=trade,
        altered=(("listing", code("unknown-listing")), ("*", code(not_signed))),
        signed_anew=(("*", code(not_signed)),),
        elsewhere=elsewhere(ready, made),
    )


async def _open(ready: Ready, model: int) -> Listed:
    """The buyer has heard of the deal: its listing, and the deal."""
    listing = await (listed(ready) if model == 1 else proven(ready))
    trade = ready.fresh()
    order = ready.order(listing, trade)
    await ready.told(order, ready.buyer, ready.market, Received, transaction=trade)
    if model == 1:
        heard = await ready.buyer.has_heard(words.ReadyToSell, trade)
        assert isinstance(heard, words.ReadyToSell)
        return listing, opened(Deal, heard.deal)
    found = await ready.seller.has_heard(words.BuyerFound, trade)
    assert isinstance(found, words.BuyerFound)
    return listing, opened(Deal, found.deal)


async def settlement(ready: Ready) -> Sample:
    _, deal = await _open(ready, 1)
    _, done = await _open(ready, 1)
    _, direct = await _open(ready, 2)

    def settled(it: Deal) -> words.Settlement:
        return words.Settlement(ready.paid(it, ready.payee_key), bytes(16))

    paid, message, buyer = settled(done), settled(deal), ready.buyer
    await ready.told(paid, buyer, ready.market, Received, transaction=done.trade)
    made = {
        "by the seller": (message, ready.seller, deal.trade, "not-yours"),
        "of no trade": (message, buyer, ready.fresh(), "unknown-trade"),
        "of another trade": (paid, buyer, deal.trade, "not-paid-in"),
        "of one that is paid": (settled(done), buyer, done.trade, "trade-is-over"),
        "of one that the seller ships": (settled(direct), buyer, direct.trade, "wrong-state"),
    }
    return ready.sample(
        message,
        buyer,
        ready.market,
        transaction=deal.trade,
        altered=(("session_key", ACCEPTED), ("*", NOT_PAID)),
        signed_anew=(*PAID, ("*", NOT_PAID)),
        elsewhere=elsewhere(ready, made),
    )


async def money_paid(ready: Ready) -> Sample:
    _, deal = await _open(ready, 2)
    _, handed_over = await _open(ready, 1)

    def paid(it: Deal) -> words.MoneyPaid:
        return words.MoneyPaid(ready.paid(it, ready.payee_key), bytes(32))

    message, buyer = paid(deal), ready.buyer
    unnamed, in_model_1 = changed(message, ciphertext=None), paid(handed_over)
    made = {
        "by the seller": (message, ready.seller, deal.trade, "not-yours"),
        "of no trade": (message, buyer, ready.fresh(), "unknown-trade"),
        "for nothing": (unnamed, buyer, deal.trade, "ciphertext-not-acknowledged"),
        "of one that the market ships": (in_model_1, buyer, handed_over.trade, "wrong-state"),
    }
    return ready.sample(
        message,
        buyer,
        ready.market,
        transaction=deal.trade,
        altered=(("ciphertext", ACCEPTED), ("*", NOT_PAID)),
        signed_anew=(
            *PAID,
            ("paid.content.condition.payee_key", ACCEPTED),
            ("*", NOT_PAID),
        ),
        elsewhere=elsewhere(ready, made),
    )


async def complain(ready: Ready) -> Sample:
    _, deal = await _open(ready, 2)
    _, unpaid = await _open(ready, 2)
    sent, lies = ready.shipped_for(deal), ready.shipped_for(unpaid)
    paid = words.MoneyPaid(ready.paid(deal, ready.payee_key), ciphertext_digest(sent.ciphertext))
    buyer, trade = ready.buyer, deal.trade
    await ready.told(paid, buyer, ready.market, Received, transaction=trade)

    def complained(of: words.EncryptedCertificate) -> words.Complain:
        return words.Complain(Complaint.NO_KEY, of.deal, of.shipment, of.ciphertext)

    message, not_signed = complained(sent), "ciphertext-not-signed"
    other = complained(ready.shipped_for(deal, key=b"o" * 16))
    made = {
        "by the seller": (message, ready.seller, trade, "not-yours"),
        "of no trade": (message, buyer, ready.fresh(), "unknown-trade"),
        "of another deal": (complained(lies), buyer, trade, "deal-differs"),
        "before it is paid": (complained(lies), buyer, unpaid.trade, "wrong-state"),
        "of what was not paid for": (other, buyer, trade, "ciphertext-not-acknowledged"),
    }
    return ready.sample(
        message,
        buyer,
        ready.market,
        transaction=trade,
        altered=(
            ("complaint", ACCEPTED),
            ("deal.signatures*", ACCEPTED),
            ("deal.*", code("deal-differs")),
            ("shipment.content", frozenset({code("wrong-document"), code(not_signed)})),
            ("*", code(not_signed)),
        ),
        signed_anew=(
            ("deal.*", code("deal-differs")),
            ("shipment.content.payee_key", ACCEPTED),
            ("*", code(not_signed)),
        ),
        elsewhere=elsewhere(ready, made),
    )


async def moved(ready: Ready) -> Sample:
    _, deal = await _open(ready, 2)
    _, other = await _open(ready, 2)
    judge, not_its = ready.games_voice.party.key, "notice-not-the-game-servers"
    message = words.Moved(say(judge, deal, Outcome.REGISTERED))
    forged = words.Moved(say(ready.seller.party.key, deal, Outcome.REGISTERED))
    made = {
        "of no trade": (message, ready.buyer, ready.fresh(), "unknown-trade"),
        "of another trade": (message, ready.buyer, other.trade, not_its),
        "in the seller's own word": (forged, ready.seller, deal.trade, not_its),
    }
    return ready.sample(
        message,
        ready.buyer,
        ready.market,
        transaction=deal.trade,
        altered=(("*", code(not_its)),),
        signed_anew=(("*.outcome", ACCEPTED), ("*", code(not_its))),
        elsewhere=elsewhere(ready, made),
    )
