"""What the game server's word means to market, seller and buyer: steps 8 to 10, V1 and V2.

The word proves itself, so it does not matter who brings it: in its answer, from the market, or
asked for once a trade's time is over. Whoever has it may show it to the coin server.
"""

from crypto.full_domain_hash import FdhPublicKey
from nodes.protocols.guard import Guards
from nodes.protocols.item_trading.certificate import check_certificate
from nodes.protocols.item_trading.documents import (
    Deal,
    VoidReason,
)
from nodes.protocols.item_trading.guards import notice_is_the_game_servers
from nodes.protocols.item_trading.messages import Proceeds, Registered, VoidNotice, VoidTrade
from nodes.protocols.item_trading.moves import To
from nodes.protocols.item_trading.payment import Outcome, Word, outcome_said, read_word
from nodes.protocols.item_trading.players import (
    BUYER_MOVES,
    BuyerState,
    Offering,
    OfferingState,
    Purchase,
    Sale,
    SaleState,
)
from nodes.protocols.item_trading.purchase import Step
from nodes.protocols.item_trading.reading import checked, require_sender
from nodes.protocols.item_trading.refusals import (
    CertificateForged,
    DealDiffers,
    TooEarly,
    WrongState,
    WrongWord,
)
from nodes.protocols.item_trading.state import (
    BROKERAGE_MOVES,
    Brokerage,
    BrokerageState,
    Listing,
    ListingState,
)
from nodes.protocols.message import Milliseconds, PartyId, TransactionId

FOR_GOOD = frozenset({VoidReason.SELLER_AT_FAULT, VoidReason.CANNOT_BE_REGISTERED})
"""After these the item leaves the list."""
NEVER_PAID = frozenset({BuyerState.ORDERED, BuyerState.READY})

# Market


def take_word(
    brokerage: Brokerage, listing: Listing, word: Word, now: Milliseconds, guards: Guards
) -> Step:
    """Steps 9 and V1r, market: pass it on to whom it gives the money. A repeat changes nothing.

    Raises NoticeNotTheGameServers.
    """
    deal = brokerage.deal
    guards.require(notice_is_the_game_servers, word, deal)
    outcome = outcome_said(word)
    if not BROKERAGE_MOVES[brokerage.state]:
        return Step(brokerage)
    if outcome is Outcome.REGISTERED:
        sold = brokerage.moved(BrokerageState.REGISTERED, word=word, reason=None)
        proceeds = Proceeds(listing.listing, brokerage.signed, brokerage.paid, word)
        return Step(sold, listing.moved(ListingState.SOLD), (To(deal.seller, proceeds),))
    return _void(brokerage, listing, deal, word, now)


def _void(
    brokerage: Brokerage, listing: Listing, deal: Deal, word: Word, now: Milliseconds
) -> Step:
    reason = brokerage.reason or _reason(deal, now)
    ended = brokerage.moved(BrokerageState.VOID, word=word, reason=reason)
    gone = reason in FOR_GOOD or now > listing.valid_until
    back = listing.moved(ListingState.CLOSED if gone else ListingState.LISTED)
    notice = VoidNotice(reason, word)
    told = (deal.buyer,) if deal.model == 1 else (deal.buyer, deal.seller)
    return Step(ended, back, tuple(To(party, notice) for party in told))


def _reason(deal: Deal, now: Milliseconds) -> VoidReason:
    """The game server voided it unasked."""
    return VoidReason.TIME_OVER if now > deal.until else VoidReason.CANNOT_BE_REGISTERED


def expire_brokerage(brokerage: Brokerage, now: Milliseconds) -> Step:
    """V1, market: the trade's time is over. Raises TooEarly, WrongState."""
    deal = brokerage.deal
    if now <= deal.until:
        raise TooEarly()
    voiding = brokerage.moved(BrokerageState.VOIDING, reason=VoidReason.TIME_OVER)
    return Step(voiding, None, (To(deal.game_server, VoidTrade(brokerage.signed)),))


# Seller


def proceeds_arrive(
    offering: Offering,
    known: Sale | None,
    message: Proceeds,
    *,
    sender: PartyId,
    seller: PartyId,
    trade: TransactionId,
) -> tuple[Offering, Sale]:
    """Step 10, seller. In model 1 it is the first the seller hears of the trade.

    Raises WrongDocument, WrongWord, DealDiffers, WrongState.
    """
    require_sender(sender, offering.market)
    deal = checked(Deal, message.deal, 1)
    named = (deal.seller, deal.trade, deal.price, message.listing)
    if named != (seller, trade, offering.price, offering.listing):
        raise DealDiffers()
    if read_word(message.word, deal) is not Outcome.REGISTERED:
        raise WrongWord("the trade is void")
    sold = offering.moved(OfferingState.SOLD)
    if known is not None:
        paid = known.paid or message.paid
        return sold, known.moved(SaleState.EARNED, word=message.word, paid=paid)
    sale = Sale(
        trade=trade,
        state=SaleState.EARNED,
        listing=offering.listing,
        signed=message.deal,
        paid=message.paid,
        word=message.word,
    )
    return sold, sale


def collected(sale: Sale, amount: int) -> Sale:
    """The coin server has been shown the word, and this much is the seller's."""
    return sale.moved(SaleState.PAID if amount else SaleState.UNPAID, amount=amount)


def seller_hears(
    offering: Offering, sale: Sale, word: Word, reason: VoidReason
) -> tuple[Offering, Sale]:
    """V1r or V2, seller of model 2. Raises WrongWord."""
    if read_word(word, sale.deal) is Outcome.REGISTERED:
        return offering.moved(OfferingState.SOLD), sale.moved(SaleState.EARNED, word=word)
    back = OfferingState.CLOSED if reason in FOR_GOOD else OfferingState.LISTED
    return offering.moved(back), sale.moved(SaleState.VOID, word=word)


def seller_asks(sale: Sale, now: Milliseconds) -> To:
    """V1, seller of model 2: the market is silent. Raises TooEarly, WrongState."""
    if sale.state not in (SaleState.SHIPPED, SaleState.KEY_SENT):
        raise WrongState(f"the sale is {sale.state.value}")
    if now <= sale.deal.until:
        raise TooEarly()
    return To(sale.deal.game_server, VoidTrade(sale.signed))


# Buyer


def registered(purchase: Purchase, answer: Registered, game_key: FdhPublicKey) -> Purchase:
    """Step 8: Cert' is the buyer's. Raises WrongWord, CertificateForged."""
    deal = purchase.deal
    if read_word(answer.word, deal) is Outcome.VOID:
        return purchase.moved(
            BuyerState.VOID, word=answer.word, reason=VoidReason.CANNOT_BE_REGISTERED
        )
    if answer.certificate is None:
        raise CertificateForged("there is none")
    made = check_certificate(answer.certificate, deal.game_server, game_key)
    if (made.owner, made.item, made.previous) != (purchase.buyer, deal.item, deal.serial):
        raise CertificateForged("another owner or item")
    return purchase.moved(BuyerState.REGISTERED, word=answer.word, certificate=answer.certificate)


def void_arrives(purchase: Purchase, message: VoidNotice, sender: PartyId) -> Purchase:
    """V2, buyer. Without a word only while nothing is paid. Raises WrongWord, NotYours."""
    if message.word is None:
        require_sender(sender, purchase.market)
        if purchase.state not in NEVER_PAID:
            raise WrongWord("there is money to come back, and no word")
        return purchase.moved(BuyerState.VOID, reason=message.reason)
    return buyer_hears(purchase, message.word, message.reason)


def buyer_hears(purchase: Purchase, word: Word, reason: VoidReason) -> Purchase:
    """V1r or V2, buyer: the money comes back. Raises WrongWord, WrongState.

    A word that the trade is registered is no news of this kind: step 7 brings the certificate.
    """
    if read_word(word, purchase.deal) is not Outcome.VOID:
        raise WrongState("the trade is registered")
    return purchase.moved(BuyerState.VOID, word=word, reason=reason)


def expire_purchase(purchase: Purchase, now: Milliseconds) -> tuple[Purchase, To | None]:
    """The time is over: end it, or where money may wait ask the game server for its word (V1).

    Raises TooEarly, WrongState.
    """
    last = purchase.deadline if purchase.signed is None else purchase.deal.until
    if now <= last:
        raise TooEarly()
    if purchase.state in NEVER_PAID:
        return purchase.moved(BuyerState.VOID, reason=VoidReason.TIME_OVER), None
    if BuyerState.VOID not in BUYER_MOVES[purchase.state]:
        raise WrongState(f"the purchase is {purchase.state.value}")
    assert purchase.signed is not None, "nobody pays before there is a deal"
    return purchase, To(purchase.deal.game_server, VoidTrade(purchase.signed))


def refunded(purchase: Purchase, amount: int) -> Purchase:
    """The coin server has been shown the word, and the money is the buyer's again."""
    return purchase.moved(BuyerState.REFUNDED, amount=amount)
