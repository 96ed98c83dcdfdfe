"""K1, K2 and steps 1, 2: the authority and the broker share a key; a customer gets a pseudonym.

The customer shows its identity to the authority alone. What it gets is h(PID || BCA_key), which the
broker can recompute and nobody else.
"""

from nodes.protocols.anonymous_micropayment.guards import (
    authority_key_stays_secret,
    is_tagged,
    tag_of,
)
from nodes.protocols.anonymous_micropayment.messages import PseudonymGiven
from nodes.protocols.anonymous_micropayment.refusals import (
    CertificateNotTheAuthoritys,
    NoSharedKey,
    PseudonymHasExpired,
)
from nodes.protocols.anonymous_micropayment.state import Named, Wallet
from nodes.protocols.anonymous_micropayment.tags import certificate_statement
from nodes.protocols.anonymous_micropayment.values import (
    Pseudonym,
    PseudonymCertificate,
    Secret,
)
from nodes.protocols.guard import Guards
from nodes.protocols.message import Milliseconds, PartyId


def share_key(existing: Secret | None, fresh: Secret) -> Secret:
    """K1 -> K2, authority: one BCA_key for each broker."""
    return existing or fresh


def name_customer(
    identity: PartyId,
    broker: PartyId,
    pseudonym: Pseudonym,
    shared_key: Secret | None,
    *,
    now: Milliseconds,
    lifetime: int,
    guards: Guards,
) -> tuple[Named, PseudonymGiven]:
    """Step 1 -> 2, authority. `pseudonym` is fresh, `lifetime` in milliseconds.

    Raises NoSharedKey for a broker that has asked for none.
    """
    if shared_key is None:
        raise NoSharedKey()
    expires = now + lifetime
    tag = tag_of(shared_key, certificate_statement(pseudonym, expires), guards)
    certificate = PseudonymCertificate(pseudonym, expires, tag)
    shown = None if guards.is_on(authority_key_stays_secret) else shared_key
    named = Named(pseudonym, identity, broker, certificate, now)
    return named, PseudonymGiven(certificate, shown)


def take_pseudonym(given: PseudonymGiven, broker: PartyId, guards: Guards) -> Wallet:
    """Step 2, customer. It cannot check the certificate: it lacks BCA_key.

    Raises AuthorityKeyShown.
    """
    guards.require(authority_key_stays_secret, given)
    certificate = given.certificate
    return Wallet(certificate.pseudonym, certificate, broker, shared_key=given.shared_key)


def check_certificate(
    certificate: PseudonymCertificate, shared_key: Secret, now: Milliseconds, guards: Guards
) -> None:
    """Step 3, broker. Raises CertificateNotTheAuthoritys or PseudonymHasExpired."""
    statement = certificate_statement(certificate.pseudonym, certificate.expires)
    if not is_tagged(certificate.tag, shared_key, statement, guards):
        raise CertificateNotTheAuthoritys()
    if now > certificate.expires:
        raise PseudonymHasExpired()
