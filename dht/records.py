"""What stands in a register and what proves it. Pure; everything is checkable offline.

A register is named (namespace, chain, index): the index-th step in the life of one object. What
is voted on is a `Body`; every step that competes for the same place (payment, reissue,
redemption) competes for the same register, and a replica votes for one body only, for ever.
A `Certificate` is a record with the votes of q of the k members closest to its key, in one
epoch's roster.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Annotated, Literal

import msgspec

from crypto import codec
from crypto.documents import Document, Signed, content_digest, document, open_document
from crypto.hashing import Digest, digest
from crypto.signing import InvalidSignature, PublicKey, Signature, SigningKey, verify

NODE_ID_BYTES = 20
"""Width of Kademlia's identifiers: 160 bits."""
MAX_INDEX = 63
"""A generation has at most 64 steps."""
VOTE_LABEL = "dht/vote/1"
MAX_EVIDENCE_BYTES = 4096

Index = Annotated[int, msgspec.Meta(ge=0, le=MAX_INDEX)]
Epoch = Annotated[int, msgspec.Meta(ge=1, le=2**31)]
Namespace = Annotated[str, msgspec.Meta(min_length=1, max_length=16)]
Kind = Literal["open", "pay", "reissue", "redeem"]
TERMINAL: frozenset[Kind] = frozenset({"reissue", "redeem"})


class InvalidCertificate(ValueError):
    """These votes do not prove that record."""


class RosterNotKnown(InvalidCertificate):
    """It is of an epoch after those known here: nothing can be said of it yet."""


class VoterIsNotAMember(InvalidCertificate):
    """There are votes enough, but not all by the k members closest to the key."""


class RegisterName(msgspec.Struct, frozen=True, array_like=True):
    namespace: Namespace
    chain: Digest
    index: Index

    @property
    def key(self) -> bytes:
        """Where it lies on the ring: 20 bytes. DC writes this as C+seq."""
        return _ring_key(self.namespace, self.chain, self.index)


@lru_cache(maxsize=4096)
def _ring_key(namespace: str, chain: bytes, index: int) -> bytes:
    return digest("register", namespace.encode(), chain, index.to_bytes(8, "big"))[:NODE_ID_BYTES]


@document("dht/body/1", signers=("payer",))
class Body(Document, frozen=True, array_like=True):
    """One step of one object. No time, epoch, request or vote: every retry is the same value."""

    namespace: Namespace
    chain: Digest
    index: Index
    kind: Kind
    payer: PublicKey
    """Who writes this step: the payee of the step before. At index 0: who issued the object."""
    payee: PublicKey
    previous: bytes
    """Digest of the body at index - 1; empty at index 0."""
    subject: Digest
    """Digest of the object (the coin) whose life this is."""
    terms: bytes
    """What the step was made for: digest of order and coins; of the new coin, in a reissue."""

    @property
    def name(self) -> RegisterName:
        return RegisterName(self.namespace, self.chain, self.index)


class Record(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A body as its payer signed it. Index 0 follows from the object alone and has no signature."""

    signed: Signed[Body]

    def body(self) -> Body:
        """The body, its signature checked. Raises MalformedEncoding or InvalidSignature."""
        at_start = self.unchecked().index == 0
        return open_document(Body, self.signed, signatures=0 if at_start else 1)

    def unchecked(self) -> Body:
        """The body, whoever signed it. Raises MalformedEncoding."""
        return _read_body(self.signed.content)

    @property
    def digest(self) -> bytes:
        """The value voted on: the body, whoever signed or countersigned it again."""
        return _body_digest(self.signed.content)


@lru_cache(maxsize=1024)
def _read_body(content: bytes) -> Body:
    return codec.decode(content, Body)


@lru_cache(maxsize=4096)
def _body_digest(content: bytes) -> bytes:
    return content_digest(Body, content)


@document("dht/roster/1", signers=("authority",))
class Roster(Document, frozen=True):
    """Who may vote in one epoch, signed by the certificate authority. No addresses."""

    epoch: Epoch
    authority: PublicKey
    k: Annotated[int, msgspec.Meta(ge=1, le=64)]
    q: Annotated[int, msgspec.Meta(ge=1, le=64)]
    members: tuple[PublicKey, ...]
    previous: bytes
    """Digest of the roster before; empty in epoch 1."""

    def closest(self, key: bytes) -> tuple[PublicKey, ...]:
        """Exactly the k members closest to a 20-byte key, nearest first."""
        target = int.from_bytes(key, "big")
        ranked = sorted(self.members, key=lambda m: int.from_bytes(node_id(m), "big") ^ target)
        return tuple(ranked[: self.k])


@lru_cache(maxsize=1 << 16)
def node_id(public_key: bytes) -> bytes:
    """A node cannot choose its place: its id is the hash of its certified key. 20 bytes."""
    return digest("dht node id", public_key)[:NODE_ID_BYTES]


Closest = Callable[[bytes], tuple[PublicKey, ...]]
"""Exactly the k members closest to a 20-byte key, nearest first."""


class Vote(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A replica's word that this body, and no other ever, has its vote in that register."""

    voter: PublicKey
    signature: Signature


class Certificate(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A record and the votes of one epoch that make it final."""

    record: Record
    epoch: Epoch
    roster: Digest
    votes: tuple[Vote, ...]


class Put(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What a writer shows a replica: the record, and what proves that it may follow."""

    record: Record
    predecessor: Certificate | None
    """Of the step before; None at index 0."""
    evidence: Annotated[bytes, msgspec.Meta(max_length=MAX_EVIDENCE_BYTES)]
    """The namespace's own proof that the object is genuine."""


def _vote_text(name: RegisterName, value: bytes, epoch: int, roster: bytes) -> bytes:
    return codec.encode((name, value, epoch, roster))


def cast_vote(key: SigningKey, name: RegisterName, value: bytes, epoch: int, roster: bytes) -> Vote:
    """`value` is Record.digest; `roster` the digest of the roster document of `epoch`."""
    text = _vote_text(name, value, epoch, roster)
    return Vote(key.public_key, key.sign(VOTE_LABEL, text))


def check_vote(vote: Vote, name: RegisterName, value: bytes, epoch: int, roster: bytes) -> None:
    """Raise InvalidSignature unless this is the voter's vote for exactly this value."""
    text = _vote_text(name, value, epoch, roster)
    verify(vote.voter, VOTE_LABEL, text, vote.signature)


def check_certificate(
    certificate: Certificate,
    roster: Roster,
    roster_digest: bytes,
    *,
    own: Vote | None = None,
    closest: Closest | None = None,
) -> Body:
    """The certified body, if q distinct members of its k closest voted for it in that epoch.

    Raises InvalidCertificate; `roster` must be the authority's for the certificate's epoch.
    `own`: the checker's own vote for this very record, roster and epoch. `closest`: the roster's,
    where somebody remembers what it has said.
    """
    if (certificate.epoch, certificate.roster) != (roster.epoch, roster_digest):
        raise InvalidCertificate("the votes are of another roster")
    try:
        body = certificate.record.body()
    except ValueError as error:
        raise InvalidCertificate(f"the record: {error}") from error
    value = certificate.record.digest
    voters = {vote.voter for vote in certificate.votes}
    if len(voters) != len(certificate.votes) or len(voters) < roster.q:
        raise InvalidCertificate(f"{roster.q} distinct voters wanted, {len(voters)} there")
    if not voters.issubset((closest or roster.closest)(body.name.key)):
        raise VoterIsNotAMember("a voter is not among the k closest members")
    try:
        for vote in certificate.votes:
            if vote == own:
                continue
            check_vote(vote, body.name, value, certificate.epoch, certificate.roster)
    except InvalidSignature as error:
        raise InvalidCertificate("a vote is not its voter's") from error
    return body


def quorum(k: int, liars: int, drift: int) -> int:
    """q = floor((k + f + d) / 2) + 1: two quorums then share more than f + d replicas.

    `liars`: replicas that may vote twice; `drift`: by how many members two writers' sets differ.
    """
    return (k + liars + drift) // 2 + 1


def tolerated(k: int, q: int) -> int:
    """How many replicas of a register may vote twice and two quorums still share an honest one."""
    return 2 * q - k - 1


def to_take_over(k: int, q: int) -> int:
    """Of how many of a register's k replicas somebody has to hear who is to vote there after them.

    h = k - q + f + 1: whichever q have voted, one of the h has, and is none of the f that lie.
    """
    return k - q + tolerated(k, q) + 1


class FraudProof(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Two different bodies for one register, both signed by the same payer. Anyone can check it."""

    first: Record
    second: Record


def check_fraud_proof(proof: FraudProof) -> tuple[Body, Body]:
    """The two bodies, if they convict their payer. Raises ValueError otherwise."""
    first, second = proof.first.body(), proof.second.body()
    if first.name != second.name or first.payer != second.payer or first.index == 0:
        raise ValueError("the two records are not one payer's for one register")
    if proof.first.digest == proof.second.digest:
        raise ValueError("the two records are the same")
    return first, second
