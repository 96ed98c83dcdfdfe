"""Steps F1, F2: a card is believed when its owner signed it and the authority certified its key."""

from crypto.certificates import CertificateError, check_certificate
from nodes.protocols.membership.enrolment import open_card
from nodes.protocols.membership.messages import Card, Listed
from nodes.protocols.membership.refusals import NotTheParty
from nodes.protocols.message import Milliseconds


def check_listed(listed: Listed, authority_certificate: bytes, now: Milliseconds) -> Card:
    """The card. Raises CardNotSigned or NotTheParty."""
    card = open_card(listed.card)
    try:
        party = check_certificate(listed.certificate, authority_certificate, now)
    except CertificateError as error:
        raise NotTheParty(str(error)) from error
    if (party.public_key, party.name, party.role) != (card.id, card.name, card.role.value):
        raise NotTheParty(card.name)
    return card
