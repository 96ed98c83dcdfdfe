"""Steps 9 and 10: rate, update, recompute.

The rating goes to the escrow server, which alone knows who bought, and from there, signed, to the
central server, which alone is asked (PC-R1). Trust is (sum of +1 and -1)/(n + 2) (PC-R6).
"""

from collections.abc import Set

from crypto.documents import Signed, sign_document
from crypto.signing import SigningKey
from nodes.protocols.escrow_commerce.guards import (
    not_rated_yet,
    rating_follows_purchase,
    rating_is_the_buyers,
    rating_names_sale,
    update_is_the_escrow_servers,
)
from nodes.protocols.escrow_commerce.messages import (
    ContentId,
    Rate,
    Rating,
    SaleState,
    Tally,
    TrustUpdate,
    Update,
    Value,
)
from nodes.protocols.escrow_commerce.reading import changed, read
from nodes.protocols.escrow_commerce.refusals import RatedAlready, WrongState
from nodes.protocols.escrow_commerce.release import accept
from nodes.protocols.escrow_commerce.state import BuyerState, Decided, Purchase, Sale
from nodes.protocols.guard import Guards
from nodes.protocols.message import PartyId, TransactionId


def rate(purchase: Purchase, value: Value, buyer: SigningKey) -> tuple[Purchase, Rate]:
    """Step 9, buyer: rating what it opened accepts it; a denied complaint may still be rated."""
    if purchase.rated is not None:
        raise RatedAlready()
    contract = purchase.contract
    rating = Rating(
        buyer.public_key,
        contract.escrow_server,
        purchase.sale,
        contract.seller,
        contract.content_id,
        value,
    )
    message = Rate(sign_document(rating, buyer))
    if purchase.state is BuyerState.DENIED:
        return changed(purchase, rated=value), message
    if purchase.state is not BuyerState.OPENED:
        raise WrongState(f"the purchase is {purchase.state.value}")
    return purchase.moved(BuyerState.ACCEPTED, rated=value), message


def take_rating(
    sale: Sale | None,
    message: Rate,
    *,
    sender: PartyId,
    transaction: TransactionId,
    escrow_server: PartyId,
    guards: Guards,
) -> tuple[Rating, Decided | None]:
    """Step 9, escrow server: what was rated, and what follows for the sale.

    `sale` None: no such sale here. Raises NotPurchased, NotTheBuyersRating, RatingNotOfThisSale,
    RatedAlready. Before the dispute time is over a rating is the acceptance: 8b follows, then 10.
    """
    rating = read(Rating, message.rating)
    guards.require(rating_follows_purchase, sale)
    guards.require(rating_is_the_buyers, message.rating, rating, sender, sale)
    guards.require(rating_names_sale, rating, transaction, escrow_server, sale)
    guards.require(not_rated_yet, sale)
    if sale is None:
        return rating, None
    rated = changed(sale, rated=rating.value)
    if rated.state is SaleState.COMMITTED:
        rated = accept(rated).sale
    waits_for_payment = rated.state is SaleState.RELEASED
    return rating, Decided(rated, rated=None if waits_for_payment else rating.value)


def trust_update(
    escrow_server: SigningKey,
    *,
    sale: TransactionId,
    seller: PartyId,
    content_id: ContentId | None,
    value: Value,
    of_content: Tally,
    of_seller: Tally,
) -> Update:
    """Step 10, escrow server: the tallies so far, and with this value on top, signed."""
    update = TrustUpdate(
        escrow_server.public_key,
        sale,
        seller,
        content_id,
        value,
        of_content.plus(value),
        of_seller.plus(value),
    )
    return Update(sign_document(update, escrow_server))


def take_update(
    message: Update,
    *,
    sender: PartyId,
    of_content: Signed[TrustUpdate] | None,
    of_seller: Signed[TrustUpdate] | None,
    escrow_servers: Set[PartyId] | None,
    guards: Guards,
) -> tuple[Signed[TrustUpdate], Signed[TrustUpdate]]:
    """Step 10, central server: the newest update of the content and of the seller from now on.

    `of_content`, `of_seller`: the newest so far of this escrow server. An older one changes
    nothing, so the order of arrival does not matter. Raises UpdateNotTheEscrowServers.
    """
    update = read(TrustUpdate, message.update)
    guards.require(update_is_the_escrow_servers, message.update, update, sender, escrow_servers)
    newest_of_content, newest_of_seller = of_content, of_seller
    if of_content is None or update.of_content.count > read_tally(of_content).of_content.count:
        newest_of_content = message.update
    if of_seller is None or update.of_seller.count > read_tally(of_seller).of_seller.count:
        newest_of_seller = message.update
    return newest_of_content or message.update, newest_of_seller or message.update


def read_tally(signed: Signed[TrustUpdate]) -> TrustUpdate:
    return read(TrustUpdate, signed)
