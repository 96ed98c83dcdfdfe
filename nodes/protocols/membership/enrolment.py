"""Steps E1, E2: a key is admitted to the world and certified.

Both sides know the world's secret. The party proves it by a MAC over its card, the authority by
one over what it answers; so neither takes a stranger for the other, and no secret travels.
"""

from crypto.documents import Signed, open_document
from crypto.hashing import authenticate, is_authentic
from crypto.signing import is_acceptable_public_key
from nodes.protocols.membership.messages import Card, Enrol, Enrolled
from nodes.protocols.membership.refusals import (
    CardIsOld,
    CardNotSigned,
    CardOfAnother,
    KeyNotAcceptable,
    NameTaken,
    NotAdmitted,
    NotWelcomed,
    RoleIsFixed,
)
from nodes.protocols.message import PartyId

ADMISSION = "membership/admission/1"
WELCOME = "membership/welcome/1"


def ask_to_enrol(card: Signed[Card], secret: bytes) -> Enrol:
    """Step E1, the party."""
    return Enrol(card, authenticate(secret, ADMISSION, card.content))


def admit(
    request: Enrol,
    sender: PartyId,
    secret: bytes,
    *,
    known: Card | None,
    of_that_name: PartyId | None,
) -> Card:
    """Step E1, the authority: the card to certify.

    `known` is the newest card of this id, `of_that_name` who bears the name now.
    """
    if not is_authentic(request.admission, secret, ADMISSION, request.card.content):
        raise NotAdmitted()
    card = open_card(request.card)
    if card.id != sender:
        raise CardOfAnother()
    if not is_acceptable_public_key(card.id):
        raise KeyNotAcceptable()
    if of_that_name is not None and of_that_name != card.id:
        raise NameTaken(card.name)
    if known is not None:
        _check_follows(card, known)
    return card


def _check_follows(card: Card, known: Card) -> None:
    fixed = (card.role, card.name, card.sealing_key) == (known.role, known.name, known.sealing_key)
    if not fixed:
        raise RoleIsFixed()
    if card.sequence < known.sequence or (card.sequence == known.sequence and card != known):
        raise CardIsOld()


def welcome(
    party: PartyId,
    authority: PartyId,
    certificate: bytes,
    authority_certificate: bytes,
    secret: bytes,
) -> Enrolled:
    """Step E2, the authority."""
    proof = authenticate(secret, WELCOME, party, authority, certificate, authority_certificate)
    return Enrolled(certificate, authority_certificate, proof)


def check_welcome(answer: Enrolled, party: PartyId, authority: PartyId, secret: bytes) -> None:
    """Step E2, the party. Raises NotWelcomed."""
    fields = (party, authority, answer.certificate, answer.authority_certificate)
    if not is_authentic(answer.welcome, secret, WELCOME, *fields):
        raise NotWelcomed()


def open_card(signed: Signed[Card]) -> Card:
    """The card, signed by the key it names. Raises CardNotSigned."""
    try:
        return open_document(Card, signed)
    except ValueError as error:
        raise CardNotSigned(str(error)) from error
