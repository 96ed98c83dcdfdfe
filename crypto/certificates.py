"""X.509 certificates (RFC 5280): a P-256 authority (ECDSA with SHA-256) and Ed25519 leaves.

A leaf says: this key belongs to this name in this role, from then until then. The path is checked
by the library's verifier under a policy of our own (no web names in it), and what it holds must be
just what `issue_certificate` puts there. The authority's key is not Ed25519 because that verifier
accepts no such authority.

Only the low half of ECDSA's two s is accepted, so nobody but the authority can spell one
certificate in two ways. `now` is in milliseconds since the epoch (UTC); X.509 itself counts
seconds, both ends included.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509 import verification as path
from cryptography.x509.oid import ExtensionOID, NameOID

from crypto import randomness
from crypto.meter import count
from crypto.signing import is_acceptable_public_key

MAX_CERTIFICATE_BYTES = 2048
BACKDATED_SECONDS = 60
"""A fresh certificate is valid a little before its time, for parties whose clock is behind."""
CACHED_CERTIFICATES = 4096

SERIAL_BYTES = 20
SCALAR_BYTES = 40
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

_WORD = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_LEAF_EXTENSIONS = {
    ExtensionOID.BASIC_CONSTRAINTS,
    ExtensionOID.KEY_USAGE,
    ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
}


class CertificateError(ValueError):
    """A certificate that is not accepted, or not issued."""


class MalformedCertificate(CertificateError):
    """These bytes are no certificate."""


class UntrustedCertificate(CertificateError):
    """This authority did not issue this, or not for a party."""


class OutsideValidity(CertificateError):
    """The certificate, or its authority's, is not valid yet or no longer."""


class UnacceptableKey(CertificateError):
    """Not an Ed25519 key that may be certified: signatures under it would prove nothing."""


class UnacceptableSubject(CertificateError):
    """Names and roles are 1 to 64 of a-z, 0-9, '-' and '_'."""


@dataclass(frozen=True)
class CertifiedParty:
    """What a certificate says."""

    name: str
    role: str
    public_key: bytes
    """Ed25519, 32 bytes."""
    not_after: int
    """Milliseconds since the epoch; the authority's end if that comes first."""


class CertificateAuthorityKey:
    """The private P-256 key of a certificate authority."""

    __slots__ = ("_key",)

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key

    @classmethod
    def generate(cls) -> "CertificateAuthorityKey":
        return cls(ec.derive_private_key(_scalar(), ec.SECP256R1()))

    @classmethod
    def from_pem(cls, pem: bytes) -> "CertificateAuthorityKey":
        """Raise UnacceptableKey unless this is an unencrypted P-256 key."""
        try:
            key = serialization.load_pem_private_key(pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise UnacceptableKey("no readable private key") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
            raise UnacceptableKey("an authority's key is on P-256")
        return cls(key)

    def to_pem(self) -> bytes:
        """PKCS #8, not encrypted: whoever stores it guards it."""
        return self._key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    def certify_itself(self, name: str, *, now: int, lifetime_seconds: int) -> bytes:
        """The self-signed certificate (DER) that everybody else starts from."""
        subject = _subject(name, "certificate_authority")
        public_key = self._key.public_key()
        builder = _builder(subject, subject, _fresh_serial())
        builder = _valid(builder, _seconds(now), _seconds(now) + lifetime_seconds)
        return self._sign(
            builder.public_key(public_key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(certificates=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        )

    def is_key_of(self, certificate: x509.Certificate) -> bool:
        return certificate.public_key() == self._key.public_key()

    def _sign(self, builder: x509.CertificateBuilder) -> bytes:
        """DER; every second signature has the low s that is accepted."""
        while True:
            count("sign")
            certificate = builder.sign(self._key, hashes.SHA256())
            encoding = certificate.public_bytes(serialization.Encoding.DER)
            if _is_one_spelling(encoding, certificate):
                return encoding


def issue_certificate(
    authority: CertificateAuthorityKey,
    authority_certificate: bytes,
    *,
    public_key: bytes,
    name: str,
    role: str,
    now: int,
    lifetime_seconds: int,
    serial: int | None = None,
) -> bytes:
    """A leaf (DER) that says `public_key` (Ed25519, 32 bytes) is `name` in `role`.

    It never outlives the authority's certificate. `serial` (1 to 2**159 - 1) is drawn at random
    if not given. Raises UnacceptableKey, UnacceptableSubject or OutsideValidity.
    """
    issuer = _loaded(authority_certificate)
    assert authority.is_key_of(issuer), "the authority's certificate is of another key"
    if not is_acceptable_public_key(public_key):
        raise UnacceptableKey("not a canonical Ed25519 key of prime order")
    end = _timestamp(issuer.not_valid_after_utc)
    if not _timestamp(issuer.not_valid_before_utc) <= _seconds(now) <= end:
        raise OutsideValidity("the authority's own certificate is not valid now")
    builder = _builder(_subject(name, role), issuer.subject, serial or _fresh_serial())
    builder = _valid(builder, _seconds(now), min(_seconds(now) + lifetime_seconds, end))
    return authority._sign(
        builder.public_key(Ed25519PublicKey.from_public_bytes(public_key))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(certificates=False), critical=True)
        .add_extension(_authority_identifier(issuer), critical=False)
    )


def check_certificate(certificate: bytes, authority_certificate: bytes, now: int) -> CertifiedParty:
    """Whom a certificate (DER) names, if this authority issued it and it is valid now.

    Raises MalformedCertificate, UntrustedCertificate or OutsideValidity. What has been verified
    once is remembered and costs no public-key operation again; its time is checked every time.
    """
    verified = _verified(certificate, authority_certificate)
    if not verified.first_second <= _seconds(now) <= verified.last_second:
        raise OutsideValidity("the certificate is not valid now")
    return verified.party


@dataclass(frozen=True)
class _Verified:
    party: CertifiedParty
    first_second: int
    last_second: int


@lru_cache(maxsize=CACHED_CERTIFICATES)
def _verified(certificate: bytes, authority_certificate: bytes) -> _Verified:
    """Everything but the time; only what holds is remembered, so a stranger cannot fill this."""
    leaf, authority = _loaded(certificate), _loaded(authority_certificate)
    try:
        first = max(leaf.not_valid_before_utc, authority.not_valid_before_utc)
        last = min(leaf.not_valid_after_utc, authority.not_valid_after_utc)
        if not _is_one_spelling(certificate, leaf):
            raise MalformedCertificate("a second spelling of a certificate")
        _check_path(leaf, authority, first)
        last_second = _timestamp(last)
        return _Verified(_party(leaf, last_second), _timestamp(first), last_second)
    except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension) as error:
        if isinstance(error, CertificateError):
            raise
        raise MalformedCertificate(str(error)) from error


def _check_path(leaf: x509.Certificate, authority: x509.Certificate, moment: datetime) -> None:
    """`moment` lies within both validities if any does."""
    verifier = (
        path.PolicyBuilder()
        .store(path.Store([authority]))
        .time(moment)
        .max_chain_depth(0)
        .extension_policies(
            ca_policy=path.ExtensionPolicy.webpki_defaults_ca(), ee_policy=_leaf_policy()
        )
        .build_client_verifier()
    )
    count("verify")
    try:
        verifier.verify(leaf, [])
    except path.VerificationError as error:
        raise UntrustedCertificate("not issued by this authority for a party") from error


def _leaf_policy() -> path.ExtensionPolicy:
    """What a leaf must hold; unknown critical extensions are refused by the verifier itself."""
    strict, lenient = path.Criticality.CRITICAL, path.Criticality.NON_CRITICAL
    return (
        path.ExtensionPolicy.permit_all()
        .require_present(x509.BasicConstraints, strict, _is_no_authority)
        .require_present(x509.KeyUsage, strict, _signs_messages_only)
        .require_present(x509.AuthorityKeyIdentifier, lenient, None)
    )


def _is_no_authority(
    policy: path.Policy, certificate: x509.Certificate, extension: x509.BasicConstraints
) -> None:
    if extension.ca:
        raise ValueError("a party is no certificate authority")


def _signs_messages_only(
    policy: path.Policy, certificate: x509.Certificate, extension: x509.KeyUsage
) -> None:
    if extension != _key_usage(certificates=False):
        raise ValueError("a party's key signs messages and nothing else")


def _party(leaf: x509.Certificate, last_second: int) -> CertifiedParty:
    """What a verified leaf says. An authority that is careless elsewhere is not followed."""
    if {extension.oid for extension in leaf.extensions} != _LEAF_EXTENSIONS:
        raise UntrustedCertificate("extensions that no party's certificate has")
    key = leaf.public_key()
    if not isinstance(key, Ed25519PublicKey):
        raise UntrustedCertificate("a party's key is Ed25519")
    public_key = key.public_bytes_raw()
    if not is_acceptable_public_key(public_key):
        raise UntrustedCertificate("a key under which signatures prove nothing")
    name, role = _name_and_role(leaf.subject)
    return CertifiedParty(name, role, public_key, last_second * 1000)


def _name_and_role(subject: x509.Name) -> tuple[str, str]:
    values = {attribute.oid: str(attribute.value) for attribute in subject}
    name = values.get(NameOID.COMMON_NAME, "")
    role = values.get(NameOID.ORGANIZATIONAL_UNIT_NAME, "")
    if not (_WORD.fullmatch(name) and _WORD.fullmatch(role)) or _subject(name, role) != subject:
        raise UntrustedCertificate("a subject that is not one name and one role")
    return name, role


def _loaded(certificate: bytes) -> x509.Certificate:
    if len(certificate) > MAX_CERTIFICATE_BYTES:
        raise MalformedCertificate("too long for a certificate")
    try:
        return x509.load_der_x509_certificate(certificate)
    except (ValueError, x509.InvalidVersion) as error:
        raise MalformedCertificate("no certificate") from error


def _is_one_spelling(encoding: bytes, certificate: x509.Certificate) -> bool:
    """The signature, outside what is signed, is a bit string of whole bytes and has the low s."""
    signature = certificate.signature
    _, s = decode_dss_signature(signature)
    tail = bytes([0x03, len(signature) + 1, 0x00]) + signature
    return s <= P256_ORDER // 2 and encoding.endswith(tail)


def _subject(name: str, role: str) -> x509.Name:
    if not (_WORD.fullmatch(name) and _WORD.fullmatch(role)):
        raise UnacceptableSubject(UnacceptableSubject.__doc__)
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, role),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )


def _scalar() -> int:
    """A private key of P-256, with the extra random bits of FIPS 186-5, A.2.1."""
    return 1 + int.from_bytes(randomness.octets(SCALAR_BYTES), "big") % (P256_ORDER - 1)


def _fresh_serial() -> int:
    """159 bits, so that its encoding has at most the 20 bytes of RFC 5280, 4.1.2.2."""
    return int.from_bytes(randomness.octets(SERIAL_BYTES), "big") >> 1


def _builder(subject: x509.Name, issuer: x509.Name, serial: int) -> x509.CertificateBuilder:
    return x509.CertificateBuilder(issuer_name=issuer, subject_name=subject, serial_number=serial)


def _valid(
    builder: x509.CertificateBuilder, first_second: int, last_second: int
) -> x509.CertificateBuilder:
    start = max(first_second - BACKDATED_SECONDS, 0)
    try:
        return builder.not_valid_before(_moment(start)).not_valid_after(_moment(last_second))
    except (ValueError, OverflowError, OSError) as error:
        raise OutsideValidity("no such time span") from error


def _authority_identifier(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier.value)


def _key_usage(*, certificates: bool) -> x509.KeyUsage:
    """An authority signs certificates; a party signs messages that stand as evidence."""
    return x509.KeyUsage(
        digital_signature=not certificates,
        content_commitment=not certificates,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=certificates,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _seconds(milliseconds: int) -> int:
    return milliseconds // 1000


def _moment(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)


def _timestamp(moment: datetime) -> int:
    return int(moment.timestamp())
