"""Steps 6 and 7: the seller deposits, the buyer fetches E_K(C) and pays in.

6a and 7 reach the escrow server in either order, each once. What it does when both are there
stands in release.py.
"""

from dataclasses import dataclass

from crypto.content import ContentDigests, ciphertext_size_of
from crypto.documents import Signed, document_digest
from crypto.hashing import framed
from nodes.protocols.escrow_commerce.guards import (
    contract_is_signed,
    contract_names_content,
    contract_names_sale,
    contracts_agree,
    key_is_fresh,
)
from nodes.protocols.escrow_commerce.messages import (
    AbortReason,
    BuyerDeposit,
    CiphertextDigest,
    ContentKey,
    Contract,
    PaymentBytes,
    SaleState,
    SellerDeposit,
    Size,
)
from nodes.protocols.escrow_commerce.reading import read, require_sender
from nodes.protocols.escrow_commerce.refusals import (
    ContentNotReady,
    ContractForAnotherSale,
    TooLate,
    WrongState,
)
from nodes.protocols.escrow_commerce.release import abort, proceed, return_late_payment
from nodes.protocols.escrow_commerce.state import (
    BuyerSide,
    BuyerState,
    Decided,
    Delivery,
    EscrowTerms,
    Lock,
    Payment,
    PaymentState,
    Purchase,
    Sale,
    SellerSide,
    SellerState,
)
from nodes.protocols.guard import Guards
from nodes.protocols.message import Milliseconds, Name, PartyId, TransactionId


def content_context(sale: TransactionId) -> bytes:
    """Binds E_K(C) to its sale."""
    return framed("escrow_commerce/content", sale)


def largest_ciphertext(contract: Contract, limit: Size) -> Size:
    """E_K(C) has no more bytes than these, whatever the seller said of it in 6a. `limit`: of C."""
    size = limit if contract.size is None else min(contract.size, limit)
    return ciphertext_size_of(size)


# Step 6, seller


def deposit(
    delivery: Delivery, digests: ContentDigests, key: ContentKey
) -> tuple[Delivery, SellerDeposit]:
    """Step 6a: K and E_K(C) are on disk, the escrow server learns K and H(E_K(C))."""
    message = SellerDeposit(
        contract=delivery.signed,
        ciphertext_digest=digests.ciphertext_digest,
        ciphertext_size=digests.ciphertext_size,
        key=key,
    )
    deposited = delivery.moved(
        SellerState.DEPOSITED,
        ciphertext_digest=digests.ciphertext_digest,
        ciphertext_size=digests.ciphertext_size,
        key=key,
    )
    return deposited, message


def may_fetch(delivery: Delivery, sender: PartyId) -> None:
    """Step 6b: only this sale's buyer fetches E_K(C), once it is there and while it is kept."""
    require_sender(sender, delivery.contract.buyer)
    if delivery.state is SellerState.AGREED:
        raise ContentNotReady()
    if delivery.state is not SellerState.DEPOSITED:
        raise WrongState(f"the sale is {delivery.state.value}")


# Steps 6 and 7, buyer


def hold_ciphertext(purchase: Purchase, ciphertext_digest: CiphertextDigest) -> Purchase:
    """Step 6b: E_K(C) is on disk whole, and this is its digest."""
    if purchase.state is not BuyerState.CONTRACTED:
        raise WrongState(f"the purchase is {purchase.state.value}")
    return purchase.moved(BuyerState.CIPHERTEXT_HELD, ciphertext_digest=ciphertext_digest)


def start_paying(purchase: Purchase, instrument: Name, now: Milliseconds) -> Purchase:
    """Before the payment is made. Raises TooLate when the deadline has passed."""
    paying = purchase.moved(BuyerState.PAYING, instrument=instrument)
    if now > purchase.contract.deadline:
        raise TooLate()
    return paying


def cannot_pay(purchase: Purchase) -> Purchase:
    """There was nothing to pay with, or not enough: nothing was signed."""
    if purchase.state is not BuyerState.PAYING:
        raise WrongState(f"the purchase is {purchase.state.value}")
    return purchase.moved(BuyerState.CIPHERTEXT_HELD, instrument=None)


def pay(purchase: Purchase, payment: PaymentBytes) -> tuple[Purchase, BuyerDeposit]:
    """Step 7: what the buyer holds, and the payment. Once made it goes in, however late."""
    if purchase.state is not BuyerState.PAYING:
        raise WrongState(f"the purchase is {purchase.state.value}")
    assert purchase.ciphertext_digest is not None, "a purchase is paid once E_K(C) is held"
    assert purchase.instrument is not None, "a payment is made with an instrument"
    message = BuyerDeposit(
        contract=purchase.signed,
        ciphertext_digest=purchase.ciphertext_digest,
        instrument=purchase.instrument,
        payment=payment,
    )
    return purchase.moved(BuyerState.PAID), message


# Steps 6a and 7, escrow server


@dataclass(frozen=True)
class Escrow:
    """The escrow server itself: who it is, and on what terms it holds payments."""

    id: PartyId
    terms: EscrowTerms
    guards: Guards

    def contract(self, signed: Signed[Contract], sale: Sale) -> Contract:
        """Raises WrongDocument, ContractNotSigned, ContractForAnotherSale, ..NamesNoContent."""
        contract = read(Contract, signed)
        if contract.escrow_server != self.id:
            raise ContractForAnotherSale("the contract names another escrow server")
        self.guards.require(contract_is_signed, signed)
        self.guards.require(contract_names_sale, contract, sale.sale)
        self.guards.require(contract_names_content, contract)
        return contract


def take_seller_deposit(
    sale: Sale,
    message: SellerDeposit,
    *,
    sender: PartyId,
    now: Milliseconds,
    key_seen_before: bool,
    escrow: Escrow,
) -> Decided:
    """Step 6a, escrow server. `key_seen_before`: in any sale ever held here."""
    contract = escrow.contract(message.contract, sale)
    require_sender(sender, contract.seller)
    contract_digest = document_digest(contract)
    if sale.seller_side is not None:
        raise WrongState("the seller has deposited")
    if sale.buyer_side is not None:
        escrow.guards.require(contracts_agree, sale.buyer_side.contract_digest, contract_digest)
    if now > contract.deadline:
        raise TooLate()
    escrow.guards.require(key_is_fresh, key_seen_before)
    side = SellerSide(
        contract,
        contract_digest,
        message.ciphertext_digest,
        message.ciphertext_size,
        message.key,
    )
    to = SaleState.SELLER_IN if sale.state is SaleState.NEW else SaleState.BOTH_IN
    return proceed(sale.moved(to, seller_side=side), now, escrow.terms, escrow.guards)


def take_buyer_deposit(
    sale: Sale,
    message: BuyerDeposit,
    *,
    sender: PartyId,
    now: Milliseconds,
    escrow: Escrow,
) -> Decided:
    """Step 7, escrow server.

    A payment that comes after the deadline is taken in and given back: refusing it would leave the
    buyer with a payment that is neither his nor anybody else's.
    """
    contract = escrow.contract(message.contract, sale)
    require_sender(sender, contract.buyer)
    contract_digest = document_digest(contract)
    if sale.buyer_side is not None:
        raise WrongState("the buyer has deposited")
    if sale.seller_side is not None:
        escrow.guards.require(contracts_agree, sale.seller_side.contract_digest, contract_digest)
    side = BuyerSide(contract, contract_digest, message.ciphertext_digest)
    payment = Payment(PaymentState.LOCKING, message.instrument, None, None, None)
    lock = Lock(sale.sale, sender, message.instrument, message.payment, contract.price)
    if sale.state is SaleState.ABORTED:
        return return_late_payment(sale, side, payment, lock)
    to = SaleState.BUYER_IN if sale.state is SaleState.NEW else SaleState.BOTH_IN
    taken = sale.moved(to, buyer_side=side, payment=payment)
    if now > contract.deadline:
        return abort(taken, AbortReason.DEADLINE_PASSED, lock=lock)
    return proceed(taken, now, escrow.terms, escrow.guards, lock=lock)
