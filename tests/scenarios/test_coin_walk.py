"""How often a coin's register falls among friends: what is measured is what counting says."""

import random
from math import comb, sqrt

import pytest

from nodes.protocols.membership.roster import replicas_and_quorum
from scenarios.attacks.dht_micropayment.coin_walk import PLACES, RINGS, measure

NOISE = 0.1
"""Registers of one ring are not independent of each other: its friends are near or they are not."""


def chance(size: int, colluding: int) -> float:
    """That of k random members at least 2q - k are friends."""
    k, q = replicas_and_quorum(size)
    enough = range(2 * q - k, min(k, colluding) + 1)
    ways = sum(comb(colluding, n) * comb(size - colluding, k - n) for n in enough)
    return ways / comb(size, k)


@pytest.mark.parametrize(("size", "colluding"), RINGS)
def test_friends_have_as_many_registers_as_chance_gives_them(size: int, colluding: int) -> None:
    walks = measure(random.Random(1), size, colluding)
    expected = chance(size, colluding)
    assert walks.registers == pytest.approx(expected, abs=NOISE * sqrt(expected))
    assert all(length < len(PLACES) for length in walks.lengths)


def test_six_of_sixty_four_have_one_register_in_676() -> None:
    assert round(1 / chance(64, 6)) == 676


def test_fewer_friends_than_two_quorums_share_have_no_register() -> None:
    assert measure(random.Random(1), 16, 3).lengths == ()
