"""Money in all its forms stays as much, whatever is done in whatever order."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from nodes.protocols.electronic_cash.coin import serial
from nodes.protocols.electronic_cash.holding import CoinPhase
from nodes.protocols.electronic_cash.refusals import (
    NotEnoughCoins,
    NotEnoughMoney,
    TooManyCoins,
)
from tests.protocols.electronic_cash.town import Person, Server, Town

WHO = st.booleans()


def test_the_paper_s_whole_cycle_withdraw_13_exchange_pay_7_deposit() -> None:
    town = Town()
    alice, bob, records = town.alice, town.bob, town.first.records
    before = town.value
    town.withdraw(alice, (8, 4, 1))
    assert (alice.value, records.value, town.value) == (13, 13, before)
    town.exchange(alice, (8, 4, 1))
    assert (alice.value, records.value, town.value) == (13, 13, before)
    town.pay(alice, bob, 7)
    assert (alice.value, bob.value, records.value, town.value) == (6, 7, 13, before)
    town.deposit(bob, 7)
    assert (bob.value, town.accounts[bob.id].balance, town.value) == (0, 107, before)
    town.deposit(alice, 6)
    assert records.value == 0
    assert town.outstanding[town.first.id].amount == 0
    assert town.value == before


def test_the_coin_server_keeps_no_spent_coin_however_many_payments_there_are() -> None:
    """Section 4.7: rows are the coins in circulation, and not one more."""
    town = Town()
    town.withdraw(town.alice, (8, 8))
    for _ in range(16):
        town.pay(town.alice, town.bob, 1)
        held = {
            serial_
            for person in (town.alice, town.bob)
            for serial_, coin in person.coins.items()
            if coin.state is CoinPhase.HELD
        }
        assert set(town.first.records.coins) == held
    town.exchange(town.bob, (16,))
    assert len(town.first.records.coins) == 1


class Circulation(RuleBasedStateMachine):
    """Two people, two coin servers, one bank."""

    def __init__(self) -> None:
        super().__init__()
        self.town = Town()
        self.before = self.town.value

    def person(self, first: bool) -> Person:
        return self.town.alice if first else self.town.bob

    def server(self, first: bool) -> Server:
        return self.town.first if first else self.town.second

    @rule(who=WHO, where=WHO, coins=st.lists(st.sampled_from([1, 2, 4, 8]), max_size=4))
    def withdraw(self, who: bool, where: bool, coins: list[int]) -> None:
        if not coins:
            return
        try:
            self.town.withdraw(self.person(who), tuple(coins), self.server(where))
        except NotEnoughMoney:
            assert self.town.accounts[self.person(who).id].balance < sum(coins)

    @rule(who=WHO, where=WHO, amounts=st.lists(st.integers(1, 9), min_size=1, max_size=4))
    def exchange(self, who: bool, where: bool, amounts: list[int]) -> None:
        try:
            self.town.exchange(self.person(who), tuple(amounts), self.server(where))
        except (NotEnoughCoins, TooManyCoins):
            self._has_less(who, where, sum(amounts))

    @rule(who=WHO, where=WHO, amount=st.integers(1, 20))
    def pay(self, who: bool, where: bool, amount: int) -> None:
        try:
            self.town.pay(self.person(who), self.person(not who), amount, self.server(where))
        except NotEnoughCoins:
            self._has_less(who, where, amount)

    @rule(who=WHO, where=WHO, amount=st.integers(1, 20))
    def pay_across(self, who: bool, where: bool, amount: int) -> None:
        town, home, entry = self.town, self.server(where), self.server(not where)
        try:
            retired = town.pay_across(self.person(who), self.person(not who), amount, home, entry)
        except NotEnoughCoins:
            self._has_less(who, where, amount)
        else:
            town.clear([retired.debt], entry)

    @rule(who=WHO, where=WHO, amount=st.integers(1, 20))
    def deposit(self, who: bool, where: bool, amount: int) -> None:
        try:
            self.town.deposit(self.person(who), amount, self.server(where))
        except NotEnoughCoins:
            self._has_less(who, where, amount)

    def _has_less(self, who: bool, where: bool, amount: int) -> None:
        """What was refused could not have been paid."""
        home = self.server(where).id
        held = [
            h.coin.amount
            for h in self.person(who).coins.values()
            if h.state is CoinPhase.HELD and h.coin.coin_server == home
        ]
        assert sum(held) < amount

    @invariant()
    def nothing_is_made_or_lost(self) -> None:
        assert self.town.value == self.before

    @invariant()
    def wallets_hold_what_circulates(self) -> None:
        for server in (self.town.first, self.town.second):
            held = {
                serial(h.coin): h.coin.amount
                for person in (self.town.alice, self.town.bob)
                for h in person.coins.values()
                if h.state is CoinPhase.HELD and h.coin.coin_server == server.id
            }
            circulating = {s: coin.amount for s, coin in server.records.coins.items()}
            assert held == circulating

    @invariant()
    def the_bank_s_books_say_what_circulates(self) -> None:
        for server in (self.town.first, self.town.second):
            assert self.town.outstanding[server.id].amount == server.records.value


TestCirculation = Circulation.TestCase
TestCirculation.settings = settings(max_examples=40, stateful_step_count=15, deadline=None)
