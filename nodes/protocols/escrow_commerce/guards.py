"""The mends of this protocol, each a rule that can be switched off to show what it prevents.

With all of them off the exchange is as printed: no signature, no sale id, no price, the key before
the payment. PC-A7 (a false dispute) and PC-A12 (a wrong H') are refused by the printed rules
themselves and have no guard; PC-A10, PC-A11 and PC-A14 stay open.
"""

from collections.abc import Set

from crypto.documents import Signed
from nodes.protocols.escrow_commerce.messages import (
    Contract,
    Listing,
    Offer,
    Rating,
    SaleState,
    Tally,
    TrustUpdate,
)
from nodes.protocols.escrow_commerce.reading import is_signed
from nodes.protocols.escrow_commerce.refusals import (
    ContractForAnotherSale,
    ContractNamesNoContent,
    ContractNotAsOffered,
    ContractNotSigned,
    ContractsDiffer,
    KeySeenBefore,
    NotPurchased,
    NotTheBuyersRating,
    OfferIncomplete,
    OfferNotSigned,
    PaymentExpiresTooSoon,
    PaymentHeld,
    PaymentNotChecked,
    PaymentNotLocked,
    PaymentNotThePrice,
    RatedAlready,
    RatingNotOfThisSale,
    TrustForged,
    UpdateNotTheEscrowServers,
)
from nodes.protocols.escrow_commerce.sale_id import is_drawn_by
from nodes.protocols.escrow_commerce.state import Payment, PaymentState, Sale
from nodes.protocols.guard import guard
from nodes.protocols.message import Milliseconds, PartyId, TransactionId

# Steps 1-4


@guard("offer-signed-by-seller", mends=("PC-A15",), refuses=OfferNotSigned)
def offer_is_signed_by(signed: Signed[Offer], offer: Offer, peer: PartyId) -> bool:
    """An offer is signed by the very peer that is said to sell."""
    return offer.seller == peer and is_signed(Offer, signed)


@guard("offer-is-complete", mends=("PC-A1", "PC-A6"), refuses=OfferIncomplete)
def offer_is_complete(offer: Offer) -> bool:
    """An offer fixes content, size and price."""
    return None not in (offer.content_id, offer.size, offer.price, offer.valid_until)


@guard("trust-is-recomputed", mends=("PC-A9",), refuses=TrustForged)
def trust_is_recomputed(listing: Listing, recomputed: tuple[Tally, Tally] | None) -> bool:
    """Trust is what the escrow servers' signed updates add up to."""
    return recomputed == (listing.of_content, listing.of_seller)


# Step 5


@guard("contract-signed-by-both", mends=("PC-A5", "PC-A6"), refuses=ContractNotSigned)
def contract_is_signed(signed: Signed[Contract], signatures: int = 2) -> bool:
    """Buyer and seller signed the same contract."""
    return is_signed(Contract, signed, signatures)


@guard("contract-names-sale", mends=("PC-A5",), refuses=ContractForAnotherSale)
def contract_names_sale(contract: Contract, sale: TransactionId) -> bool:
    """A contract serves in the one sale it names, whose id its buyer drew."""
    return contract.sale == sale and is_drawn_by(sale, contract.buyer)


@guard("contract-names-content", mends=("PC-A1", "PC-A2"), refuses=ContractNamesNoContent)
def contract_names_content(contract: Contract) -> bool:
    """A contract names the content by its digest, so that garbage can be told from it."""
    return contract.content_id is not None


@guard("contract-as-offered", mends=("PC-A6",), refuses=ContractNotAsOffered)
def contract_is_as_offered(contract: Contract, offer: Offer, offer_digest: bytes) -> bool:
    """A contract's content, size and price are the offer's, which it cites."""
    return (contract.offer, contract.content_id, contract.size, contract.price) == (
        offer_digest,
        offer.content_id,
        offer.size,
        offer.price,
    )


# Steps 6-8


@guard("contracts-agree", mends=("PC-A5", "PC-A6"), refuses=ContractsDiffer)
def contracts_agree(one: bytes, other: bytes) -> bool:
    """Buyer and seller show the same contract."""
    return one == other


@guard("key-is-fresh", mends=("PC-A13",), refuses=KeySeenBefore)
def key_is_fresh(seen_before: bool) -> bool:
    """A content key serves in one sale only."""
    return not seen_before


@guard("payment-checked-before-key", mends=("PC-A3",), refuses=PaymentNotChecked)
def payment_is_checked(payment: Payment) -> bool:
    """The key leaves after the payment has been found valid."""
    return payment.state in (PaymentState.CHECKED, PaymentState.LOCKED)


@guard("payment-locked-before-key", mends=("PC-A3", "PC-A4"), refuses=PaymentNotLocked)
def payment_is_locked(payment: Payment) -> bool:
    """The key leaves after the payment is in the escrow server's hands."""
    return payment.state is PaymentState.LOCKED


@guard("payment-is-the-price", mends=("PC-A3", "PC-A6"), refuses=PaymentNotThePrice)
def payment_is_the_price(payment: Payment, contract: Contract) -> bool:
    """What is paid in is the price in the contract."""
    return payment.amount is None or payment.amount == contract.price


@guard("payment-outlasts-the-sale", mends=("PC-A4",), refuses=PaymentExpiresTooSoon)
def payment_outlasts(payment: Payment, end: Milliseconds) -> bool:
    """A payment does not expire before the sale can have ended."""
    return payment.expires is None or payment.expires >= end


@guard("payment-held-for-dispute", mends=("PC-A1", "PC-A2"), refuses=PaymentHeld)
def payment_is_held(sale: Sale, now: Milliseconds) -> bool:
    """The seller is paid once the buyer has accepted or can complain no more."""
    return sale.dispute_until is not None and now > sale.dispute_until


# Steps 9, 10

PURCHASED = frozenset({SaleState.COMMITTED, SaleState.RELEASED, SaleState.CLOSED})


@guard("rating-follows-purchase", mends=("PC-A8",), refuses=NotPurchased)
def rating_follows_purchase(sale: Sale | None) -> bool:
    """Only a purchase that went through is rated."""
    return sale is not None and sale.state in PURCHASED


@guard("rating-by-the-buyer", mends=("PC-A8",), refuses=NotTheBuyersRating)
def rating_is_the_buyers(
    signed: Signed[Rating], rating: Rating, sender: PartyId, sale: Sale | None
) -> bool:
    """A rating is signed by the buyer of the sale."""
    buyer = rating.buyer if sale is None else sale.buyer
    return rating.buyer == sender == buyer and is_signed(Rating, signed)


@guard("rating-names-the-sale", mends=("PC-A8",), refuses=RatingNotOfThisSale)
def rating_names_sale(
    rating: Rating, transaction: TransactionId, me: PartyId, sale: Sale | None
) -> bool:
    """A rating names the sale, its seller, its content and its escrow server."""
    if (rating.sale, rating.escrow_server) != (transaction, me):
        return False
    return sale is None or (rating.seller, rating.content_id) == (
        sale.seller,
        sale.contract.content_id,
    )


@guard("one-rating-a-sale", mends=("PC-A8",), refuses=RatedAlready)
def not_rated_yet(sale: Sale | None) -> bool:
    """A purchase is rated once."""
    return sale is None or sale.rated is None


@guard("update-by-the-escrow-server", mends=("PC-A9",), refuses=UpdateNotTheEscrowServers)
def update_is_the_escrow_servers(
    signed: Signed[TrustUpdate],
    update: TrustUpdate,
    sender: PartyId,
    escrow_servers: Set[PartyId] | None = None,
) -> bool:
    """A trust update is signed by the escrow server it comes from."""
    trusted = escrow_servers is None or sender in escrow_servers
    return trusted and update.escrow_server == sender and is_signed(TrustUpdate, signed)
