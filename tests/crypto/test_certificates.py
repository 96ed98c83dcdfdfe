"""Certificates: whom they name, for how long, by whose word; and every other one is refused."""

from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.x509.oid import NameOID, ObjectIdentifier
from hypothesis import given
from hypothesis import strategies as st

from crypto.certificates import (
    BACKDATED_SECONDS,
    MAX_CERTIFICATE_BYTES,
    P256_ORDER,
    CertificateAuthorityKey,
    CertificateError,
    CertifiedParty,
    MalformedCertificate,
    OutsideValidity,
    UnacceptableKey,
    UnacceptableSubject,
    UntrustedCertificate,
    check_certificate,
    issue_certificate,
)
from crypto.meter import metering
from crypto.signing import SigningKey
from tests.crypto import edwards

NOW = 1_800_000_000_000
DAY = 86_400
AUTHORITY = CertificateAuthorityKey.generate()
ROOT = AUTHORITY.certify_itself("authority", now=NOW, lifetime_seconds=30 * DAY)
KEY = SigningKey(bytes(range(32)))


def issued(**changed: Any) -> bytes:
    asked: dict[str, Any] = {
        "public_key": KEY.public_key,
        "name": "peer-01",
        "role": "peer",
        "now": NOW,
        "lifetime_seconds": DAY,
    }
    return issue_certificate(AUTHORITY, ROOT, **(asked | changed))


LEAF = issued()
PARTY = CertifiedParty("peer-01", "peer", KEY.public_key, NOW + DAY * 1000)


def refused(certificate: bytes, root: bytes = ROOT, now: int = NOW) -> type[CertificateError]:
    with pytest.raises(CertificateError) as caught:
        check_certificate(certificate, root, now)
    return caught.type


def test_a_certificate_names_key_name_role_and_end() -> None:
    assert check_certificate(LEAF, ROOT, NOW) == PARTY


def test_what_was_verified_once_costs_nothing_again_but_its_time_is_looked_at() -> None:
    leaf = issued()
    with metering() as meter:
        for _ in range(3):
            check_certificate(leaf, ROOT, NOW)
        assert refused(leaf, now=NOW + 2 * DAY * 1000) is OutsideValidity
    assert meter == {"verify": 1}


def test_every_certificate_has_its_own_serial_number() -> None:
    assert len({x509.load_der_x509_certificate(issued()).serial_number for _ in range(4)}) == 4
    assert x509.load_der_x509_certificate(issued(serial=7)).serial_number == 7


# time


@pytest.mark.parametrize(
    ("now", "accepted"),
    [
        (NOW - BACKDATED_SECONDS * 1000, True),
        (NOW - BACKDATED_SECONDS * 1000 - 1, False),
        (NOW + DAY * 1000, True),
        (NOW + DAY * 1000 + 999, True),
        (NOW + DAY * 1000 + 1000, False),
        (0, False),
    ],
)
def test_validity_includes_both_its_ends(now: int, accepted: bool) -> None:
    if accepted:
        assert check_certificate(LEAF, ROOT, now) == PARTY
    else:
        assert refused(LEAF, now=now) is OutsideValidity


def test_a_certificate_never_outlives_its_authority() -> None:
    party = check_certificate(issued(lifetime_seconds=365 * DAY), ROOT, NOW)
    assert party.not_after == NOW + 30 * DAY * 1000
    for late in (NOW + 31 * DAY * 1000, NOW - DAY * 1000):
        with pytest.raises(OutsideValidity):
            issued(now=late)


def test_a_lifetime_that_no_calendar_holds_is_refused() -> None:
    with pytest.raises(OutsideValidity):
        AUTHORITY.certify_itself("authority", now=NOW, lifetime_seconds=10**12)


# subjects and keys


@pytest.mark.parametrize(
    "word",
    ["", "Peer", "peer 1", "-peer", "peer\n", "péer", "a" * 65, "peer,O=x", "peer\0", "пeer"],
)
def test_names_and_roles_are_plain_words(word: str) -> None:
    for field in ("name", "role"):
        with pytest.raises(UnacceptableSubject):
            issued(**{field: word})


@pytest.mark.parametrize("word", ["a", "0", "peer-01", "escrow_server", "a" * 64])
def test_every_plain_word_will_do(word: str) -> None:
    party = check_certificate(issued(name=word, role=word), ROOT, NOW)
    assert (party.name, party.role) == (word, word)


SMALL = [edwards.encoded(point) for point in edwards.small_order_points()]


@pytest.mark.parametrize("public_key", [*SMALL, bytes(31), bytes(33), b"\xff" * 32])
def test_no_key_is_certified_under_which_signatures_prove_nothing(public_key: bytes) -> None:
    with pytest.raises(UnacceptableKey):
        issued(public_key=public_key)


# other authorities, and authorities that are careless


def signing_key(authority: CertificateAuthorityKey) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(authority.to_pem(), password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


def test_another_authoritys_word_is_not_taken_though_its_name_is_the_same() -> None:
    other = CertificateAuthorityKey.generate()
    root = other.certify_itself("authority", now=NOW, lifetime_seconds=30 * DAY)
    assert refused(LEAF, root) is UntrustedCertificate
    with pytest.raises(AssertionError):
        issue_certificate(
            other, ROOT, public_key=KEY.public_key, name="x", role="peer", now=NOW,
            lifetime_seconds=DAY,
        )  # fmt: skip


def test_the_authoritys_own_certificate_names_no_party() -> None:
    assert refused(ROOT) is UntrustedCertificate


def careless(
    *,
    key: Any = None,
    names: tuple[tuple[ObjectIdentifier, str], ...] = (
        (NameOID.ORGANIZATIONAL_UNIT_NAME, "peer"),
        (NameOID.COMMON_NAME, "peer-01"),
    ),
    replaced: tuple[tuple[x509.ExtensionType, bool], ...] = (),
    left_out: tuple[type[x509.ExtensionType], ...] = (),
    issuer: x509.Certificate | None = None,
    issuing_key: Any = None,
) -> bytes:
    """A leaf under the authority's true key that differs from an issued one in what is asked."""
    honest = x509.load_der_x509_certificate(LEAF)
    builder = (
        x509.CertificateBuilder()
        .issuer_name(issuer.subject if issuer else honest.issuer)
        .subject_name(x509.Name([x509.NameAttribute(oid, value) for oid, value in names]))
        .public_key(key or honest.public_key())
        .serial_number(9)
        .not_valid_before(datetime.fromtimestamp(NOW // 1000 - 60, UTC))
        .not_valid_after(datetime.fromtimestamp(NOW // 1000 + DAY, UTC))
    )
    changed = {type(extension) for extension, _ in replaced} | set(left_out)
    kept = [(e.value, e.critical) for e in honest.extensions if type(e.value) not in changed]
    for extension, critical in [*kept, *replaced]:
        builder = builder.add_extension(extension, critical)
    while True:
        made = builder.sign(issuing_key or signing_key(AUTHORITY), hashes.SHA256())
        if decode_dss_signature(made.signature)[1] <= P256_ORDER // 2:
            return made.public_bytes(serialization.Encoding.DER)


def usage(**on: bool) -> x509.KeyUsage:
    names = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
        "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**{name: on.get(name, False) for name in names})


HONEST_USAGE = {"digital_signature": True, "content_commitment": True}
UNKNOWN = x509.UnrecognizedExtension(ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00")


def test_a_careless_authoritys_otherwise_honest_certificate_is_accepted() -> None:
    """So what the next test refuses is refused for the one thing it changes."""
    assert check_certificate(careless(), ROOT, NOW) == PARTY


@pytest.mark.parametrize(
    "changed",
    [
        {"replaced": ((x509.BasicConstraints(ca=True, path_length=0), True),)},
        {"replaced": ((x509.BasicConstraints(ca=False, path_length=None), False),)},
        {"left_out": (x509.BasicConstraints,)},
        {"left_out": (x509.KeyUsage,)},
        {"left_out": (x509.AuthorityKeyIdentifier,)},
        {"replaced": ((usage(**HONEST_USAGE), False),)},
        {"replaced": ((usage(digital_signature=True), True),)},
        {"replaced": ((usage(**HONEST_USAGE, key_cert_sign=True), True),)},
        {"replaced": ((UNKNOWN, True),)},
        {"replaced": ((UNKNOWN, False),)},
        {"replaced": ((x509.SubjectAlternativeName([x509.DNSName("a.example")]), False),)},
        {"names": ()},
        {"names": ((NameOID.COMMON_NAME, "peer-01"),)},
        {"names": ((NameOID.ORGANIZATIONAL_UNIT_NAME, "peer"),)},
        {
            "names": (
                (NameOID.COMMON_NAME, "peer-01"),
                (NameOID.ORGANIZATIONAL_UNIT_NAME, "peer"),
            )
        },
        {
            "names": (
                (NameOID.ORGANIZATIONAL_UNIT_NAME, "peer"),
                (NameOID.COMMON_NAME, "peer-01"),
                (NameOID.COMMON_NAME, "broker"),
            )
        },
        {
            "names": (
                (NameOID.ORGANIZATIONAL_UNIT_NAME, "peer"),
                (NameOID.COMMON_NAME, "Peer 01"),
            )
        },
        {"key": ec.generate_private_key(ec.SECP256R1()).public_key()},
        *({"key": Ed25519PublicKey.from_public_bytes(point)} for point in SMALL),
    ],
    ids=lambda changed: str(changed)[:60],
)
def test_a_certificate_that_is_not_just_what_is_issued_is_refused(changed: dict[str, Any]) -> None:
    assert refused(careless(**changed)) in (UntrustedCertificate, MalformedCertificate)


def test_a_party_is_no_authority() -> None:
    """Neither what it issues nor what it issues under its own certificate as the first is taken."""
    key = ec.generate_private_key(ec.SECP256R1())
    party = careless(key=key.public_key())
    issuer = x509.load_der_x509_certificate(party)
    below = careless(issuer=issuer, issuing_key=key)
    issuer.public_key().verify(
        x509.load_der_x509_certificate(below).signature,
        x509.load_der_x509_certificate(below).tbs_certificate_bytes,
        ec.ECDSA(hashes.SHA256()),
    )
    assert refused(below, ROOT) is UntrustedCertificate
    assert refused(below, party) is UntrustedCertificate


# one spelling


def length_of(content: bytes) -> bytes:
    if len(content) < 128:
        return bytes([len(content)])
    size = (len(content).bit_length() + 7) // 8
    return bytes([0x80 | size]) + len(content).to_bytes(size, "big")


def tagged(tag: int, content: bytes) -> bytes:
    return bytes([tag]) + length_of(content) + content


ALGORITHM = bytes.fromhex("300a06082a8648ce3d040302")
"""ecdsa-with-SHA256"""


def with_signature(signature: bytes, unused_bits: int = 0, algorithm: bytes = ALGORITHM) -> bytes:
    signed = x509.load_der_x509_certificate(LEAF).tbs_certificate_bytes
    return tagged(0x30, signed + algorithm + tagged(0x03, bytes([unused_bits]) + signature))


SIGNATURE = x509.load_der_x509_certificate(LEAF).signature
R, S = decode_dss_signature(SIGNATURE)


def test_the_tests_own_spelling_of_the_certificate_is_the_issued_one() -> None:
    assert with_signature(SIGNATURE) == LEAF


def test_the_other_s_of_the_signature_is_refused() -> None:
    other = with_signature(encode_dss_signature(R, P256_ORDER - S))
    signing_key(AUTHORITY).public_key().verify(
        encode_dss_signature(R, P256_ORDER - S),
        x509.load_der_x509_certificate(LEAF).tbs_certificate_bytes,
        ec.ECDSA(hashes.SHA256()),
    )
    assert refused(other) is MalformedCertificate


def padded_integer(number: int) -> bytes:
    return tagged(0x02, b"\0" + number.to_bytes(33, "big"))


@pytest.mark.parametrize(
    "certificate",
    [
        with_signature(SIGNATURE + b"\0"),
        with_signature(SIGNATURE, unused_bits=1),
        with_signature(tagged(0x30, padded_integer(R) + padded_integer(S))),
        with_signature(SIGNATURE, algorithm=bytes.fromhex("300c06082a8648ce3d0403020500")),
        with_signature(SIGNATURE, algorithm=bytes.fromhex("300a06082a8648ce3d040303")),
        with_signature(encode_dss_signature(R + P256_ORDER, S)),
        with_signature(encode_dss_signature(R, S + P256_ORDER)),
        with_signature(b""),
        LEAF + b"\0",
        b"\x30\x83\x00" + LEAF[2:],
        b"\x30\x80" + LEAF[4:] + b"\0\0",
        LEAF[:-1],
        b"",
    ],
)
def test_a_second_spelling_of_a_certificate_is_refused(certificate: bytes) -> None:
    assert refused(certificate) in (MalformedCertificate, UntrustedCertificate)


def test_a_certificate_of_any_length_costs_little() -> None:
    assert refused(LEAF + bytes(MAX_CERTIFICATE_BYTES)) is MalformedCertificate
    assert refused(bytes(50_000_000)) is MalformedCertificate


def accepted_as(certificate: bytes) -> CertifiedParty | None:
    try:
        return check_certificate(certificate, ROOT, NOW)
    except CertificateError:
        return None


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
def test_no_bit_of_a_certificate_can_be_flipped() -> None:
    for bit in range(8 * len(LEAF)):
        altered = bytearray(LEAF)
        altered[bit // 8] ^= 1 << bit % 8
        assert accepted_as(bytes(altered)) is None


@given(st.integers(0, len(LEAF)), st.integers(0, 6), st.binary(max_size=6))
def test_nothing_cut_out_or_put_in_is_accepted(place: int, cut: int, put: bytes) -> None:
    altered = LEAF[:place] + put + LEAF[place + cut :]
    assert accepted_as(altered) == (PARTY if altered == LEAF else None)


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_in_one_way(data: bytes) -> None:
    assert accepted_as(data) is None


# the authority's key


def test_an_authority_comes_back_from_its_pem() -> None:
    again = CertificateAuthorityKey.from_pem(AUTHORITY.to_pem())
    assert again.is_key_of(x509.load_der_x509_certificate(ROOT))


def pem(key: Any) -> bytes:
    made: bytes = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return made


@pytest.mark.parametrize("data", [b"", b"no key", pem(ec.generate_private_key(ec.SECP384R1()))])
def test_an_authority_is_not_made_from_another_key(data: bytes) -> None:
    with pytest.raises(UnacceptableKey):
        CertificateAuthorityKey.from_pem(data)
