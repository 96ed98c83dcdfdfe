"""The coin: what it is, how it is named, when it may be used. Equations (1), (2), (6) of the paper.

    C  = {U, sn, E} signed by B      generation 0
    C' = {U, sn, E'} signed by W     generation g + 1, after a certified reissue

A coin is one minor unit. (U, sn) is its identity over all generations, and the broker redeems it
once. Each generation is a chain of registers (cid, 0), (cid, 1), ... with
cid = H("coin", U, sn, generation); whoever is payee of the last certified step holds the coin.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Annotated

import msgspec

from crypto import codec
from crypto.documents import (
    Document,
    Signed,
    document,
    document_digest,
    open_document,
)
from crypto.hashing import Digest, digest
from dht.records import Body, Certificate, Kind, Record
from nodes.protocols.dht_micropayment.refusals import CoinIsNotGenuine
from nodes.protocols.guard import ALL_ON, Guards
from nodes.protocols.message import Milliseconds, PartyId

NAMESPACE = "coin"
MAX_COINS = 64
"""At most so many coins in one payment, withdrawal or redemption."""
READ_AGAIN = 2048
"""Coins, and steps, that are kept decoded: a wallet looks at its own again and again."""

Serial = Annotated[int, msgspec.Meta(ge=1, le=2**53)]
Generation = Annotated[int, msgspec.Meta(ge=0, le=2**16)]
Duration = Annotated[int, msgspec.Meta(ge=1, le=2**40)]
"""Milliseconds."""
CoinCount = Annotated[int, msgspec.Meta(ge=1, le=MAX_COINS)]
Link = Annotated[bytes, msgspec.Meta(max_length=32)]
"""A digest, or empty."""


@document("dht_micropayment/coin/1", signers=("signed_by",))
class Coin(Document, frozen=True, array_like=True):
    """Steps W2 and R2. What its broker fixed at the start stays the same in every generation."""

    owner: PartyId
    """U: who withdrew it."""
    serial: Serial
    """sn: larger than every serial the broker used before."""
    generation: Generation
    expires: Milliseconds
    """E."""
    validity: Duration
    """V: a reissue sets E' = E + V, so nobody chooses where his next register lies."""
    window: Duration
    """Reissue is open from E - window to E + window, redemption until E + window."""
    issuer: PartyId
    """B."""
    signed_by: PartyId
    """B in generation 0, the reissuing holder W later."""
    holder: PartyId
    """Who holds it at step 0: U in generation 0, W later."""
    previous: Link
    """Digest of the previous generation's coin; empty in generation 0."""


class Evidence(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What shows to anyone, without the coin's history, that it is genuine.

    Generation 0 needs only its broker's signature. A later one needs the coin it replaces and the
    certified reissue: its witnesses vouch for everything before.
    """

    coin: Signed[Coin]
    parent: Coin | None = None
    reissue: Certificate | None = None
    successor: Signed[Coin] | None = None
    """C', shown to the witnesses of a reissue of `coin` and absent otherwise."""


@lru_cache(maxsize=256)
def decode_evidence(data: bytes) -> Evidence:
    """Raises MalformedEncoding. Each step of a coin comes with the same bytes."""
    return codec.decode(data, Evidence)


Certified = Callable[[Certificate], Body]
"""The body, if the votes certify it. Raises dht.records.InvalidCertificate."""


@dataclass(frozen=True)
class Trust:
    """Whom a party believes when it looks at a coin."""

    brokers: frozenset[PartyId]
    certified: Certified
    guards: Guards = field(default=ALL_ON)


@lru_cache(maxsize=READ_AGAIN)
def chain_of(owner: bytes, serial: int, generation: int) -> Digest:
    """cid, 32 bytes: names the chain of registers of one generation of one coin."""
    return digest("coin", owner, serial.to_bytes(8, "big"), generation.to_bytes(8, "big"))


def chain(coin: Coin) -> Digest:
    return chain_of(coin.owner, coin.serial, coin.generation)


def opening(coin: Coin) -> Body:
    """Step 0, which follows from the coin alone: its first holder. Equations (3) and (9)."""
    return Body(
        namespace=NAMESPACE,
        chain=chain(coin),
        index=0,
        kind="open",
        payer=coin.signed_by,
        payee=coin.holder,
        previous=b"",
        subject=document_digest(coin),
        terms=b"",
    )


def opening_record(coin: Coin) -> Record:
    """Steps W3 and R5: what the first holder writes; it carries no signature."""
    return Record(Signed(codec.encode(opening(coin)), ()))


def open_coin(signed: Signed[Coin]) -> Coin:
    """The coin, signed by who it says. Raises CoinIsNotGenuine."""
    try:
        return open_document(Coin, signed)
    except ValueError as error:
        raise CoinIsNotGenuine(str(error)) from error


def read_coin(signed: Signed[Coin]) -> Coin:
    """A coin whose signature was checked when it came in."""
    return _read(signed.content)


@lru_cache(maxsize=READ_AGAIN)
def _read(content: bytes) -> Coin:
    return codec.decode(content, Coin)


def payee_accepts_until(coin: Coin, quorum_time: int) -> int:
    """Last moment a payee takes the coin: it still needs `quorum_time` ms to have it certified."""
    return coin.expires - quorum_time


def closes_at(coin: Coin) -> int:
    """After this moment no witness votes for any step of this generation."""
    return coin.expires + coin.window


def witnesses_accept_until(coin: Coin, kind: Kind) -> int:
    """Payments close half a window early, so that their payee can still reissue or redeem."""
    return coin.expires + coin.window // 2 if kind == "pay" else closes_at(coin)


def reissue_opens_at(coin: Coin) -> int:
    return coin.expires - coin.window
