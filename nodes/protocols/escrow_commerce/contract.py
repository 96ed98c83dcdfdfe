"""Step 5: the contract both sides sign before anything moves."""

from collections.abc import Iterable, Set

from crypto.documents import Signed, content_digest, countersign, document_digest, sign_document
from crypto.signing import SigningKey
from nodes.protocols.escrow_commerce.guards import (
    contract_is_as_offered,
    contract_is_signed,
    contract_names_content,
    contract_names_sale,
    offer_is_complete,
    offer_is_signed_by,
)
from nodes.protocols.escrow_commerce.messages import (
    AbortReason,
    Acceptance,
    Contract,
    Offer,
    Request,
)
from nodes.protocols.escrow_commerce.offer import is_valid
from nodes.protocols.escrow_commerce.reading import read, require_sender
from nodes.protocols.escrow_commerce.refusals import (
    ContractChanged,
    ContractNotAsOffered,
    TooEarly,
    TooLate,
    UnknownEscrowServer,
    WrongState,
)
from nodes.protocols.escrow_commerce.state import (
    BuyerState,
    Delivery,
    Purchase,
    SellerState,
)
from nodes.protocols.guard import Guards
from nodes.protocols.message import Milliseconds, PartyId, TransactionId

BEFORE_PAYMENT = frozenset({BuyerState.ORDERED, BuyerState.CONTRACTED, BuyerState.CIPHERTEXT_HELD})


def order(
    offered: Signed[Offer],
    *,
    buyer: SigningKey,
    escrow_server: PartyId,
    sale: TransactionId,
    deadline: Milliseconds,
    now: Milliseconds,
    guards: Guards,
) -> tuple[Purchase, Request]:
    """Buyer: sign what the offer says.

    Raises OfferNotSigned, OfferIncomplete, TooLate, ContractNamesNoContent.
    """
    offer = read(Offer, offered)
    guards.require(offer_is_signed_by, offered, offer, offer.seller)
    guards.require(offer_is_complete, offer)
    if not is_valid(offer, now):
        raise TooLate("the offer is no longer valid")
    contract = Contract(
        buyer=buyer.public_key,
        seller=offer.seller,
        escrow_server=escrow_server,
        description=offer.description,
        deadline=deadline,
        sale=sale,
        offer=document_digest(offer),
        content_id=offer.content_id,
        size=offer.size,
        price=offer.price,
    )
    guards.require(contract_names_content, contract)
    signed = sign_document(contract, buyer)
    return Purchase(sale, BuyerState.ORDERED, signed, contract), Request(signed)


def offer_wanted(contract: Contract, offers: Iterable[Signed[Offer]]) -> Signed[Offer]:
    """Seller: which of its offers is meant, by its digest or, as printed, by its description."""
    for signed in offers:
        if contract.offer == content_digest(Offer, signed.content):
            return signed
        if contract.offer is None and contract.description == read(Offer, signed).description:
            return signed
    raise ContractNotAsOffered("there is no such offer")


def agree(
    known: Delivery | None,
    request: Request,
    *,
    sender: PartyId,
    sale: TransactionId,
    offered: Signed[Offer],
    seller: SigningKey,
    escrow_servers: Set[PartyId],
    now: Milliseconds,
    guards: Guards,
) -> tuple[Delivery, Acceptance]:
    """Seller: countersign, if the contract says what was offered and names a trusted escrow."""
    if known is not None:
        raise WrongState("this sale has its contract")
    contract = read(Contract, request.contract)
    require_sender(sender, contract.buyer)
    require_sender(seller.public_key, contract.seller)
    guards.require(contract_is_signed, request.contract, 1)
    guards.require(contract_names_sale, contract, sale)
    guards.require(contract_names_content, contract)
    if contract.escrow_server not in escrow_servers:
        raise UnknownEscrowServer()
    offer = read(Offer, offered)
    guards.require(contract_is_as_offered, contract, offer, document_digest(offer))
    if now > contract.deadline or not is_valid(offer, now):
        raise TooLate()
    signed = countersign(Contract, request.contract, seller)
    return Delivery(sale, SellerState.AGREED, signed, contract), Acceptance(signed)


def agreed(purchase: Purchase, acceptance: Acceptance, guards: Guards) -> Purchase:
    """Buyer: the very contract came back, signed by both."""
    if acceptance.contract.content != purchase.signed.content:
        raise ContractChanged()
    guards.require(contract_is_signed, acceptance.contract)
    return purchase.moved(BuyerState.CONTRACTED, signed=acceptance.contract)


def declined(purchase: Purchase) -> Purchase:
    """Buyer: the seller refused the order."""
    if purchase.state is not BuyerState.ORDERED:
        raise WrongState("the contract is made")
    return purchase.moved(BuyerState.ABORTED)


def expire_purchase(purchase: Purchase, now: Milliseconds) -> Purchase:
    """Buyer: the deadline has passed before it paid. Later only the escrow server's word counts."""
    if now <= purchase.contract.deadline:
        raise TooEarly()
    if purchase.state not in BEFORE_PAYMENT:
        raise WrongState("only the escrow server's word ends it now")
    return purchase.moved(BuyerState.ABORTED, reason=AbortReason.DEADLINE_PASSED)


def expire_delivery(delivery: Delivery, now: Milliseconds) -> Delivery:
    """Seller: the deadline has passed before it deposited anything."""
    if now <= delivery.contract.deadline:
        raise TooEarly()
    if delivery.state is not SellerState.AGREED:
        raise WrongState("deposited: ask the escrow server")
    return delivery.moved(SellerState.ABORTED, reason=AbortReason.DEADLINE_PASSED)
