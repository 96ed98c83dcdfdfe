"""Steps 1.1 and 1.2: the market is handed the certificate and sells in the owner's place.

From here on the seller may be away: whoever trusts this market hears of the sale when it is paid.
"""

from crypto.documents import Signed, sign_document
from crypto.full_domain_hash import FdhPublicKey
from crypto.signing import SigningKey
from nodes.protocols.guard import Guards
from nodes.protocols.item_trading.certificate import (
    check_certificate,
    read_certificate,
    require_not_expired,
)
from nodes.protocols.item_trading.documents import (
    Certificate,
    Deal,
    ItemCertificate,
    ListingId,
    Price,
    Receipt,
    SaleAuthority,
    certificate_digest,
)
from nodes.protocols.item_trading.guards import (
    receipt_names_item,
    sale_is_authorised,
    sale_is_in_time,
)
from nodes.protocols.item_trading.messages import SaleAccepted, SaleRequest
from nodes.protocols.item_trading.payment import reference_of
from nodes.protocols.item_trading.players import Offering, OfferingState
from nodes.protocols.item_trading.reading import is_signed, opened, require_sender
from nodes.protocols.item_trading.refusals import ReceiptNotTheMarkets, TooLate, WrongState
from nodes.protocols.item_trading.state import Listing, ListingState
from nodes.protocols.message import Milliseconds, Name, PartyId


def offer_to_market(
    certificate: ItemCertificate,
    *,
    seller: SigningKey,
    market: PartyId,
    listing: ListingId,
    price: Price,
    payee_key: bytes,
    valid_until: Milliseconds,
    now: Milliseconds,
) -> tuple[Offering, SaleRequest]:
    """Step 1.1, seller: the certificate, and the word that it may be sold.

    Raises CertificateExpired, NotYours.
    """
    made = read_certificate(certificate.content)
    require_sender(made.owner, seller.public_key)
    require_not_expired(made, now)
    authority = SaleAuthority(
        seller=seller.public_key,
        market=market,
        game_server=made.server,
        serial=made.serial,
        certificate=certificate_digest(certificate.content),
        price=price,
        payee_key=payee_key,
        valid_until=valid_until,
        nonce=listing,
    )
    offering = Offering(
        listing, OfferingState.ASKED, 1, market, certificate, price, payee_key, valid_until
    )
    signed = sign_document(authority, seller)
    return offering, SaleRequest(certificate, price, payee_key, valid_until, signed)


def take_sale_request(
    known: Listing | None,
    message: SaleRequest,
    *,
    sender: PartyId,
    listing: ListingId,
    game_key: FdhPublicKey,
    market: SigningKey,
    market_name: Name,
    now: Milliseconds,
    guards: Guards,
) -> tuple[Listing, SaleAccepted]:
    """Steps 1.1, 1.2, market. `game_key`: of the game server that the certificate names.

    Raises CertificateForged, CertificateExpired, SaleNotAuthorised, SaleAuthorityExpired, TooLate.
    """
    if known is not None:
        raise WrongState("there is such a listing")
    made = read_certificate(message.certificate.content)
    check_certificate(message.certificate, made.server, game_key)
    require_not_expired(made, now)
    named = certificate_digest(message.certificate.content)
    guards.require(
        sale_is_authorised,
        message.authority,
        made,
        named,
        seller=sender,
        market=market.public_key,
        price=message.price,
        listing=(listing, message.payee_key),
    )
    guards.require(sale_is_in_time, message.authority, now, message.valid_until)
    if now > message.valid_until:
        raise TooLate()
    taken = Listing(
        listing=listing,
        state=ListingState.LISTED,
        model=1,
        seller=sender,
        game_server=made.server,
        content=message.certificate.content,
        serial=made.serial,
        item=made.item,
        price=message.price,
        valid_until=min(message.valid_until, made.expires),
        certificate=message.certificate,
        payee_key=message.payee_key,
        authority=message.authority,
    )
    receipt = make_receipt(market, market_name, sender, taken, None, now)
    return taken, SaleAccepted(receipt)


def make_receipt(
    market: SigningKey,
    market_name: Name,
    client: PartyId,
    listing: Listing,
    deal: Deal | None,
    now: Milliseconds,
) -> Signed[Receipt]:
    """{receipt, H(receipt)SK_M}: to the seller without a deal, to the buyer with it."""
    receipt = Receipt(
        market=market.public_key,
        market_name=market_name,
        client=client,
        item=listing.item,
        date=now,
        listing=listing.listing,
        serial=listing.serial,
        certificate=certificate_digest(listing.content),
        price=listing.price,
        deal=None if deal is None else reference_of(deal),
    )
    return sign_document(receipt, market)


def check_receipt(
    signed: Signed[Receipt] | None,
    *,
    market: PartyId,
    client: PartyId,
    certificate: Certificate,
    content: bytes,
    deal: Deal | None,
    guards: Guards,
) -> Receipt:
    """As printed: this market signed it for this client and kind of item; the guard asks for more.

    Raises ReceiptNotTheMarkets, ReceiptNamesAnotherItem.
    """
    if signed is None or not is_signed(Receipt, signed):
        raise ReceiptNotTheMarkets("it is not signed")
    receipt = opened(Receipt, signed)
    if (receipt.market, receipt.client, receipt.item) != (market, client, certificate.item):
        raise ReceiptNotTheMarkets()
    guards.require(receipt_names_item, receipt, certificate, certificate_digest(content), deal)
    return receipt


def listed_by_market(offering: Offering, answer: SaleAccepted, guards: Guards) -> Offering:
    """Step 1.2, seller: the market cannot deny to have the certificate."""
    made = read_certificate(offering.certificate.content)
    check_receipt(
        answer.receipt,
        market=offering.market,
        client=made.owner,
        certificate=made,
        content=offering.certificate.content,
        deal=None,
        guards=guards,
    )
    return offering.moved(OfferingState.LISTED, receipt=answer.receipt)


def not_listed(offering: Offering) -> Offering:
    """The market refused."""
    return offering.moved(OfferingState.CLOSED)
