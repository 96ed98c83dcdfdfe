"""What nodes say to each other: one request and one answer type for each remote method.

A request body is [method, request], an answer body the answer alone; both MessagePack, at most
`settings.MAX_BODY_BYTES`. Every request names its sender's public key. That is a claim: whoever
wants to stand in a routing table has to prove it (`Ping`). What is asked about registers names the
epoch it is asked in, and so does the answer; whoever is behind fetches the rosters it lacks.
"""

from typing import Annotated, Literal

import msgspec

from crypto.documents import Signed
from crypto.hashing import Digest
from crypto.signing import PublicKey, Signature
from dht.records import (
    NODE_ID_BYTES,
    Certificate,
    Put,
    Record,
    RegisterName,
    Roster,
    Vote,
)

PRESENCE_LABEL = "dht/presence/1"
NONCE_BYTES = 16
PAGE_ITEMS = 48
FETCH_ITEMS = 48
MAX_CONTACTS = 64

Nonce = Annotated[bytes, msgspec.Meta(min_length=NONCE_BYTES, max_length=NONCE_BYTES)]
NodeId = Annotated[bytes, msgspec.Meta(min_length=NODE_ID_BYTES, max_length=NODE_ID_BYTES)]
Host = Annotated[str, msgspec.Meta(min_length=1, max_length=45)]
"""An IP address as text; a name is never looked up for a stranger."""
Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
Cursor = Annotated[bytes, msgspec.Meta(max_length=128)]
"""Where a page ended; empty for the first page and after the last."""

EpochNumber = Annotated[int, msgspec.Meta(ge=0, le=2**31)]
"""0 where nobody says."""

Code = Annotated[str, msgspec.Meta(max_length=80)]
Detail = Annotated[str, msgspec.Meta(max_length=400)]


class _Message(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    pass


class Request(_Message, frozen=True):
    sender: PublicKey


class Ping(Request, frozen=True):
    """Who are you? The answer proves it."""

    nonce: Nonce


class Pong(_Message, frozen=True):
    """A signature over the nonce and the address the ping came from, as its receiver saw it.

    A third party that passes a ping on is seen at its own address, so it cannot pass as the
    member behind it.
    """

    key: PublicKey
    host: Host
    port: Port
    signature: Signature


class FindNode(Request, frozen=True):
    target: NodeId


class Neighbour(_Message, frozen=True):
    key: PublicKey
    host: Host
    port: Port


class Neighbours(_Message, frozen=True):
    """The contacts closest to the target that the answerer knows, nearest first."""

    contacts: Annotated[tuple[Neighbour, ...], msgspec.Meta(max_length=MAX_CONTACTS)]


class PutRequest(Request, frozen=True):
    put: Put
    epoch: EpochNumber = 0


PutState = Literal["voted", "conflict", "refused", "busy", "not-synced"]


class PutAnswer(_Message, frozen=True):
    """A replica's word on a put.

    `voted` comes with the vote. Whenever another body is known for the register it is shown too,
    as its certificate or as the put that brought it.
    """

    state: PutState
    vote: Vote | None = None
    rival: Put | None = None
    rival_certificate: Certificate | None = None
    certified: bool = False
    """The replica already keeps this very body as certified."""
    code: Code = ""
    detail: Detail = ""
    epoch: EpochNumber = 0


class KeepRequest(Request, frozen=True):
    """A certificate is handed to those who voted."""

    certificate: Certificate


class KeepAnswer(_Message, frozen=True):
    state: Literal["kept", "refused", "busy", "not-synced"]


class ReadRequest(Request, frozen=True):
    name: RegisterName
    epoch: EpochNumber = 0


class ReadAnswer(_Message, frozen=True):
    """What a replica holds: the body it votes for first. `not-mine`: it is not a replica here."""

    state: Literal["held", "absent", "not-mine", "not-synced"]
    records: Annotated[tuple[Record, ...], msgspec.Meta(max_length=3)] = ()
    vote: Vote | None = None
    """For the first record, as long as there is no certificate."""
    certificate: Certificate | None = None
    epoch: EpochNumber = 0


class HoldsRequest(Request, frozen=True):
    """Which registers of mine do you hold?

    With `matching`, the digest of what the sender holds after one cursor and up to another: only
    if that is not the same.
    """

    after: Cursor
    turn: EpochNumber = 0
    """Mine by this epoch's roster; 0 for the newest."""
    until: Cursor = b""
    """The last one asked about; empty for all there are."""
    matching: Annotated[bytes, msgspec.Meta(max_length=32)] = b""


class Holding(_Message, frozen=True):
    name: RegisterName
    digests: Annotated[tuple[Digest, ...], msgspec.Meta(min_length=1, max_length=3)]
    certified: Annotated[bytes, msgspec.Meta(max_length=32)]
    """Which of them has a certificate; empty if none."""


class HoldsAnswer(_Message, frozen=True):
    state: Literal["page", "same", "not-synced"]
    holdings: Annotated[tuple[Holding, ...], msgspec.Meta(max_length=PAGE_ITEMS)] = ()
    next: Cursor = b""
    epoch: EpochNumber = 0
    """The answerer votes in no earlier one."""
    settled: bool = False
    """It holds all that it had to of the epoch before the one asked about."""
    through: EpochNumber = 0
    """And of this one: the newest such."""


class Wanted(_Message, frozen=True):
    name: RegisterName
    digest: Digest


class FetchRequest(Request, frozen=True):
    wanted: Annotated[tuple[Wanted, ...], msgspec.Meta(min_length=1, max_length=FETCH_ITEMS)]


class Copy(_Message, frozen=True):
    """A certified record needs nothing else; another one comes as it was put."""

    certificate: Certificate | None = None
    put: Put | None = None


class FetchAnswer(_Message, frozen=True):
    """Copies of the first `seen` of what was wanted: as many as fit."""

    state: Literal["copies", "not-synced"]
    seen: Annotated[int, msgspec.Meta(ge=0, le=FETCH_ITEMS)] = 0
    copies: Annotated[tuple[Copy, ...], msgspec.Meta(max_length=FETCH_ITEMS)] = ()


class RosterRequest(Request, frozen=True):
    epoch: EpochNumber


class RosterReply(_Message, frozen=True):
    """Signed by the authority; none if it is not known here, or too large for a datagram."""

    roster: Signed[Roster] | None


class OfferRoster(Request, frozen=True):
    """Here is a roster that you seem not to have. Who sends it is of no importance."""

    roster: Signed[Roster]


class RosterTaken(_Message, frozen=True):
    known: EpochNumber
    """The newest epoch the answerer goes by now."""


METHODS: dict[str, type[Request]] = {
    "ping": Ping,
    "find_node": FindNode,
    "put": PutRequest,
    "keep": KeepRequest,
    "read": ReadRequest,
    "holds": HoldsRequest,
    "fetch": FetchRequest,
    "roster": RosterRequest,
    "offer": OfferRoster,
}
METHOD_OF: dict[type[Request], str] = {type_: method for method, type_ in METHODS.items()}
