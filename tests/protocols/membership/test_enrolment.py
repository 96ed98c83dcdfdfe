"""Steps E1, E2, F1, F2: who is let in, and whose card is believed."""

from typing import Any

import msgspec
import pytest

from crypto import codec
from crypto.certificates import CertificateAuthorityKey, issue_certificate
from crypto.documents import Signed, label_of, open_document, sign_document
from crypto.hashing import authenticate
from crypto.signing import SigningKey
from nodes.protocols.errors import Refused
from nodes.protocols.membership import refusals
from nodes.protocols.membership.directory import check_listed
from nodes.protocols.membership.enrolment import (
    ADMISSION,
    admit,
    ask_to_enrol,
    check_welcome,
    welcome,
)
from nodes.protocols.membership.messages import Card, Enrol, Enrolled, Listed, UdpAddress
from nodes.protocols.message import Role
from tests.crypto.mixed_key import MixedKey

SECRET = b"the world's secret"
PARTY, OTHER, AUTHORITY = (SigningKey(bytes([n]) * 32) for n in (1, 2, 3))
NOW = 1_800_000_000_000
CA = CertificateAuthorityKey.generate()
ROOT = CA.certify_itself("authority", now=NOW, lifetime_seconds=86_400)
CARD = Card(
    id=PARTY.public_key,
    sealing_key=bytes(32),
    role=Role.PEER,
    name="peer-01",
    url="http://127.0.0.1:8101",
    udp=UdpAddress("127.0.0.1", 8101),
    sequence=2,
)


def card(**changes: Any) -> Card:
    return msgspec.structs.replace(CARD, **changes)


def asked(made: Card = CARD, key: SigningKey = PARTY, secret: bytes = SECRET) -> Enrol:
    return ask_to_enrol(sign_document(made, key), secret)


def admitted(request: Enrol, **how: Any) -> Card:
    fields = {"sender": PARTY.public_key, "known": None, "of_that_name": None, **how}
    return admit(request, secret=SECRET, **fields)


def refusal(request: Enrol, **how: Any) -> type[Refused]:
    with pytest.raises(Refused) as caught:
        admitted(request, **how)
    return caught.type


# E1


def test_who_shows_the_secret_and_signs_its_card_is_admitted() -> None:
    assert admitted(asked()) == CARD


def test_another_secret_does_not_admit() -> None:
    assert refusal(asked(secret=b"a guess")) is refusals.NotAdmitted


def test_the_proof_of_another_card_does_not_admit() -> None:
    proof = asked(card(name="peer-02")).admission
    assert refusal(Enrol(asked().card, proof)) is refusals.NotAdmitted


def test_a_card_signed_by_another_is_refused() -> None:
    assert refusal(asked(key=OTHER)) is refusals.CardNotSigned


def test_a_card_that_cannot_be_read_is_refused() -> None:
    signed: Signed[Card] = Signed(b"no card", (bytes(64),))
    request = Enrol(signed, authenticate(SECRET, ADMISSION, signed.content))
    assert refusal(request) is refusals.CardNotSigned


def test_a_party_enrols_only_itself() -> None:
    assert refusal(asked(), sender=OTHER.public_key) is refusals.CardOfAnother


def test_a_key_outside_the_prime_order_group_is_refused() -> None:
    """It signs, and others' keys with it sign the same."""
    key = MixedKey(12345)
    made = card(id=key.public_key)
    signed = Signed(codec.encode(made), (key.sign(label_of(Card), codec.encode(made)),))
    assert open_document(Card, signed) == made
    request = ask_to_enrol(signed, SECRET)
    assert refusal(request, sender=key.public_key) is refusals.KeyNotAcceptable


def test_a_name_belongs_to_whom_had_it_first() -> None:
    assert refusal(asked(), of_that_name=OTHER.public_key) is refusals.NameTaken
    assert admitted(asked(), of_that_name=PARTY.public_key) == CARD


@pytest.mark.parametrize(
    "changes", [{"role": Role.BROKER}, {"name": "peer-02"}, {"sealing_key": b"k" * 32}]
)
def test_a_party_keeps_name_role_and_sealing_key(changes: dict[str, Any]) -> None:
    request = asked(card(sequence=3, **changes))
    assert refusal(request, known=CARD) is refusals.RoleIsFixed


def test_a_party_may_move() -> None:
    moved = card(url="http://127.0.0.1:9000", sequence=3)
    assert admitted(asked(moved), known=CARD) == moved


@pytest.mark.parametrize("changes", [{"sequence": 1}, {"url": "http://127.0.0.1:9000"}])
def test_an_older_card_does_not_replace_a_newer_one(changes: dict[str, Any]) -> None:
    assert refusal(asked(card(**changes)), known=CARD) is refusals.CardIsOld


def test_the_same_card_again_is_welcome() -> None:
    assert admitted(asked(), known=CARD) == CARD


# E2

WELCOME = welcome(PARTY.public_key, AUTHORITY.public_key, b"certificate", b"root", SECRET)


def test_the_worlds_authority_proves_itself() -> None:
    check_welcome(WELCOME, PARTY.public_key, AUTHORITY.public_key, SECRET)


@pytest.mark.parametrize(
    "answer",
    [
        msgspec.structs.replace(WELCOME, certificate=b"another"),
        msgspec.structs.replace(WELCOME, authority_certificate=b"another"),
        msgspec.structs.replace(WELCOME, welcome=bytes(32)),
    ],
)
def test_an_altered_welcome_is_refused(answer: Enrolled) -> None:
    with pytest.raises(refusals.NotWelcomed):
        check_welcome(answer, PARTY.public_key, AUTHORITY.public_key, SECRET)


def test_a_welcome_serves_one_party_from_one_authority_of_one_world() -> None:
    for party, authority, secret in (
        (OTHER, AUTHORITY, SECRET),
        (PARTY, OTHER, SECRET),
        (PARTY, AUTHORITY, b"another"),
    ):
        with pytest.raises(refusals.NotWelcomed):
            check_welcome(WELCOME, party.public_key, authority.public_key, secret)


# F2


def certified(**changes: Any) -> bytes:
    fields = {"public_key": PARTY.public_key, "name": "peer-01", "role": "peer", **changes}
    return issue_certificate(CA, ROOT, now=NOW, lifetime_seconds=3600, **fields)


def listed(certificate: bytes, key: SigningKey = PARTY) -> Listed:
    return Listed(sign_document(CARD, key), certificate)


def test_a_card_with_its_certificate_is_believed() -> None:
    assert check_listed(listed(certified()), ROOT, NOW) == CARD


@pytest.mark.parametrize(
    "changes", [{"public_key": OTHER.public_key}, {"name": "peer-02"}, {"role": "broker"}]
)
def test_the_certificate_of_another_does_not_vouch_for_a_card(changes: dict[str, Any]) -> None:
    with pytest.raises(refusals.NotTheParty):
        check_listed(listed(certified(**changes)), ROOT, NOW)


def test_a_certificate_that_is_over_or_no_certificate_vouches_for_nothing() -> None:
    for certificate, now in ((certified(), NOW + 3_601_000), (b"no certificate", NOW)):
        with pytest.raises(refusals.NotTheParty):
            check_listed(listed(certificate), ROOT, now)


def test_a_listed_card_is_signed_by_its_owner() -> None:
    with pytest.raises(refusals.CardNotSigned):
        check_listed(listed(certified(), OTHER), ROOT, NOW)
