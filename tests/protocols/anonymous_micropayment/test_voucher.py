"""V1-V6: money that does not say whose it was (PID-R7)."""

from functools import cache

import pytest

from crypto import codec
from crypto.blind_signature import BlindPrivateKey, BlindPublicKey
from crypto.documents import sign_document
from nodes.protocols.anonymous_micropayment import voucher
from nodes.protocols.anonymous_micropayment.messages import (
    MAX_VOUCHERS,
    Blinded,
    Voucher,
    VoucherKey,
    VoucherKeys,
)
from nodes.protocols.anonymous_micropayment.refusals import (
    KeysNotTheBrokers,
    NoSuchDenomination,
    VoucherNotGenuine,
    VouchersDiffer,
    VoucherSpent,
)
from tests.protocols.anonymous_micropayment.market import BROKER, OTHER, altered, secret

ME = BROKER.public_key
NONE_SPENT: frozenset[bytes] = frozenset()


@cache
def private() -> dict[int, BlindPrivateKey]:
    return {amount: BlindPrivateKey.generate() for amount in (1, 10)}


@cache
def public() -> dict[int, BlindPublicKey]:
    return {amount: key.public_key for amount, key in private().items()}


def listed(signer: object = BROKER, **changes: object) -> object:
    keys = tuple(VoucherKey(amount, key.encoded) for amount, key in public().items())
    return sign_document(altered(VoucherKeys(ME, keys), **changes), signer)  # type: ignore[arg-type]


@cache
def bought() -> tuple[Voucher, ...]:
    drawn = voucher.draw((10, 1, 1), secret("fresh"))
    signatures = voucher.sign_blindly(voucher.blind(drawn, public(), ME), private())
    return voucher.unblind(signatures, drawn, public(), ME)


def test_vouchers_are_worth_what_the_account_is_debited() -> None:
    drawn = voucher.draw(voucher.split(12, (1, 10)), secret("fresh"))
    assert voucher.total(voucher.blind(drawn, public(), ME)) == 12
    assert voucher.check_vouchers(bought(), public(), ME, NONE_SPENT) == 12


def test_the_broker_sees_nothing_of_a_voucher_when_it_signs_it() -> None:
    drawn = voucher.draw((10, 1, 1), secret("fresh"))
    seen = codec.encode(voucher.blind(drawn, public(), ME))
    for one in bought():
        assert one.serial not in seen
        assert one.signature not in seen


def test_the_same_secrets_ask_with_the_same_bytes_so_a_crash_repeats_the_question() -> None:
    drawn = voucher.draw((10, 1), secret("fresh"))
    assert voucher.blind(drawn, public(), ME) == voucher.blind(drawn, public(), ME)


@pytest.mark.parametrize(
    "changes", [{"amount": 1}, {"serial": bytes(32)}, {"signature": b"x" * 256}]
)
def test_each_altered_field_of_a_voucher_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(VoucherNotGenuine):
        voucher.check_vouchers((altered(bought()[0], **changes),), public(), ME, NONE_SPENT)


def test_a_voucher_of_another_amount_or_broker_is_refused() -> None:
    with pytest.raises(VoucherNotGenuine):
        voucher.check_vouchers((altered(bought()[0], amount=7),), public(), ME, NONE_SPENT)
    with pytest.raises(VoucherNotGenuine):
        voucher.check_vouchers(bought(), public(), OTHER.public_key, NONE_SPENT)


def test_a_voucher_counts_once() -> None:
    first, second, third = bought()
    with pytest.raises(VoucherSpent):
        voucher.check_vouchers((first, first), public(), ME, NONE_SPENT)
    with pytest.raises(VoucherSpent):
        voucher.check_vouchers((second, third), public(), ME, frozenset({third.serial}))


def test_signatures_that_are_not_the_brokers_or_too_few_give_no_vouchers() -> None:
    drawn = voucher.draw((10, 1), secret("fresh"))
    good = voucher.sign_blindly(voucher.blind(drawn, public(), ME), private())
    for bad in (good[:1], (good[1], good[0]), (b"\x01" * 256, good[1])):
        with pytest.raises(VouchersDiffer):
            voucher.unblind(bad, drawn, public(), ME)


def test_what_no_key_signs_is_refused() -> None:
    with pytest.raises(NoSuchDenomination):
        voucher.sign_blindly((Blinded(7, bytes(256)),), private())
    with pytest.raises(NoSuchDenomination):
        voucher.sign_blindly((Blinded(1, b"\xff" * 256),), private())


@pytest.mark.parametrize(("amount", "parts"), [(1, 1), (12, 3), (99, 18), (640, 64)])
def test_an_amount_is_split_into_few_vouchers(amount: int, parts: int) -> None:
    found = voucher.split(amount, (1, 10))
    assert (sum(found), len(found)) == (amount, parts)


@pytest.mark.parametrize("amount", [0, 10 * MAX_VOUCHERS + 1, 2**53])
def test_an_amount_that_takes_too_many_vouchers_is_refused(amount: int) -> None:
    with pytest.raises(NoSuchDenomination):
        voucher.split(amount, (1, 10))


def test_the_list_of_keys_is_the_brokers_and_names_each_amount_once() -> None:
    assert set(voucher.read_keys(listed(), ME)) == {1, 10}  # type: ignore[arg-type]
    one = VoucherKey(1, public()[1].encoded)
    for bad in (
        listed(OTHER),
        listed(OTHER, broker=OTHER.public_key),
        listed(keys=(one, one)),
        listed(keys=(VoucherKey(1, bytes(256)),)),
    ):
        with pytest.raises(KeysNotTheBrokers):
            voucher.read_keys(bad, ME)  # type: ignore[arg-type]
