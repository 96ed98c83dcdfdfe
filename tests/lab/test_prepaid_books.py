"""The auditor on money that lies under pseudonyms, and on the order of their steps."""

import pytest

from nodes.protocols.anonymous_micropayment import messages
from nodes.protocols.message import declarations
from scenarios.lab.auditor import audit
from scenarios.lab.grammar import ANONYMOUS_MICROPAYMENT, faults
from scenarios.lab.run import Check
from tests.lab.honest_books import Market

PROTOCOL = messages.__name__.split(".")[-2]


@pytest.fixture
def market() -> Market:
    """A peer has turned 30 of its account into vouchers, and deposited 20 of them."""
    market = Market()
    market.raw["broker"]["accounts"][1]["balance"] -= 30
    peer = market.raw["broker"]["accounts"][1]["owner"]
    market.raw["broker"] |= {
        "pseudonyms": [{"pseudonym": "ab" * 16, "balance": 20}],
        "deposits": [{"pseudonym": "ab" * 16, "amount": 20}],
        "vouchers": {"issued": 30, "taken": 20, "outstanding": 10},
        "voucher_accounts": [{"owner": peer, "issued": 30, "taken": 0}],
    }
    market.raw["peer-01"]["held_vouchers"] = 10
    return market


def conserved(market: Market) -> Check:
    return next(check for check in audit(market.books()) if check.name == "value conserved")


def test_prepaid_money_and_vouchers_count(market: Market) -> None:
    found = conserved(market)
    assert found.holds is True
    assert "30 prepaid" in found.detail


@pytest.mark.parametrize("change", [-1, 1])
def test_prepaid_money_that_appears_or_is_lost_breaks_conservation(
    market: Market, change: int
) -> None:
    market.raw["broker"]["pseudonyms"][0]["balance"] += change
    assert conserved(market).holds is False


def test_a_voucher_taken_and_not_credited_breaks_conservation(market: Market) -> None:
    market.raw["broker"]["vouchers"]["outstanding"] = 0
    assert conserved(market).holds is False


def test_a_pseudonym_below_nothing_is_a_fault_even_if_the_sum_is_right(market: Market) -> None:
    market.raw["broker"]["pseudonyms"] = [
        {"pseudonym": "ab" * 16, "balance": 25},
        {"pseudonym": "cd" * 16, "balance": -5},
    ]
    found = conserved(market)
    assert found.holds is False
    assert "pseudonym cdcdcdcd has -5" in found.detail


def test_every_step_has_its_place_in_the_order() -> None:
    assert set(ANONYMOUS_MICROPAYMENT) == {d.step for d in declarations(PROTOCOL)}


@pytest.mark.parametrize(
    ("steps", "fault"),
    [
        (["5", "6", "7", "8"], ""),
        (["5", "5", "6", "6", "7", "7", "8", "8"], ""),
        (["5", "Q2", "Q2r"], ""),
        (["5", "6", "7", "Q1", "Q1r", "8", "T0"], ""),
        (["5", "8"], "step 8 before 7"),
        (["6", "7"], "step 6 before 5"),
        (["5", "7"], "step 7 before 6"),
        (["T0"], "step T0 before 7"),
    ],
)
def test_the_steps_of_a_purchase(steps: list[str], fault: str) -> None:
    assert faults(PROTOCOL, steps) == ([fault] if fault else [])
