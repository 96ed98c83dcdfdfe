"""The list and step 3, both models; then, in model 1, 1.4: the item is reserved for the order."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from crypto.documents import sign_document
from crypto.signing import SigningKey
from nodes.protocols.guard import ALL_ON, Guards
from nodes.protocols.item_trading.documents import (
    Deal,
    ListedItem,
    PurchaseOrder,
    Reservation,
    VoidReason,
    certificate_digest,
)
from nodes.protocols.item_trading.guards import order_is_signed
from nodes.protocols.item_trading.messages import (
    MAX_LISTINGS,
    BuyerFound,
    ListQuery,
    MarketList,
    PurchaseRequest,
    ReadyToSell,
    Reserve,
    Reserved,
    VoidNotice,
)
from nodes.protocols.item_trading.moves import To
from nodes.protocols.item_trading.payment import reference_of
from nodes.protocols.item_trading.players import BuyerState, Purchase
from nodes.protocols.item_trading.reading import checked, require_model, require_sender
from nodes.protocols.item_trading.refusals import (
    CertificateExpired,
    CertificateForged,
    CertificateRevoked,
    DealDiffers,
    ItemTaken,
    NotReserved,
    PriceDiffers,
    SaleAuthorityExpired,
    SaleNotAuthorised,
    TooEarly,
    TooLate,
    TradeTooLong,
    WrongDocument,
    WrongState,
)
from nodes.protocols.item_trading.state import (
    Brokerage,
    BrokerageState,
    Listing,
    ListingState,
)
from nodes.protocols.message import Milliseconds, PartyId, TransactionId

GONE = frozenset(
    error.code
    for error in (
        CertificateRevoked,
        CertificateExpired,
        CertificateForged,
        SaleAuthorityExpired,
        SaleNotAuthorised,
    )
)
"""Refusals of a reservation that no later one would get round."""
LONGEST_TRADE_MILLISECONDS = 24 * 3_600_000
"""Neither buyer nor seller enters a longer one: what it binds only its end sets free."""


@dataclass(frozen=True)
class Market:
    """The market as it serves one message."""

    key: SigningKey
    name: str
    now: Milliseconds
    trade_milliseconds: int
    """How long a trade may take before anyone of it may have it voided."""
    guards: Guards = field(default=ALL_ON)

    @property
    def id(self) -> PartyId:
        return self.key.public_key


@dataclass(frozen=True)
class Step:
    """What the market does next: save both records, then send."""

    brokerage: Brokerage
    listing: Listing | None = None
    messages: tuple[To, ...] = ()


# The list


def is_for_sale(listing: Listing, now: Milliseconds) -> bool:
    return listing.state is ListingState.LISTED and now <= listing.valid_until


def expire_listing(listing: Listing, now: Milliseconds) -> Listing:
    """Its time is over: unsold, or never proven. Raises TooEarly, WrongState."""
    if now <= listing.valid_until:
        raise TooEarly()
    if listing.state is ListingState.TAKEN:
        raise WrongState("its trade ends first")
    return listing.moved(ListingState.CLOSED)


def answer_query(query: ListQuery, listings: Iterable[Listing], now: Milliseconds) -> MarketList:
    """L1r. The cheapest, where there are too many for one answer."""
    words = query.words.casefold().split()
    found = [
        listing
        for listing in listings
        if is_for_sale(listing, now) and all(word in listing.item.casefold() for word in words)
    ]
    cheapest_first = sorted(found, key=lambda listing: (listing.price, listing.listing))
    return MarketList(
        tuple(
            ListedItem(it.listing, it.model, it.game_server, it.item, it.price)
            for it in cheapest_first[:MAX_LISTINGS]
        )
    )


# Step 3


def order(
    listed: ListedItem,
    *,
    buyer: SigningKey,
    market: PartyId,
    trade: TransactionId,
    deadline: Milliseconds,
) -> tuple[Purchase, PurchaseRequest]:
    """Step 3, buyer: signed, so it cannot be denied afterwards."""
    made = PurchaseOrder(buyer.public_key, market, trade, listed.listing, listed.price)
    purchase = Purchase(
        trade=trade,
        state=BuyerState.ORDERED,
        model=listed.model,
        market=market,
        listing=listed.listing,
        game_server=listed.game_server,
        item=listed.item,
        price=listed.price,
        buyer=buyer.public_key,
        deadline=deadline,
    )
    signed = sign_document(made, buyer)
    return purchase, PurchaseRequest(listed.listing, listed.price, signed)


def not_ordered(purchase: Purchase) -> Purchase:
    """Step 3, buyer: the market refused the order."""
    if purchase.state is not BuyerState.ORDERED:
        raise WrongState(f"the purchase is {purchase.state.value}")
    return purchase.moved(BuyerState.VOID)


def take_order(
    known: Brokerage | None,
    listing: Listing,
    message: PurchaseRequest,
    *,
    sender: PartyId,
    buyer_key: bytes,
    trade: TransactionId,
    market: Market,
) -> Step:
    """Step 3, market. `buyer_key`: the buyer's certified sealing key.

    Model 1 asks the game server next (1.4), model 2 the seller (2.4). Raises OrderNotSigned,
    PriceDiffers, ItemTaken, TooLate.
    """
    if known is not None:
        raise WrongState("there is such a trade")
    market.guards.require(
        order_is_signed,
        message.order,
        buyer=sender,
        market=market.id,
        trade=trade,
        listing=listing.listing,
        price=message.price,
    )
    if message.price != listing.price:
        raise PriceDiffers()
    if listing.state is not ListingState.LISTED:
        raise ItemTaken(f"the listing is {listing.state.value}")
    until = market.now + market.trade_milliseconds
    if until > listing.valid_until:
        raise TooLate("the listing ends before a trade could")
    deal = Deal(
        model=listing.model,
        trade=trade,
        game_server=listing.game_server,
        market=market.id,
        seller=listing.seller,
        buyer=sender,
        serial=listing.serial,
        certificate=certificate_digest(listing.content),
        item=listing.item,
        price=listing.price,
        until=until,
    )
    signed = sign_document(deal, market.key)
    taken = listing.moved(ListingState.TAKEN)
    ordered = Brokerage(trade, BrokerageState.ORDERED, listing.listing, signed, message.order)
    if listing.certificate is not None:
        question = Reserve(listing.certificate, signed, listing.authority)
        return Step(ordered, taken, (To(listing.game_server, question),))
    found = BuyerFound(signed, message.order, buyer_key)
    opened = ordered.moved(BrokerageState.OPEN)
    return Step(opened, taken, (To(listing.seller, found),))


# Step 1.4, market: what the game server said


def reserved(brokerage: Brokerage, listing: Listing, answer: Reserved, market: Market) -> Step:
    """Step 1.4r. Raises NotReserved, and the buyer may not be asked to pay."""
    deal = brokerage.deal
    _check_reservation(answer, deal)
    if brokerage.state is not BrokerageState.ORDERED:
        raise WrongState(f"the trade is {brokerage.state.value}")
    assert listing.payee_key is not None, "model 1 lists with the seller's key"
    opened = brokerage.moved(BrokerageState.OPEN, reservation=answer.reservation)
    ready = ReadyToSell(brokerage.signed, listing.payee_key, answer.reservation)
    return Step(opened, None, (To(deal.buyer, ready),))


def not_reserved(brokerage: Brokerage, listing: Listing, code: str) -> Step:
    """Step 1.4 refused: nothing was to be paid. What cannot be sold any more leaves the list."""
    reason = VoidReason.NOT_RESERVED
    ended = brokerage.moved(BrokerageState.REFUSED, reason=reason)
    back = listing.moved(ListingState.CLOSED if code in GONE else ListingState.LISTED)
    return Step(ended, back, (To(brokerage.deal.buyer, VoidNotice(reason, None)),))


def _check_reservation(answer: Reserved | ReadyToSell, deal: Deal) -> None:
    try:
        reservation = checked(Reservation, answer.reservation)
    except WrongDocument as error:
        raise NotReserved(str(error)) from error
    if (reservation.game_server, reservation.deal) != (deal.game_server, reference_of(deal)):
        raise NotReserved()


# The buyer hears that it may pay


def check_deal(purchase: Purchase, deal: Deal, now: Milliseconds) -> None:
    """The deal is what was ordered. Raises DealDiffers, TooLate, TradeTooLong."""
    wanted = (
        purchase.model,
        purchase.trade,
        purchase.game_server,
        purchase.market,
        purchase.buyer,
        purchase.item,
        purchase.price,
    )
    if wanted != (
        deal.model,
        deal.trade,
        deal.game_server,
        deal.market,
        deal.buyer,
        deal.item,
        deal.price,
    ):
        raise DealDiffers()
    require_in_time(deal, now)


def require_in_time(deal: Deal, now: Milliseconds) -> None:
    """The market sets a trade's end. Raises TooLate, TradeTooLong."""
    if now > deal.until:
        raise TooLate()
    if deal.until > now + LONGEST_TRADE_MILLISECONDS:
        raise TradeTooLong()


def ready_to_pay(
    purchase: Purchase, message: ReadyToSell, sender: PartyId, now: Milliseconds
) -> Purchase:
    """Step 1.4n, buyer. Raises WrongDocument, DealDiffers, NotReserved, TooLate, WrongState."""
    require_sender(sender, purchase.market)
    require_model(purchase.model, 1)
    deal = checked(Deal, message.deal, 1)
    check_deal(purchase, deal, now)
    _check_reservation(message, deal)
    return purchase.moved(BuyerState.READY, signed=message.deal, payee_key=message.payee_key)
