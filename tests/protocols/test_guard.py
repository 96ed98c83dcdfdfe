"""Guards: each holds unless it alone is switched off by its name."""

import pytest

from nodes.protocols.errors import Refused
from nodes.protocols.guard import ALL_ON, Guards, declared_guards, guard


class TooDear(Refused):
    """The price is above what was agreed."""

    code = "tests/too-dear"


class NotYours(Refused):
    """It belongs to somebody else."""

    code = "tests/not-yours"


@guard("tests-price-holds", mends=("T-A1", "T-A2"), refuses=TooDear)
def price_holds(price: int, *, agreed: int) -> bool:
    """Nobody pays more than was agreed."""
    return price <= agreed


@guard("tests-owner-is-named", mends=("T-A3",), refuses=NotYours)
def owner_is_named(owner: str, me: str) -> bool:
    """A thing names its owner."""
    return owner == me


def test_a_guard_that_holds_lets_pass_and_one_that_fails_raises_its_refusal() -> None:
    ALL_ON.require(price_holds, 3, agreed=3)
    with pytest.raises(TooDear):
        ALL_ON.require(price_holds, 4, agreed=3)
    with pytest.raises(NotYours):
        ALL_ON.require(owner_is_named, "seller", "buyer")


def test_a_guard_switched_off_lets_pass_and_the_others_still_hold() -> None:
    guards = Guards.without(["tests-price-holds"])
    guards.require(price_holds, 4, agreed=3)
    assert not guards.is_on(price_holds)
    assert guards.is_on(owner_is_named)
    with pytest.raises(NotYours):
        guards.require(owner_is_named, "seller", "buyer")


def test_a_guard_switched_off_is_not_even_asked() -> None:
    @guard("tests-never-asked", mends=(), refuses=TooDear)
    def never_asked() -> bool:
        """Fails the test when it runs."""
        raise AssertionError

    Guards.without(["tests-never-asked"]).require(never_asked)
    with pytest.raises(AssertionError):
        ALL_ON.require(never_asked)


def test_a_name_no_guard_has_is_refused_and_named() -> None:
    with pytest.raises(ValueError, match="no-such-guard"):
        Guards.without(["tests-price-holds", "no-such-guard"])
    assert Guards.without([]) == ALL_ON


def test_two_guards_of_one_name_are_refused() -> None:
    with pytest.raises(TypeError, match="tests-price-holds"):
        guard("tests-price-holds", mends=(), refuses=TooDear)(lambda: True)
    assert declared_guards()["tests-price-holds"] is price_holds


def test_a_guard_says_what_it_mends_and_why() -> None:
    assert price_holds.mends == ("T-A1", "T-A2")
    assert price_holds.sentence == "Nobody pays more than was agreed."
    assert price_holds.refuses is TooDear
