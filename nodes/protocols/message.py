"""How a message is declared.

    @message("2", sender=Role.PEER, receiver=Role.CENTRAL_SERVER)
    class Query(Message):
        \"\"\"A buyer asks who sells something.\"\"\"
        words: str

    @answer("3", to=Query)
    class Response(Message):
        \"\"\"Who sells it, and how far each is trusted.\"\"\"
        sellers: tuple[Listing, ...]

From these lines follow the route, the client call and its reply type, the log line, the OpenAPI
page and the step table. The protocol is the package the declaration stands in; a step stands
once in a protocol. A message without an answer of its own is answered by `Received`.
"""

import enum
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, TypeVar

import msgspec

from crypto.hashing import Digest as Digest
from crypto.signing import PublicKey

PartyId = PublicKey
"""A party is its Ed25519 public key: what it signs can be checked without asking anyone."""

TRANSACTION_BYTES = 16
TransactionId = Annotated[
    bytes, msgspec.Meta(min_length=TRANSACTION_BYTES, max_length=TRANSACTION_BYTES)
]
Amount = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
"""Money in minor units."""
Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
"""A moment, in milliseconds since the epoch (UTC)."""
Seconds = Annotated[int, msgspec.Meta(ge=0, le=2**31)]
ShortText = Annotated[str, msgspec.Meta(max_length=200)]
Name = Annotated[
    str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9-]*(?!\n)$")
]
"""The pattern, one for Python and for JSON Schema, lets no line feed through behind the name."""


class Role(enum.StrEnum):
    """The parties of the papers, by their packages under nodes/."""

    CERTIFICATE_AUTHORITY = "certificate_authority"
    BROKER = "broker"
    CENTRAL_SERVER = "central_server"
    ESCROW_SERVER = "escrow_server"
    BANK_ACCOUNT_SERVER = "bank_account_server"
    COIN_SERVER = "coin_server"
    GAME_SERVER = "game_server"
    MARKET = "market"
    PEER = "peer"


ANYONE = tuple(Role)


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of every message. Fields are typed and bounded; unknown ones are refused."""


M = TypeVar("M", bound=Message)
MessageType = type[Message]


@dataclass(frozen=True)
class Declaration:
    """One arrow of a paper's figure."""

    protocol: str
    step: str
    type: MessageType
    senders: tuple[Role, ...]
    receivers: tuple[Role, ...]
    sealed: bool
    answers: MessageType | None
    """The request this one answers; None for a request."""
    streams: bool
    """Content follows the answer as a stream of its own, outside the message size limit."""
    anonymous: bool = False
    """The sender names and signs nothing; what it must prove stands in the body."""

    @property
    def name(self) -> str:
        """`KeyRelease` is `key_release` in paths and logs."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", self.type.__name__).lower()

    @property
    def is_request(self) -> bool:
        return self.answers is None and self.type is not Received

    @property
    def path(self) -> str:
        return f"/{self.protocol}/{self.name}"

    @property
    def sentence(self) -> str:
        return (self.type.__doc__ or "").strip().splitlines()[0]


_by_type: dict[type[Message], Declaration] = {}
_by_step: dict[tuple[str, str], Declaration] = {}
_answer_to: dict[type[Message], Declaration] = {}


def _protocol_of(type_: type[Message]) -> str:
    package, _, _ = type_.__module__.rpartition(".")
    return package.rpartition(".")[2]


def _declare(declaration: Declaration) -> None:
    key = (declaration.protocol, declaration.step)
    if key in _by_step:
        raise TypeError(f"step {declaration.step} of {declaration.protocol} is declared twice")
    _by_type[declaration.type] = declaration
    _by_step[key] = declaration


def _roles(roles: Role | tuple[Role, ...]) -> tuple[Role, ...]:
    return (roles,) if isinstance(roles, Role) else roles


def message(
    step: str,
    *,
    sender: Role | tuple[Role, ...],
    receiver: Role | tuple[Role, ...],
    sealed: bool = False,
    streams: bool = False,
    anonymous: bool = False,
) -> Callable[[type[M]], type[M]]:
    """Declare a request: its step in the paper, who sends it to whom.

    `sealed`: only the receiver can read it (HPKE), beside being signed by the sender.
    `anonymous`: the envelope has neither sender nor signature, and travels on a connection of its
    own. Its answer is addressed to the request itself; a sealed one is sealed to `reply_key`, a
    field with a fresh X25519 key.
    """

    def declare(type_: type[M]) -> type[M]:
        _declare(
            Declaration(
                protocol=_protocol_of(type_),
                step=step,
                type=type_,
                senders=_roles(sender),
                receivers=_roles(receiver),
                sealed=sealed,
                answers=None,
                streams=streams,
                anonymous=anonymous,
            )
        )
        return type_

    return declare


def answer(
    step: str, *, to: type[Message], sealed: bool = False, anonymous: bool = False
) -> Callable[[type[M]], type[M]]:
    """Declare the answer to a request: it travels back in the same HTTP exchange.

    `anonymous`: nobody signs it, and what it must prove (a keyed hash) stands in the body.
    """

    def declare(type_: type[M]) -> type[M]:
        request = _by_type[to]
        declaration = Declaration(
            protocol=request.protocol,
            step=step,
            type=type_,
            senders=request.receivers,
            receivers=request.senders,
            sealed=sealed,
            answers=to,
            streams=False,
            anonymous=anonymous,
        )
        if to in _answer_to:
            raise TypeError(f"{to.__name__} has two answers")
        if sealed and request.anonymous and "reply_key" not in to.__struct_fields__:
            raise TypeError(f"{to.__name__} has no reply_key to seal its answer to")
        _declare(declaration)
        _answer_to[to] = declaration
        return type_

    return declare


class Received(Message, frozen=True):
    """The message arrived and is kept; there is nothing else to say."""


RECEIVED = Declaration(
    protocol="message",
    step="ack",
    type=Received,
    senders=ANYONE,
    receivers=ANYONE,
    sealed=False,
    answers=None,
    streams=False,
)


def declaration_of(type_: type[Message]) -> Declaration:
    return RECEIVED if type_ is Received else _by_type[type_]


def declaration_at(protocol: str, step: str) -> Declaration | None:
    """What is said at a step of a protocol; None where nothing is."""
    return _by_step.get((protocol, step))


def answer_to(type_: type[Message]) -> Declaration:
    """What a request is answered by."""
    return _answer_to.get(type_, RECEIVED)


def declarations(protocol: str | None = None) -> list[Declaration]:
    """Every declaration in step order of its file, as far as the packages are imported."""
    return [d for d in _by_step.values() if protocol in (None, d.protocol)]
