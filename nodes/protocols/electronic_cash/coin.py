"""The coin: what it is, who signed it, how it is named. Sections 4.2 and 4.7 of the paper.

    pk          a one-time key: its holder signs whatever is done with the coin
    v           32 random bytes, drawn by the coin server
    sn = H(pk, v)   the serial number: the coin server makes it, and no two can meet
    statement   (Sid, sn, amount), what is signed

A withdrawn coin is signed by the bank, blindly, with the key of its denomination. A coin that a
coin server makes (exchange, payment, change) has any amount and is signed by that server itself.
Either counts only while its home, the coin server Sid, has it in circulation.
"""

from typing import Annotated

import msgspec

from crypto.blind_signature import BlindPublicKey, BlindSignatureError, UnacceptableKey
from crypto.documents import Document, Signed, document, open_document
from crypto.hashing import Digest, digest, framed
from crypto.signing import InvalidSignature, PublicKey, SigningKey, verify
from nodes.protocols.electronic_cash.refusals import KeysNotAcceptable, WrongDocument
from nodes.protocols.message import Amount, PartyId

MAX_COINS = 64
"""At most so many coins go into one order, or come out of it."""
MAX_KEYS = 256
SERIAL_BITS = 256
ISSUED = "electronic_cash/issued-coin/1"

Serial = Digest
Entropy = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
OneTimeKey = PublicKey
Period = Annotated[int, msgspec.Meta(ge=1, le=2**31)]
CoinAmount = Annotated[int, msgspec.Meta(ge=1, le=2**53)]
Modulus = Annotated[bytes, msgspec.Meta(min_length=256, max_length=512)]
BlindValue = Annotated[bytes, msgspec.Meta(min_length=256, max_length=512)]
SealingPublicKey = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]


class Coin(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """EC. The serial number is not written down: it follows from key and entropy."""

    coin_server: PartyId
    key: OneTimeKey
    entropy: Entropy
    amount: CoinAmount
    period: Period | None
    """Of the bank's key; None: the coin server signed."""
    signature: Annotated[bytes, msgspec.Meta(min_length=64, max_length=512)]


class DenominationKey(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A bank's key for coins of one amount in one period."""

    period: Period
    denomination: CoinAmount
    modulus: Modulus


DenominationKeys = Annotated[tuple[DenominationKey, ...], msgspec.Meta(max_length=MAX_KEYS)]


@document("electronic_cash/key-list/1", signers=("authority",))
class KeyList(Document, frozen=True):
    """Every key of a bank, the same for everybody; keys are added and never change."""

    authority: PartyId
    bank: PartyId
    keys: DenominationKeys


def serial_of(key: bytes, entropy: bytes) -> Serial:
    return digest("electronic_cash/serial", key, entropy)


def serial(coin: Coin) -> Serial:
    return serial_of(coin.key, coin.entropy)


def first_bits(serial_: Serial, bits: int) -> Serial:
    """The serial number in a space of 2^bits; the same in the whole one."""
    spare = SERIAL_BITS - bits
    return (int.from_bytes(serial_, "big") >> spare << spare).to_bytes(len(serial_), "big")


def statement(coin_server: bytes, serial_: bytes, amount: int) -> bytes:
    """What the bank signs blindly and a coin server openly."""
    return framed("electronic_cash/coin/1", coin_server, serial_, amount.to_bytes(8, "big"))


def statement_of(coin: Coin) -> bytes:
    return statement(coin.coin_server, serial(coin), coin.amount)


def issued(coin_server: SigningKey, key: bytes, entropy: bytes, amount: int) -> Coin:
    """A coin of this coin server, signed by it."""
    me = coin_server.public_key
    signature = coin_server.sign(ISSUED, statement(me, serial_of(key, entropy), amount))
    return Coin(me, key, entropy, amount, None, signature)


def public_key(key: DenominationKey) -> BlindPublicKey:
    """Raises UnacceptableKey."""
    return BlindPublicKey.from_bytes(key.modulus)


def key_for(keys: tuple[DenominationKey, ...], amount: int) -> DenominationKey | None:
    """The newest key of a denomination."""
    found = [key for key in keys if key.denomination == amount]
    return max(found, key=lambda key: key.period, default=None)


def is_genuine(coin: Coin, keys: tuple[DenominationKey, ...]) -> bool:
    """Signed by its coin server, or by the bank with that denomination's key."""
    try:
        if coin.period is None:
            verify(coin.coin_server, ISSUED, statement_of(coin), coin.signature)
            return True
        for key in keys:
            if (key.period, key.denomination) == (coin.period, coin.amount):
                public_key(key).verify(statement_of(coin), coin.signature)
                return True
    except (InvalidSignature, BlindSignatureError):
        pass
    return False


# The list of keys: K1-K4


def next_list(
    authority: PartyId, bank: PartyId, keys: tuple[DenominationKey, ...], before: KeyList | None
) -> KeyList:
    """The authority: the bank's keys, where none replaces an old one and no modulus serves twice.

    Raises KeysNotAcceptable.
    """
    kept = before.keys if before else ()
    if keys[: len(kept)] != kept:
        raise KeysNotAcceptable("a published key is missing or changed")
    if len({(key.period, key.denomination) for key in keys}) != len(keys):
        raise KeysNotAcceptable("two keys of one denomination and period")
    if len({key.modulus for key in keys}) != len(keys):
        raise KeysNotAcceptable("one modulus serves twice")
    try:
        for key in keys:
            public_key(key)
    except UnacceptableKey as error:
        raise KeysNotAcceptable(str(error)) from error
    return KeyList(authority, bank, keys)


def read_list(signed: Signed[KeyList], authority: PartyId, bank: PartyId) -> KeyList:
    """Everybody: the list, signed by this world's authority. Raises WrongDocument."""
    try:
        listed = open_document(KeyList, signed)
    except ValueError as error:
        raise WrongDocument(str(error)) from error
    if (listed.authority, listed.bank) != (authority, bank):
        raise WrongDocument("another bank's keys, or another authority's word")
    return listed


def split(amount: Amount, keys: tuple[DenominationKey, ...]) -> tuple[int, ...]:
    """Denominations that add up to `amount`, the largest first: as few coins as there can be."""
    rest, out = amount, []
    for denomination in sorted({key.denomination for key in keys}, reverse=True):
        count, rest = divmod(rest, denomination)
        out.extend([denomination] * count)
    return tuple(out) if not rest else ()
