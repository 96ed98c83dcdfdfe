"""T0-T2: broker and authority together name a customer, on a vendor's signed complaint only."""

from typing import Any

import pytest

from crypto.documents import Signed, sign_document
from crypto.signing import SigningKey
from nodes.protocols.anonymous_micropayment import pseudonym, tracing
from nodes.protocols.anonymous_micropayment.messages import RequestIdentity
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
)
from nodes.protocols.anonymous_micropayment.values import Complaint, Standing
from nodes.protocols.guard import ALL_ON
from tests.protocols.anonymous_micropayment.market import (
    BROKER,
    CUSTOMER,
    LIFETIME,
    NOW,
    OTHER,
    PSEUDONYM,
    SHARED,
    V1,
    V12,
    VENDOR,
    altered,
    bought,
    funded,
)

ME = BROKER.public_key


def paid(*, hides: bool = False) -> tuple[Sale, Settled]:
    _, sale, answer, _ = bought(*funded(hides=hides))
    assert answer.settled is not None
    return sale, answer.settled


def complaint(
    sale: Sale, key: SigningKey = VENDOR, signer: SigningKey | None = None, **changes: Any
) -> Signed[Complaint]:
    made = Complaint(key.public_key, sale.order.vendor, ME, sale.order, "sold stolen songs")
    signed: Signed[Complaint] = sign_document(altered(made, **changes), signer or key)
    return signed


def complained(*, hides: bool = False) -> Complained:
    sale, settled = paid(hides=hides)
    signed = tracing.complain(sale, ME, VENDOR, "sold stolen songs")
    return tracing.take_complaint(signed, VENDOR.public_key, ME, V12, settled)


def named() -> Named:
    return pseudonym.name_customer(
        CUSTOMER.public_key, ME, PSEUDONYM, SHARED, now=NOW, lifetime=LIFETIME, guards=ALL_ON
    )[0]


def told(request: RequestIdentity, record: Named | None, **changes: Any) -> Traced:
    given: dict[str, Any] = {"broker": ME, "vendor_is_certified": True, "now": NOW}
    given |= changes
    return tracing.tell_identity(request, given.pop("broker"), record, **given)


@pytest.mark.parametrize("hides", [False, True])
def test_t1_authority_and_broker_together_name_the_customer(hides: bool) -> None:
    made = complained(hides=hides)
    traced = told(tracing.request_identity(made), named())
    assert traced.identity == CUSTOMER.public_key
    done = tracing.take_identity(made, tracing.identity_told(traced))
    assert done.identity == CUSTOMER.public_key
    assert (traced.broker, traced.complaint) == (ME, made.complaint)


def test_without_evidence_nobody_is_named() -> None:
    with pytest.raises(NoEvidence):
        told(RequestIdentity(PSEUDONYM, None), named())


def test_evidence_that_is_no_vendors_about_this_pseudonym_names_nobody() -> None:
    sale, _ = paid()
    unsigned = Signed[Complaint](complaint(sale).content, ())
    for bad in (
        unsigned,
        complaint(sale, signer=OTHER),
        complaint(sale, broker=OTHER.public_key),
        complaint(sale, BROKER),
        complaint(sale, order=altered(sale.order, pseudonym=b"another's PID..")),
    ):
        with pytest.raises(EvidenceDoesNotFit):
            told(RequestIdentity(PSEUDONYM, bad), named())
    good = RequestIdentity(PSEUDONYM, complaint(sale))
    with pytest.raises(EvidenceDoesNotFit):
        told(good, named(), vendor_is_certified=False)
    with pytest.raises(EvidenceDoesNotFit):
        told(good, named(), broker=OTHER.public_key)


def test_only_the_broker_it_was_given_for_traces_a_pseudonym() -> None:
    request = tracing.request_identity(complained())
    for record in (None, altered(named(), broker=OTHER.public_key)):
        with pytest.raises(NeverNamed):
            told(request, record)


def test_a_vendor_complains_only_about_what_it_was_paid_for() -> None:
    sale, _ = paid()
    for state in (SaleState.RECEIVED, SaleState.REJECTED, SaleState.GIVEN_BACK):
        with pytest.raises(ComplaintUnfounded):
            tracing.complain(altered(sale, state=state), ME, VENDOR, "")


def test_the_broker_takes_a_complaint_only_about_an_order_it_accepted_for_that_vendor() -> None:
    sale, settled = paid()
    signed = complaint(sale)
    for bad in (
        None,
        altered(settled, order=altered(sale.order, number=2)),
        altered(settled, state=Standing.REJECTED),
        altered(settled, state=Standing.GIVEN_BACK),
    ):
        with pytest.raises(ComplaintUnfounded):
            tracing.take_complaint(signed, VENDOR.public_key, ME, V12, bad)
    for vendor in (None, V1):
        with pytest.raises(ComplaintUnfounded):
            tracing.take_complaint(signed, VENDOR.public_key, ME, vendor, settled)


def test_a_complaint_bears_the_name_that_the_order_was_to() -> None:
    sale, settled = paid()
    signed = complaint(sale, vendor_name="another")
    with pytest.raises(ComplaintUnfounded):
        tracing.take_complaint(signed, VENDOR.public_key, ME, V12, settled)


def test_a_complaint_is_brought_by_who_signed_it_to_whom_it_names() -> None:
    sale, settled = paid()
    signed = complaint(sale)
    for sender, me in ((OTHER.public_key, ME), (VENDOR.public_key, OTHER.public_key)):
        with pytest.raises(EvidenceDoesNotFit):
            tracing.take_complaint(signed, sender, me, V12, settled)


def test_a_complaint_about_an_alias_does_not_show_the_pseudonym() -> None:
    made = complained(hides=True)
    assert PSEUDONYM not in made.complaint.content
    assert made.pseudonym == PSEUDONYM
