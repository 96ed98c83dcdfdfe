"""K1, K2, steps 1, 2: a customer gets a name that only the authority knows is its (section 3)."""

import pytest

from nodes.protocols.anonymous_micropayment import pseudonym
from nodes.protocols.anonymous_micropayment.guards import (
    authority_key_stays_secret,
    fields_are_framed,
)
from nodes.protocols.anonymous_micropayment.messages import PseudonymGiven
from nodes.protocols.anonymous_micropayment.refusals import (
    AuthorityKeyShown,
    CertificateNotTheAuthoritys,
    NoSharedKey,
    PseudonymHasExpired,
)
from nodes.protocols.anonymous_micropayment.values import PseudonymCertificate
from nodes.protocols.guard import ALL_ON, Guards
from tests.protocols.anonymous_micropayment.market import (
    BROKER,
    CUSTOMER,
    LIFETIME,
    NOW,
    PSEUDONYM,
    SHARED,
    altered,
    named,
    secret,
    without,
)

PRINTED = without(fields_are_framed)


def test_authority_and_broker_share_one_key_however_often_it_is_asked_for() -> None:
    assert pseudonym.share_key(None, SHARED) == SHARED
    assert pseudonym.share_key(SHARED, secret("another")) == SHARED


@pytest.mark.parametrize("guards", [ALL_ON, PRINTED])
def test_step_2_the_broker_recomputes_the_certificate_and_learns_no_identity(
    guards: Guards,
) -> None:
    certificate = named(guards).certificate
    pseudonym.check_certificate(certificate, SHARED, NOW, guards)
    assert certificate.__struct_fields__ == ("pseudonym", "expires", "tag")
    assert CUSTOMER.public_key not in (certificate.pseudonym, certificate.tag)


@pytest.mark.parametrize(
    "changes", [{"pseudonym": bytes(16)}, {"expires": NOW + 2 * LIFETIME}, {"tag": bytes(32)}]
)
def test_each_altered_field_of_a_certificate_is_refused(changes: dict[str, object]) -> None:
    certificate = altered(named().certificate, **changes)
    with pytest.raises(CertificateNotTheAuthoritys):
        pseudonym.check_certificate(certificate, SHARED, NOW, ALL_ON)


def test_a_certificate_under_another_brokers_key_is_refused() -> None:
    with pytest.raises(CertificateNotTheAuthoritys):
        pseudonym.check_certificate(named().certificate, secret("other broker"), NOW, ALL_ON)


def test_a_customer_cannot_make_a_pseudonym_of_its_own() -> None:
    made = PseudonymCertificate(PSEUDONYM, NOW + LIFETIME, secret("a guess"))
    for guards in (ALL_ON, PRINTED):
        with pytest.raises(CertificateNotTheAuthoritys):
            pseudonym.check_certificate(made, SHARED, NOW, guards)


def test_a_pseudonym_ends_with_its_time() -> None:
    certificate = named().certificate
    pseudonym.check_certificate(certificate, SHARED, NOW + LIFETIME, ALL_ON)
    with pytest.raises(PseudonymHasExpired):
        pseudonym.check_certificate(certificate, SHARED, NOW + LIFETIME + 1, ALL_ON)


def test_no_pseudonym_for_a_broker_that_shares_no_key() -> None:
    with pytest.raises(NoSharedKey):
        pseudonym.name_customer(
            CUSTOMER.public_key,
            BROKER.public_key,
            PSEUDONYM,
            None,
            now=NOW,
            lifetime=LIFETIME,
            guards=ALL_ON,
        )


def test_the_authority_remembers_whom_it_named_and_the_customer_is_not_told_the_key() -> None:
    record, given = pseudonym.name_customer(
        CUSTOMER.public_key,
        BROKER.public_key,
        PSEUDONYM,
        SHARED,
        now=NOW,
        lifetime=LIFETIME,
        guards=ALL_ON,
    )
    assert (record.pseudonym, record.identity) == (PSEUDONYM, CUSTOMER.public_key)
    assert given.shared_key is None


def test_a_customer_that_is_shown_the_authoritys_key_refuses_it() -> None:
    given = PseudonymGiven(named().certificate, SHARED)
    with pytest.raises(AuthorityKeyShown):
        pseudonym.take_pseudonym(given, BROKER.public_key, ALL_ON)
    printed = without(authority_key_stays_secret)
    assert pseudonym.take_pseudonym(given, BROKER.public_key, printed).shared_key == SHARED
