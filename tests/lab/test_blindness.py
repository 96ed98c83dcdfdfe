"""Whether a bank could tell coins apart: an honest one cannot, one that marks its user can."""

import pytest

from crypto.blind_signature import Blinder, BlindPrivateKey, derive_factor
from nodes.protocols.electronic_cash.coin import Coin, statement_of
from scenarios.lab.blindness import Signing, Withdrawn, could_be, pairings


@pytest.fixture(scope="module")
def bank() -> BlindPrivateKey:
    return BlindPrivateKey.generate()


def withdraw(key: BlindPrivateKey, user: int) -> Withdrawn:
    """One coin of 8, as bank, coin server and user make it together."""
    name = bytes([user]) * 32
    unsigned = Coin(bytes(32), name, name, 8, 1, b"")
    factor = derive_factor(key.public_key, name, "a test", name)
    blinder = Blinder(key.public_key, statement_of(unsigned), factor)
    signature = key.blind_sign(blinder.blinded_message)
    coin = Coin(bytes(32), name, name, 8, 1, blinder.finalize(signature))
    return Withdrawn((Signing(8, key.public_key, blinder.blinded_message, signature),), (coin,))


def test_two_withdrawals_under_one_key_look_alike(bank: BlindPrivateKey) -> None:
    """BS-24: both pairings."""
    assert pairings([withdraw(bank, 1), withdraw(bank, 2)]) == (4, 4)


def test_a_user_marked_with_a_key_of_its_own_is_told_apart(bank: BlindPrivateKey) -> None:
    """BS-A17."""
    marked = withdraw(BlindPrivateKey.generate(), 3)
    assert pairings([withdraw(bank, 1), marked]) == (4, 2)


def test_a_coin_that_nobody_signed_is_of_no_withdrawal(bank: BlindPrivateKey) -> None:
    one, other = withdraw(bank, 1), withdraw(bank, 2)
    forged = Coin(bytes(32), bytes(32), bytes(32), 8, 1, other.coins[0].signature)
    assert not could_be(one.signings[0], forged)
