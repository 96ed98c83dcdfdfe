"""V1-V6: vouchers, by which money reaches a pseudonym without saying whose it was.

The paper's deposit is silent about how the money comes (PID-R7); paid from an account it would tell
the broker who is behind the PID. A voucher is signed blindly (RFC 9474), as much as an account was
debited for, and is worth its amount to whoever shows its serial first.

    serial     32 random bytes, drawn by the customer
    factor     r, from the customer's secret and the serial
    statement  (broker, amount, serial), what is signed

What the broker can still join are amounts and times.
"""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import msgspec

from crypto.blind_signature import (
    Blinder,
    BlindPrivateKey,
    BlindPublicKey,
    BlindSignatureError,
    derive_factor,
)
from crypto.documents import Signed, open_document
from crypto.hashing import digest, framed
from nodes.protocols.anonymous_micropayment.messages import (
    MAX_VOUCHERS,
    Blinded,
    Voucher,
    VoucherKeys,
)
from nodes.protocols.anonymous_micropayment.refusals import (
    KeysNotTheBrokers,
    NoSuchDenomination,
    VoucherNotGenuine,
    VouchersDiffer,
    VoucherSpent,
)
from nodes.protocols.anonymous_micropayment.values import Secret
from nodes.protocols.message import Amount, PartyId

DENOMINATIONS = (1, 10, 100)

K = TypeVar("K")


class VoucherSecret(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What a customer keeps of a voucher it has asked for; on disk before it asks."""

    amount: Amount
    serial: Secret
    factor_secret: Secret


def statement(broker: PartyId, amount: Amount, serial: Secret) -> bytes:
    return framed("anonymous_micropayment/voucher/1", broker, amount.to_bytes(8, "big"), serial)


# Customer


def read_keys(signed: Signed[VoucherKeys], broker: PartyId) -> dict[Amount, BlindPublicKey]:
    """V2: the key of each amount. Raises KeysNotTheBrokers."""
    try:
        keys = open_document(VoucherKeys, signed)
        found = {key.amount: BlindPublicKey.from_bytes(key.modulus) for key in keys.keys}
    except ValueError as error:
        raise KeysNotTheBrokers(str(error)) from error
    if keys.broker != broker or len(found) != len(keys.keys):
        raise KeysNotTheBrokers()
    return found


def split(amount: Amount, denominations: Sequence[Amount]) -> tuple[Amount, ...]:
    """The fewest vouchers that make up an amount. Raises NoSuchDenomination for too many."""
    parts: list[Amount] = []
    for denomination in sorted(denominations, reverse=True):
        count, amount = divmod(amount, denomination)
        parts += [denomination] * min(count, MAX_VOUCHERS + 1)
    if amount or not 0 < len(parts) <= MAX_VOUCHERS:
        raise NoSuchDenomination("no such amount, or too many vouchers for it")
    return tuple(parts)


def draw(amounts: Sequence[Amount], fresh: bytes) -> tuple[VoucherSecret, ...]:
    """Before V3: serials and blinding secrets, from 32 fresh bytes."""
    return tuple(
        VoucherSecret(
            amount,
            digest("voucher serial", fresh, index.to_bytes(2, "big")),
            digest("voucher factor", fresh, index.to_bytes(2, "big")),
        )
        for index, amount in enumerate(amounts)
    )


def blind(
    secrets: Sequence[VoucherSecret], keys: Mapping[Amount, BlindPublicKey], broker: PartyId
) -> tuple[Blinded, ...]:
    """V3: what the broker may see, the same each time. Raises NoSuchDenomination."""
    return tuple(
        Blinded(one.amount, _blinder(one, keys, broker).blinded_message) for one in secrets
    )


def unblind(
    signatures: Sequence[bytes],
    secrets: Sequence[VoucherSecret],
    keys: Mapping[Amount, BlindPublicKey],
    broker: PartyId,
) -> tuple[Voucher, ...]:
    """V4: the vouchers. Raises VouchersDiffer unless the broker signed each."""
    if len(signatures) != len(secrets):
        raise VouchersDiffer(f"{len(secrets)} asked for, {len(signatures)} came")
    try:
        return tuple(
            Voucher(one.amount, one.serial, _blinder(one, keys, broker).finalize(signature))
            for one, signature in zip(secrets, signatures, strict=True)
        )
    except BlindSignatureError as error:
        raise VouchersDiffer(str(error)) from error


def _blinder(one: VoucherSecret, keys: Mapping[Amount, BlindPublicKey], broker: PartyId) -> Blinder:
    key = _key(keys, one.amount)
    factor = derive_factor(key, one.factor_secret, "voucher factor", one.serial)
    return Blinder(key, statement(broker, one.amount, one.serial), factor)


# Broker


def total(parts: Sequence[Blinded] | Sequence[Voucher]) -> Amount:
    return sum(part.amount for part in parts)


def sign_blindly(
    blinded: Sequence[Blinded], keys: Mapping[Amount, BlindPrivateKey]
) -> tuple[bytes, ...]:
    """V3 -> V4; what is debited is `total(blinded)`. Raises NoSuchDenomination."""
    try:
        return tuple(_key(keys, one.amount).blind_sign(one.value) for one in blinded)
    except BlindSignatureError as error:
        raise NoSuchDenomination(str(error)) from error


def check_vouchers(
    vouchers: Sequence[Voucher],
    keys: Mapping[Amount, BlindPublicKey],
    broker: PartyId,
    spent: frozenset[Secret],
) -> Amount:
    """V5 and step 3: what they are worth. `spent`: those of their serials taken before.

    Raises VoucherNotGenuine or VoucherSpent.
    """
    for voucher in vouchers:
        try:
            message = statement(broker, voucher.amount, voucher.serial)
            _key(keys, voucher.amount).verify(message, voucher.signature)
        except (BlindSignatureError, NoSuchDenomination) as error:
            raise VoucherNotGenuine(str(error)) from error
    serials = {voucher.serial for voucher in vouchers}
    if len(serials) != len(vouchers) or serials & spent:
        raise VoucherSpent()
    return total(vouchers)


def _key(keys: Mapping[Amount, K], amount: Amount) -> K:
    if amount not in keys:
        raise NoSuchDenomination(str(amount))
    return keys[amount]
