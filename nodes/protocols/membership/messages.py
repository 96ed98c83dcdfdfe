"""Every message of the membership, and the card a party is found by."""

from typing import Annotated

import msgspec

from crypto.certificates import MAX_CERTIFICATE_BYTES
from crypto.documents import Document, Signed, document
from crypto.hashing import Digest
from dht.records import Epoch, Roster
from nodes.protocols.message import (
    ANYONE,
    Message,
    Name,
    PartyId,
    Role,
    ShortText,
    answer,
    message,
)

MOST_PARTIES = 64
"""At most so many parties are asked for by id, or told, in one answer."""

CertificateBytes = Annotated[bytes, msgspec.Meta(min_length=1, max_length=MAX_CERTIFICATE_BYTES)]
"""X.509, DER."""
SealingPublicKey = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
"""X25519, for HPKE."""


class UdpAddress(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Where a party's DHT node listens."""

    host: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)]


@document("membership/card/1", signers=("id",))
class Card(Document, frozen=True):
    """A party's own word on who it is and where it is reached. A higher sequence replaces it."""

    id: PartyId
    sealing_key: SealingPublicKey
    role: Role
    name: Name
    url: ShortText
    udp: UdpAddress | None
    sequence: Annotated[int, msgspec.Meta(ge=1, le=2**53)]


class Listed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A card, and the certificate that vouches for its key, name and role."""

    card: Signed[Card]
    certificate: CertificateBytes


@message("E1", sender=ANYONE, receiver=Role.CERTIFICATE_AUTHORITY)
class Enrol(Message, frozen=True):
    """A party asks to be certified, or says that it has moved."""

    card: Signed[Card]
    admission: Digest
    """HMAC under the world's secret over the card."""


@answer("E2", to=Enrol)
class Enrolled(Message, frozen=True):
    """The party's certificate, and the authority's."""

    certificate: CertificateBytes
    authority_certificate: CertificateBytes
    welcome: Digest
    """HMAC under the world's secret over both and the authority's id: this is the world's CA."""


@message("F1", sender=ANYONE, receiver=Role.CERTIFICATE_AUTHORITY)
class FindParties(Message, frozen=True):
    """A party asks who someone is: by ids, by name, or all of one role."""

    ids: Annotated[tuple[PartyId, ...], msgspec.Meta(max_length=MOST_PARTIES)] = ()
    name: Name | None = None
    role: Role | None = None


@answer("F2", to=FindParties)
class Parties(Message, frozen=True):
    """The newest card of each that is known."""

    found: Annotated[tuple[Listed, ...], msgspec.Meta(max_length=MOST_PARTIES)]


@message("N1", sender=ANYONE, receiver=Role.CERTIFICATE_AUTHORITY)
class RosterQuery(Message, frozen=True):
    """A party asks for the next roster; the authority waits a little for the first one."""

    after: Annotated[int, msgspec.Meta(ge=0, le=2**31)]
    """The epoch the party knows; 0 for none."""


@answer("N2", to=RosterQuery)
class RosterAnswer(Message, frozen=True):
    """The roster that follows the one known, or none if there is none newer."""

    roster: Signed[Roster] | None
    epoch: Epoch | None
    """The newest there is. Each roster follows from the one before, so all are fetched in turn."""


@message(
    "N3",
    sender=Role.CERTIFICATE_AUTHORITY,
    receiver=(Role.PEER, Role.BROKER, Role.ESCROW_SERVER),
)
class EpochTurned(Message, frozen=True):
    """The authority has signed a newer roster; who misses this hears of it in the ring."""

    epoch: Epoch
