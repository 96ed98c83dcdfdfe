"""Whatever happens in whatever order, no money appears and none is lost (by Hypothesis).

One broker's books, moved only by the rules: deposits, top-ups, orders through two vendors, repeats
of old orders, voids, money given back and handed on, orders with altered fields.
"""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from nodes.protocols.anonymous_micropayment import disposal, order, question, settlement
from nodes.protocols.anonymous_micropayment.refusals import (
    NumberTooFarAhead,
    OrderNotAuthentic,
    OrderNotHeld,
)
from nodes.protocols.anonymous_micropayment.state import Prepaid, Purchase, Settled, Wallet
from nodes.protocols.anonymous_micropayment.values import Order, Standing
from nodes.protocols.guard import ALL_ON
from tests.protocols.anonymous_micropayment.market import (
    NOW,
    V1,
    V12,
    altered,
    claimed,
    funded,
    ordered,
    settled,
)

VENDORS = {"v1": V1, "v12": V12}


class Books(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.wallet: Wallet
        self.prepaid: Prepaid
        self.wallet, self.prepaid = funded(20)
        self.accounts = {vendor.account: 0 for vendor in VENDORS.values()}
        self.paid_in = 20
        self.deposits = 1
        self.settled: dict[int, Settled] = {}
        self.purchases: list[Purchase] = []

    @rule(amount=st.integers(1, 30), hides=st.booleans())
    def top_up(self, amount: int, hides: bool) -> None:
        self.deposits += 1
        self.wallet, self.prepaid = funded(
            amount,
            wallet=self.wallet,
            prepaid=self.prepaid,
            hides=hides,
            which=str(self.deposits),
        )
        self.paid_in += amount

    @rule(vendor=st.sampled_from(sorted(VENDORS)))
    def place(self, vendor: str) -> None:
        self.wallet, purchase = ordered(self.wallet)
        again = order.sign_order(altered(purchase.order, vendor=vendor), purchase.secret, ALL_ON)
        self.purchases.append(altered(purchase, order=again))

    @precondition(lambda self: self.purchases)
    @rule(data=st.data())
    def claim(self, data: Any) -> None:
        """Any order, for the first time or again."""
        purchase = data.draw(st.sampled_from(self.purchases))
        self._claim(purchase.order, purchase.number)

    @precondition(lambda self: self.purchases)
    @rule(data=st.data(), number=st.integers(1, 80), amount=st.integers(1, 9))
    def claim_altered(self, data: Any, number: int, amount: int) -> None:
        purchase = data.draw(st.sampled_from(self.purchases))
        if purchase.order.number is not None:
            self._claim(altered(purchase.order, number=number, amount=amount), number)

    def _claim(self, placed: Order, number: int) -> None:
        vendor = VENDORS[placed.vendor]
        before = self.settled.get(number)
        try:
            answer = settled(
                claimed(placed, vendor), self.prepaid, before, vendor=vendor, number=number
            )
        except (OrderNotAuthentic, NumberTooFarAhead):
            return
        if answer.settled is not None:
            assert number not in self.settled
            self.settled[number] = answer.settled
        if answer.prepaid is not None:
            self.prepaid = answer.prepaid
        if answer.credit_to is not None:
            self.accounts[answer.credit_to] += answer.amount

    @precondition(lambda self: self.purchases)
    @rule(data=st.data())
    def void(self, data: Any) -> None:
        purchase = data.draw(st.sampled_from(self.purchases))
        asked = question.void(purchase, self.prepaid.secret, NOW)
        try:
            self.prepaid, self.settled[purchase.number] = question.take_out_of_use(
                asked, self.prepaid, self.settled.get(purchase.number), NOW
            )
        except NumberTooFarAhead:
            assert purchase.number not in self.settled

    @precondition(lambda self: self.settled)
    @rule(data=st.data(), to=st.sampled_from([None, V1.account, V12.account]))
    def dispose(self, data: Any, to: bytes | None) -> None:
        number = data.draw(st.sampled_from(sorted(self.settled)))
        record = self.settled[number]
        if record.order is None:
            return
        vendor = VENDORS[record.order.vendor]
        try:
            done = disposal.dispose_of(
                disposal.dispose(record.order, to, vendor.key), vendor, record, self.prepaid
            )
        except OrderNotHeld:
            assert record.state is not Standing.ACCEPTED
            return
        if self.accounts[vendor.account] < done.amount:
            return  # the vendor has spent it: its account refuses, and nothing is saved
        self.accounts[vendor.account] -= done.amount
        self.settled[number] = done.settled
        if done.prepaid is not None:
            self.prepaid = done.prepaid
        if done.credit_to is not None:
            self.accounts[done.credit_to] += done.amount

    @invariant()
    def no_money_appears_or_is_lost(self) -> None:
        assert self.prepaid.balance + sum(self.accounts.values()) == self.paid_in
        assert self.prepaid.balance >= 0

    @invariant()
    def what_vendors_got_is_what_was_accepted(self) -> None:
        kept = (Standing.ACCEPTED, Standing.HANDED_ON)
        accepted = [s for s in self.settled.values() if s.state in kept]
        assert sum(s.order.amount for s in accepted if s.order) == sum(self.accounts.values())

    @invariant()
    def a_decided_number_is_never_fresh_again(self) -> None:
        assert not self.settled.keys() & set(self.prepaid.window.coming())


TestBooks = Books.TestCase
TestBooks.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_settlement_is_the_only_rule_that_credits_a_vendor() -> None:
    """What is credited is what is debited, whatever the order and the balance."""
    wallet, prepaid = funded(7)
    _, purchase = ordered(wallet)
    answer = settled(claimed(purchase.order), prepaid)
    assert answer.prepaid is not None
    assert prepaid.balance - answer.prepaid.balance == answer.amount
    assert settlement.credited_to(claimed(purchase.order), V12, ALL_ON) == answer.credit_to
