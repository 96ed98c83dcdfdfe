"""T0-T2: who is behind a pseudonym. Broker and authority must work together, on evidence.

The evidence is a vendor's signed complaint about an order that it was paid for. The broker looks
whether it accepted that order and states whose it was; the authority looks who was given that
pseudonym, and keeps for good whom it named to whom, and why.

A keyed hash proves nothing to a third party, so the authority believes the vendor's signature and
the broker's. A broker and a vendor that lie together can have any pseudonym traced, and leave two
signatures behind. The authority and a vendor can do without the broker where orders show the PID:
this stays open (PID-R6), unless orders bear aliases (PID-A9).
"""

from crypto.documents import Signed, open_document, sign_document
from crypto.signing import SigningKey
from nodes.protocols.anonymous_micropayment.messages import IdentityTold, RequestIdentity
from nodes.protocols.anonymous_micropayment.refusals import (
    ComplaintUnfounded,
    EvidenceDoesNotFit,
    NeverNamed,
    NoEvidence,
)
from nodes.protocols.anonymous_micropayment.state import (
    Complained,
    Named,
    Sale,
    SaleState,
    Settled,
    Traced,
    Vendor,
)
from nodes.protocols.anonymous_micropayment.values import Complaint, Standing
from nodes.protocols.message import Milliseconds, PartyId, ShortText


def complain(sale: Sale, broker: PartyId, key: SigningKey, text: ShortText) -> Signed[Complaint]:
    """T0, vendor: about an order it was paid for. Raises ComplaintUnfounded."""
    if sale.state is not SaleState.PAID:
        raise ComplaintUnfounded(f"the sale is {sale.state.value}")
    complaint = Complaint(key.public_key, sale.order.vendor, broker, sale.order, text)
    return sign_document(complaint, key)


def read_complaint(signed: Signed[Complaint]) -> Complaint:
    """Raises EvidenceDoesNotFit unless the vendor it names signed it."""
    try:
        return open_document(Complaint, signed)
    except ValueError as error:
        raise EvidenceDoesNotFit(str(error)) from error


def take_complaint(
    signed: Signed[Complaint],
    sender: PartyId,
    me: PartyId,
    vendor: Vendor | None,
    settled: Settled | None,
) -> Complained:
    """T0, broker: the vendor's own complaint about an order that was accepted for it.

    Raises EvidenceDoesNotFit or ComplaintUnfounded.
    """
    complaint = read_complaint(signed)
    if (complaint.vendor, complaint.broker) != (sender, me):
        raise EvidenceDoesNotFit()
    if vendor is None or vendor.account != sender:
        raise ComplaintUnfounded("another's name")
    if complaint.vendor_name != complaint.order.vendor:
        raise ComplaintUnfounded("the order is to another name")
    if settled is None or settled.order != complaint.order:
        raise ComplaintUnfounded("no such order came in")
    if settled.state not in (Standing.ACCEPTED, Standing.HANDED_ON):
        raise ComplaintUnfounded(f"the order is {settled.state.value}")
    return Complained(settled.pseudonym, signed)


def request_identity(complained: Complained) -> RequestIdentity:
    """T1, broker."""
    return RequestIdentity(complained.pseudonym, complained.complaint)


def tell_identity(
    request: RequestIdentity,
    broker: PartyId,
    named: Named | None,
    *,
    vendor_is_certified: bool,
    now: Milliseconds,
) -> Traced:
    """T1, authority: to be on disk before it is told.

    Raises NoEvidence, EvidenceDoesNotFit or NeverNamed.
    """
    if request.complaint is None:
        raise NoEvidence()
    complaint = read_complaint(request.complaint)
    shown = complaint.order.pseudonym
    fits = (
        vendor_is_certified
        and complaint.broker == broker
        and complaint.vendor != broker
        and shown in (None, request.pseudonym)
    )
    if not fits:
        raise EvidenceDoesNotFit()
    if named is None or named.broker != broker:
        raise NeverNamed()
    return Traced(request.pseudonym, broker, named.identity, request.complaint, now)


def identity_told(traced: Traced) -> IdentityTold:
    """T2, authority."""
    return IdentityTold(traced.identity)


def take_identity(complained: Complained, told: IdentityTold) -> Complained:
    """T2, broker."""
    return Complained(complained.pseudonym, complained.complaint, told.identity)
