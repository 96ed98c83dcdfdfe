"""The auditor on honest e-cash, and on the same books with one thing wrong in them."""

import importlib
from typing import Any

import pytest

from nodes.protocols.electronic_cash import messages
from nodes.protocols.message import declarations
from scenarios.lab.auditor import audit, verdict_of
from scenarios.lab.books import UnreadableLedger, read_ledger
from scenarios.lab.formulas import FORMULAS
from scenarios.lab.grammar import ELECTRONIC_CASH, GRAMMARS
from scenarios.lab.grammar import faults as steps_wrong
from scenarios.lab.run import Check
from tests.lab.honest_books import Market, key

BANK, ONE, TWO = "bank-account-server", "coin-server-1", "coin-server-2"
CONSERVED = "e-cash conserved"
BANKS_BOOKS = "the bank's books say what circulates"
JOURNALS = "coin servers keep no spent coins"
WALLETS = "e-cash in wallets circulates"
TWICE = "no e-cash coin twice"
BACKED = "e-cash credited under pseudonyms is there"
ACCOUNT = "each account at the bank is what was moved"
PSEUDONYM = "each pseudonym is what was moved"
OPENED = 1000
PROTOCOL = messages.__name__.split(".")[-2]


class CashMarket(Market):
    """A peer withdrew 13 and paid another 7 of them at the second coin server."""

    def __init__(self) -> None:
        super().__init__()
        for name in (BANK, ONE, TWO):
            self.keys[name] = key(name)
            self.raw[name] = {"party": self.id(name), "name": name}
            self.entries[name] = []
        self.bank, self.one, self.two = (self.raw[name] for name in (BANK, ONE, TWO))
        self.bank |= {
            "cash_accounts": [
                {"owner": self.id("peer-01"), "balance": OPENED - 13, "opened_with": OPENED},
                {"owner": self.id("peer-02"), "balance": OPENED, "opened_with": OPENED},
            ],
            "cash_held": [],
            "cash_withdrawals": [],
            "cash_outstanding": [
                {"coin_server": self.id(ONE), "amount": 6, "redeeming": 0, "lost": False},
                {"coin_server": self.id(TWO), "amount": 7, "redeeming": 0, "lost": False},
            ],
        }
        for server in (self.one, self.two):
            server |= {"cash_coins": [], "cash_pending": [], "cash_debts": [], "cash_journal": 0}
        for name in ("peer-01", "peer-02"):
            self.raw[name]["cash_wallet"] = []
        self.withdrawn(13)
        self.hold("peer-01", ONE, "aa", 6)
        self.hold("peer-02", TWO, "bb", 7)

    def hold(self, peer: str, server: str, serial: str, amount: int) -> None:
        coin = {"serial": serial * 32, "amount": amount}
        self.raw[server]["cash_coins"].append(coin)
        row = {**coin, "coin_server": self.id(server), "state": "held"}
        self.raw[peer]["cash_wallet"].append(row)

    def withdrawn(self, amount: int, state: str = "signed") -> dict[str, Any]:
        """By peer-01, whose balance is the caller's."""
        row = {
            "withdrawal": "dd" * 32,
            "owner": self.id("peer-01"),
            "coin_server": self.id(ONE),
            "amount": amount,
        }
        self.bank["cash_withdrawals"].append({**row, "state": state})
        return row

    def debt(self) -> None:
        """The payment is not cleared yet: the bank's books are as before it."""
        for row, amount in zip(self.bank["cash_outstanding"], (13, 0), strict=True):
            row["amount"] = amount
        self.two["cash_debts"] = [
            {"debtor": self.id(ONE), "creditor": self.id(TWO), "amount": 7},
        ]


@pytest.fixture
def market() -> CashMarket:
    return CashMarket()


def check(market: CashMarket, name: str, **how: Any) -> Check:
    found = [check for check in audit(market.books(**how)) if check.name == name]
    assert len(found) == 1, f"no check is named {name}"
    return found[0]


def faults(market: CashMarket) -> set[str]:
    return {check.name for check in audit(market.books()) if check.holds is False}


def test_honest_e_cash_is_ok(market: CashMarket) -> None:
    checks = audit(market.books())
    assert [check for check in checks if check.holds is not True] == []
    assert verdict_of(checks) == "ok"


def test_a_world_without_e_cash_is_not_asked_about_it() -> None:
    names = [check.name for check in audit(Market().books())]
    assert not set(names) & {CONSERVED, BANKS_BOOKS, JOURNALS, WALLETS, TWICE, BACKED}


def test_a_payment_between_coin_servers_that_is_not_cleared_yet_is_no_fault(
    market: CashMarket,
) -> None:
    market.debt()
    assert verdict_of(audit(market.books())) == "ok"


def test_a_row_that_is_not_as_it_should_be_is_named(market: CashMarket) -> None:
    market.one["cash_coins"][0].pop("amount")
    with pytest.raises(UnreadableLedger, match="coin-server-1"):
        read_ledger(market.one)


# value


def test_money_out_of_nowhere(market: CashMarket) -> None:
    market.bank["cash_accounts"][0]["balance"] += 1
    found = check(market, CONSERVED)
    assert found.holds is False
    assert "2001, but 2000 was opened" in found.detail


def test_money_that_is_lost(market: CashMarket) -> None:
    market.bank["cash_accounts"][0]["balance"] -= 1
    assert faults(market) == {CONSERVED, ACCOUNT}


def test_an_account_below_nothing_is_a_fault_even_if_the_sum_is_right(market: CashMarket) -> None:
    market.bank["cash_accounts"][0]["balance"] = -5
    market.bank["cash_accounts"][1]["balance"] = 2 * OPENED - 13 + 5
    assert "peer-01 has -5" in check(market, CONSERVED).detail


def test_a_coin_that_waits_for_a_judge_is_value(market: CashMarket) -> None:
    market.one["cash_pending"].append({"request": "cc" * 32, "amount": 4})
    market.bank["cash_accounts"][0]["balance"] -= 4
    market.withdrawn(4)
    market.bank["cash_outstanding"][0]["amount"] += 4
    assert verdict_of(audit(market.books())) == "ok"
    market.one["cash_pending"].clear()
    assert faults(market) == {CONSERVED, BANKS_BOOKS}


def test_what_is_held_for_a_withdrawal_counts(market: CashMarket) -> None:
    """And while its coins are there and not signed for, nothing can be told; later it can."""
    market.bank["cash_held"].append(market.withdrawn(2, "held"))
    market.bank["cash_accounts"][0]["balance"] -= 2
    assert check(market, CONSERVED).holds is True
    market.one["cash_coins"].append({"serial": "ee" * 32, "amount": 2})
    market.one["cash_journal"] = 1
    for name in (CONSERVED, BANKS_BOOKS):
        found = check(market, name)
        assert found.holds is None
        assert "2 being withdrawn, 1 answer not acknowledged" in found.detail
    market.bank["cash_held"].clear()
    assert check(market, CONSERVED).holds is True


def test_coins_on_their_way_to_the_bank_are_neither_lost_nor_there(market: CashMarket) -> None:
    market.one["cash_coins"].clear()
    market.raw["peer-01"]["cash_wallet"].clear()
    market.bank["cash_outstanding"][0]["redeeming"] = 6
    assert check(market, CONSERVED).holds is None
    assert check(market, BANKS_BOOKS).holds is None
    market.bank["cash_outstanding"][0]["redeeming"] = 0
    assert {CONSERVED, BANKS_BOOKS} <= faults(market)


def test_more_than_was_opened_is_a_fault_whatever_is_under_way(market: CashMarket) -> None:
    market.one["cash_coins"].append({"serial": "ff" * 32, "amount": 50})
    market.one["cash_journal"] = 3
    assert check(market, CONSERVED).holds is False


@pytest.mark.parametrize("away", [BANK, ONE])
def test_with_a_party_away_nothing_can_be_told(market: CashMarket, away: str) -> None:
    for name in (CONSERVED, BANKS_BOOKS):
        assert check(market, name, silent=(away,)).holds is None


# the bank's books


def test_a_coin_server_that_issues_too_much_shows_in_the_banks_books(market: CashMarket) -> None:
    market.hold("peer-02", ONE, "cc", 9)
    assert faults(market) == {CONSERVED, BANKS_BOOKS}
    assert "coin-server-1 says 15, the bank says 6" in check(market, BANKS_BOOKS).detail


def test_a_debt_that_was_never_cleared_and_is_gone_shows(market: CashMarket) -> None:
    market.debt()
    market.two["cash_debts"].clear()
    assert faults(market) == {BANKS_BOOKS}


def test_a_debt_that_the_bank_has_cleared_and_its_creditor_still_shows(market: CashMarket) -> None:
    """The bank's answer is on its way."""
    market.debt()
    for row, amount in zip(market.bank["cash_outstanding"], (6, 7), strict=True):
        row["amount"] = amount
    found = check(market, BANKS_BOOKS)
    assert found.holds is None
    assert "1 debt being cleared" in found.detail


# journals


def test_an_answer_kept_when_nothing_is_under_way(market: CashMarket) -> None:
    market.two["cash_journal"] = 1
    found = check(market, JOURNALS)
    assert found.holds is False
    assert found.detail == "coin-server-2 keeps 1 answer"


def test_an_answer_kept_for_a_payment_that_goes_on(market: CashMarket) -> None:
    market.two["cash_journal"] = 1
    market.entries["peer-01"].append(
        {"id": "01" * 16, "protocol": "electronic_cash", "state": "signed", "final": False}
    )
    assert check(market, JOURNALS).holds is None


# wallets


def test_a_coin_in_a_wallet_that_does_not_circulate(market: CashMarket) -> None:
    market.raw["peer-02"]["cash_wallet"][0]["serial"] = "cc" * 32
    found = check(market, WALLETS)
    assert found.holds is False
    assert "peer-02 counts coin cccccccc" in found.detail


def test_a_coin_of_another_amount_than_circulates(market: CashMarket) -> None:
    market.raw["peer-02"]["cash_wallet"][0]["amount"] = 70
    assert faults(market) == {WALLETS}


def test_a_coin_that_is_spent_in_the_wallet_and_gone(market: CashMarket) -> None:
    market.raw["peer-02"]["cash_wallet"].append(
        {"serial": "99" * 32, "coin_server": market.id(ONE), "amount": 3, "state": "spent"}
    )
    assert verdict_of(audit(market.books())) == "ok"


def test_a_coin_that_lies_in_no_wallet_cannot_be_told(market: CashMarket) -> None:
    market.raw["peer-01"]["cash_wallet"].clear()
    found = check(market, WALLETS)
    assert found.holds is None
    assert found.detail == "coin aaaaaaaa of 6 at coin-server-1 is in no wallet"


# serial numbers


def test_a_coin_that_its_server_denies_is_still_its_holders(market: CashMarket) -> None:
    market.raw["peer-01"]["cash_wallet"][0]["state"] = "disputed"
    assert check(market, WALLETS).holds is True


def test_a_serial_number_that_circulates_twice(market: CashMarket) -> None:
    market.two["cash_coins"].append(dict(market.one["cash_coins"][0]))
    found = check(market, TWICE)
    assert found.holds is False
    assert "coin aaaaaaaa of 6 circulates 2 times" in found.detail


def test_one_coin_in_two_wallets(market: CashMarket) -> None:
    market.raw["peer-02"]["cash_wallet"].append(dict(market.raw["peer-01"]["cash_wallet"][0]))
    assert "is counted by peer-01 and peer-02" in check(market, TWICE).detail
    assert faults(market) == {TWICE}


# under pseudonyms


@pytest.fixture
def prepaid(market: CashMarket) -> CashMarket:
    """A peer has paid in e-cash of 7 under a pseudonym; the broker holds it."""
    wallet = market.raw["peer-02"]["cash_wallet"]
    market.raw["broker"] |= {
        "pseudonyms": [{"pseudonym": "ab" * 16, "balance": 7}],
        "deposits": [{"pseudonym": "ab" * 16, "amount": 7}],
        "cash_wallet": [wallet.pop()],
        "cash_taken": 7,
    }
    return market


def test_e_cash_paid_in_under_a_pseudonym_is_ok(prepaid: CashMarket) -> None:
    checks = audit(prepaid.books())
    assert [check for check in checks if check.holds is not True] == []


def test_credit_for_e_cash_that_is_not_there(prepaid: CashMarket) -> None:
    prepaid.raw["broker"]["cash_taken"] = 8
    prepaid.raw["broker"]["pseudonyms"][0]["balance"] = 8
    prepaid.raw["broker"]["deposits"][0]["amount"] = 8
    assert faults(prepaid) == {BACKED}


def test_e_cash_that_was_taken_and_never_credited_cannot_be_told(prepaid: CashMarket) -> None:
    prepaid.raw["broker"] |= {"cash_taken": 0, "pseudonyms": [{"pseudonym": "ab", "balance": 0}]}
    found = check(prepaid, BACKED)
    assert found.holds is None
    assert found.detail == "broker has 7 and credited 0"


def test_e_cash_credited_twice(prepaid: CashMarket) -> None:
    prepaid.raw["broker"]["pseudonyms"][0]["balance"] = 14
    assert faults(prepaid) == {"value conserved", PSEUDONYM}


# the order of steps


def test_every_step_has_its_place_in_the_order() -> None:
    assert set(ELECTRONIC_CASH) == {d.step for d in declarations(PROTOCOL)}


@pytest.mark.parametrize(
    ("steps", "fault"),
    [
        (["W1", "W1r", "W4"], ""),
        (["W2", "W3", "J1"], ""),
        (["P1", "P2", "P3", "P4", "J1"], ""),
        (["P1", "P1", "P2", "P2", "P3", "P4"], ""),
        (["P1", "X1", "X2"], ""),
        (["P2", "P3"], ""),
        (["D1", "D4"], ""),
        (["W4"], "step W4 before W1"),
        (["P1", "P4"], "step P4 before P3"),
        (["P1", "P3"], "step P3 before P2"),
        (["D4"], "step D4 before D1"),
        (["F2"], "step F2 before F1"),
    ],
)
def test_the_steps_of_e_cash(steps: list[str], fault: str) -> None:
    assert steps_wrong("electronic_cash", steps) == ([fault] if fault else [])


@pytest.mark.parametrize("protocol", sorted(FORMULAS))
def test_a_formula_stands_at_a_step_that_there_is(protocol: str) -> None:
    importlib.import_module(f"nodes.protocols.{protocol}.messages")
    declared = {d.step for d in declarations(protocol)}
    assert set(FORMULAS[protocol]) <= declared | set(GRAMMARS[protocol])
