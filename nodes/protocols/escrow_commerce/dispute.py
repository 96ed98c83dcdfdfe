"""The content is not what the contract promises. The paper has no such step (PC-A1, PC-A2, PC-A7).

The buyer uploads E_K(C). The escrow server has K, and judges by digests alone: those are the bytes
both sides gave the digest of, and opened with K they are the promised content or they are not.
Only here does content pass the escrow server.
"""

from dataclasses import dataclass

from nodes.protocols.escrow_commerce.messages import (
    Complaint,
    Finding,
    OpenDispute,
    SaleState,
    Verdict,
)
from nodes.protocols.escrow_commerce.reading import changed, require_sender
from nodes.protocols.escrow_commerce.refusals import TooLate, WrongState, WrongUpload
from nodes.protocols.escrow_commerce.state import (
    BuyerState,
    Decided,
    Decision,
    Delivery,
    EscrowTerms,
    Purchase,
    Sale,
    SellerSide,
    SellerState,
    To,
)
from nodes.protocols.message import Milliseconds, PartyId

UPHELD = frozenset({Finding.CANNOT_DECRYPT, Finding.WRONG_CONTENT})


# Buyer


def opened(purchase: Purchase) -> Purchase:
    """After 8a: decrypted, and H(C) is what the contract promises."""
    return purchase.moved(BuyerState.OPENED)


def found_garbage(purchase: Purchase, complaint: Complaint) -> Purchase:
    """After 8a: the key does not open it, or not to what the contract promises."""
    return purchase.moved(BuyerState.GARBAGE, complaint=complaint)


def complain(purchase: Purchase, now: Milliseconds) -> tuple[Purchase, OpenDispute]:
    """D1, buyer."""
    if purchase.state is not BuyerState.GARBAGE:
        raise WrongState(f"the purchase is {purchase.state.value}")
    assert purchase.complaint is not None, "garbage is found with what is wrong with it"
    if purchase.dispute_until is not None and now > purchase.dispute_until:
        raise TooLate("the dispute time is over")
    return purchase.moved(BuyerState.DISPUTED), OpenDispute(purchase.complaint)


# Escrow server


def open_dispute(sale: Sale, *, sender: PartyId, now: Milliseconds, terms: EscrowTerms) -> Decided:
    """D1, escrow server: the payment stays, and the buyer has time to upload."""
    require_sender(sender, sale.buyer)
    if sale.state is not SaleState.COMMITTED:
        raise WrongState(f"the sale is {sale.state.value}")
    assert sale.dispute_until is not None, "a committed sale has its dispute time"
    if now > sale.dispute_until:
        raise TooLate("the dispute time is over")
    until = now + terms.upload_milliseconds(sale.contract.size)
    return Decided(sale.moved(SaleState.DISPUTED, dispute_until=until))


def may_upload(sale: Sale, sender: PartyId, now: Milliseconds) -> SellerSide:
    """Before a byte is taken: which ciphertext is expected, and the key to it."""
    require_sender(sender, sale.buyer)
    if sale.state is not SaleState.DISPUTED:
        raise WrongState(f"the sale is {sale.state.value}")
    assert sale.dispute_until is not None, "a dispute has its time"
    assert sale.seller_side is not None, "a dispute follows a commit"
    if now > sale.dispute_until:
        raise TooLate("the time for the upload is over")
    return sale.seller_side


@dataclass(frozen=True)
class Upload:
    """What came of opening the upload with K."""

    ciphertext_digest: bytes
    plaintext_digest: bytes | None
    """None: K does not open it."""


def judge_upload(sale: Sale, upload: Upload, *, sender: PartyId, now: Milliseconds) -> Decided:
    """D2. Raises WrongUpload for any other bytes than those both sides gave the digest of."""
    expected = may_upload(sale, sender, now)
    if upload.ciphertext_digest != expected.ciphertext_digest:
        raise WrongUpload()
    return _end(sale, _finding(sale, upload))


def _finding(sale: Sale, upload: Upload) -> Finding:
    promised = sale.contract.content_id
    if upload.plaintext_digest is None:
        return Finding.CANNOT_DECRYPT
    if promised is None:
        return Finding.NOTHING_PROMISED
    if upload.plaintext_digest != promised:
        return Finding.WRONG_CONTENT
    return Finding.AS_PROMISED


def nothing_uploaded(sale: Sale) -> Decided:
    """D2: the time for the upload is over."""
    return _end(sale, Finding.NOTHING_UPLOADED)


def _end(sale: Sale, finding: Finding) -> Decided:
    """Both are told. A won dispute refunds the buyer and rates the seller -1 by itself."""
    upheld = finding in UPHELD
    verdict = Verdict(upheld, finding)
    messages = (To(sale.buyer, verdict), To(sale.seller, verdict))
    if not upheld:
        released = sale.moved(SaleState.RELEASED, decision=Decision.RELEASE, finding=finding)
        return Decided(released, messages)
    refunded = sale.moved(SaleState.REFUNDED, decision=Decision.REFUND, finding=finding, rated=-1)
    return Decided(refunded, messages, rated=-1)


# Both peers


def buyer_hears(purchase: Purchase, verdict: Verdict, sender: PartyId) -> Purchase:
    """D2, buyer."""
    require_sender(sender, purchase.contract.escrow_server)
    to = BuyerState.UPHELD if verdict.upheld else BuyerState.DENIED
    return purchase.moved(to, finding=verdict.finding)


def seller_hears(delivery: Delivery, verdict: Verdict, sender: PartyId) -> Delivery:
    """D2, seller: an upheld complaint ends the sale; a denied one lets 8b follow."""
    require_sender(sender, delivery.contract.escrow_server)
    if verdict.upheld:
        return delivery.moved(SellerState.REFUNDED, finding=verdict.finding)
    if delivery.state is not SellerState.DEPOSITED:
        raise WrongState(f"the sale is {delivery.state.value}")
    return changed(delivery, finding=verdict.finding)
