"""Steps Q1, P1-P3, B1, equations (4), (5): n coins for one order, all or none."""

import itertools
from dataclasses import replace

import msgspec
import pytest

from crypto.documents import Signed, open_document, sign_document
from crypto.signing import SigningKey
from dht.records import MAX_INDEX
from nodes.protocols.dht_micropayment import guards as rules
from nodes.protocols.dht_micropayment import holding as holdings
from nodes.protocols.dht_micropayment import payment as rule
from nodes.protocols.dht_micropayment.coin import Evidence
from nodes.protocols.dht_micropayment.messages import (
    CancelReason,
    GiveBack,
    Outcome,
    Payment,
    Quote,
    Receipt,
    Taken,
)
from nodes.protocols.dht_micropayment.payment import (
    PAYEE_MOVES,
    PAYER_MOVES,
    Incoming,
    Outgoing,
    PayeeState,
    PayerState,
    Progress,
)
from nodes.protocols.dht_micropayment.refusals import (
    CoinGivenTwice,
    CoinHasExpired,
    LastStepCannotBePaid,
    MoveNotAllowed,
    NoQuorum,
    NoSuchQuote,
    NotYoursToGiveBack,
    PaidByAnother,
    PayeeIsNotYou,
    QuoteHasEnded,
    QuoteIsNotYours,
    ReissueDoesNotFollow,
    TermsDiffer,
    WrongKind,
    WrongNumberOfCoins,
    WrongReceipt,
)
from nodes.protocols.dht_micropayment.reissue import renewed
from nodes.protocols.dht_micropayment.step import Step
from nodes.protocols.dht_micropayment.transfer import Receiver, Transfer, check_transfers, terms_of
from nodes.protocols.guard import ALL_ON
from tests.protocols.dht_micropayment.market import (
    NOW,
    ORDER,
    QUORUM_TIME,
    TX,
    VALIDITY,
    WINDOW,
    B,
    U,
    V,
    W,
    X,
    held,
    passed_on,
    resigned,
    to,
    transfer,
    trust,
    without,
)

DEADLINE = NOW + 60_000
DONE = Progress(certified=True, found_absent=True, conflict=False)
LOOKED_UP = Progress(certified=False, found_absent=True, conflict=False)
NOTHING_YET = Progress(certified=False, found_absent=False, conflict=False)
CONFLICT = Progress(certified=False, found_absent=False, conflict=True)


def quoted(count: int = 2) -> Incoming:
    return rule.give_quote(rule.ask(ORDER, count), U.public_key, TX, DEADLINE, V)


def transfers(count: int = 2, order: bytes = ORDER) -> tuple[Transfer, ...]:
    coins = held(count=count)
    terms = terms_of(order, [coin.chain for coin in coins])
    return tuple(transfer(coin, U, V, terms=terms) for coin in coins)


def payment(count: int = 2) -> Payment:
    return Payment(quoted(count).quote, transfers(count))


def taken_in(count: int = 2, now: int = NOW) -> Incoming:
    message = payment(count)
    rule.check_payment(message, quoted(count), U.public_key, to(V), trust())
    return rule.take_in(quoted(count), message.transfers, (b"a", b"b"), now)


# Q1


def check_quote(signed: Signed[Quote], *, now: int = NOW) -> Quote:
    return rule.check_quote(signed, rule.ask(ORDER, 2), U.public_key, V.public_key, now)


def test_a_quote_says_what_is_asked_until_when_and_what_is_given_back() -> None:
    quote = check_quote(quoted().quote)
    assert (quote.order, quote.count, quote.deadline) == (ORDER, 2, DEADLINE)
    assert quote.gives_back == "every-certified-coin"


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"payee": X.public_key}, QuoteIsNotYours),
        ({"payer": X.public_key}, QuoteIsNotYours),
        ({"order": b"other"}, QuoteIsNotYours),
        ({"count": 3}, WrongNumberOfCoins),
        ({"deadline": NOW}, QuoteHasEnded),
    ],
)
def test_a_quote_for_something_else_is_refused(
    changes: dict[str, object], refusal: type[Exception]
) -> None:
    quote = msgspec.structs.replace(quoted().quoted, **changes)
    signer = X if "payee" in changes else V
    with pytest.raises(refusal):
        check_quote(sign_document(quote, signer))


def test_a_quote_its_payee_did_not_sign_is_refused() -> None:
    with pytest.raises(QuoteIsNotYours):
        check_quote(sign_document(quoted().quoted, X))


# P1


def test_a_payment_of_n_coins_is_taken_in() -> None:
    known = taken_in()
    assert known.state is PayeeState.PENDING
    assert rule.report(known, V) == Taken(Outcome.PENDING, None, None)


def check(
    message: Payment, known: Incoming | None, payer: bytes = U.public_key, now: int = NOW
) -> None:
    rule.check_payment(message, known, payer, to(V, now), trust())


def test_a_payment_without_quote_is_refused() -> None:
    with pytest.raises(NoSuchQuote):
        check(payment(), None)


def test_anothers_quote_is_refused() -> None:
    with pytest.raises(QuoteIsNotYours):
        check(payment(), quoted(), payer=X.public_key)


def test_another_quote_than_the_one_given_is_refused() -> None:
    with pytest.raises(QuoteIsNotYours):
        check(Payment(quoted(3).quote, transfers()), quoted(2))


def test_anothers_transfers_are_no_payment() -> None:
    [coin] = held()
    quote = rule.give_quote(rule.ask(ORDER, 1), X.public_key, TX, DEADLINE, V)
    with pytest.raises(PaidByAnother):
        check(Payment(quote.quote, (transfer(coin, U, V),)), quote, payer=X.public_key)


@pytest.mark.parametrize("count", [1, 3])
def test_more_or_fewer_coins_than_quoted_are_refused(count: int) -> None:
    with pytest.raises(WrongNumberOfCoins):
        check(Payment(quoted(2).quote, transfers(count)), quoted(2))


def test_a_second_payment_for_one_quote_is_refused() -> None:
    known = taken_in()
    other = tuple(
        transfer(coin, U, V, terms=terms_of(ORDER, [c.chain for c in held(count=2, after=5)]))
        for coin in held(count=2, after=5)
    )
    with pytest.raises(QuoteHasEnded):
        check(Payment(quoted().quote, other), known)


def test_the_same_payment_again_passes_the_same_checks() -> None:
    check(payment(), taken_in())


def test_one_coin_standing_twice_is_refused() -> None:
    [coin] = held()
    twice = (transfer(coin, U, V, terms=terms_of(ORDER, [coin.chain] * 2)),) * 2
    with pytest.raises(CoinGivenTwice):
        check(Payment(quoted().quote, twice), quoted())


@pytest.mark.parametrize("wrong", ["order", "order of coins", "another set"])
def test_transfers_made_for_something_else_are_refused(wrong: str) -> None:
    if wrong == "order":
        sent = transfers(2, order=b"other")
    elif wrong == "order of coins":
        sent = tuple(reversed(transfers(2)))
    else:
        sent = transfers(3)[:2]
    with pytest.raises(TermsDiffer):
        check(Payment(quoted().quote, sent), quoted())


def test_dc_a4_a_transfer_that_names_another_payee_is_refused_by_its_guard() -> None:
    coins = held(count=1)
    to_w = (transfer(coins[0], U, W),)
    with pytest.raises(PayeeIsNotYou):
        check_transfers(to_w, ORDER, to(V), trust(), kind="pay")
    check_transfers(to_w, ORDER, to(V), trust(without(rules.payee_is_named)), kind="pay")


def test_a_redemption_is_no_payment() -> None:
    [coin] = held()
    with pytest.raises(WrongKind):
        check_transfers([transfer(coin, U, B, kind="redeem")], ORDER, to(B), trust(), kind="pay")


def test_dc_a11_a_payee_needs_time_to_have_the_coin_certified() -> None:
    last = NOW + VALIDITY - QUORUM_TIME
    sent = transfers(1)
    check_transfers(sent, ORDER, to(V, last), trust(), kind="pay")
    with pytest.raises(CoinHasExpired):
        check_transfers(sent, ORDER, to(V, last + 1), trust(), kind="pay")
    check_transfers(
        sent, ORDER, to(V, last + 1), trust(without(rules.coin_has_not_expired)), kind="pay"
    )


def test_what_comes_back_is_taken_as_long_as_witnesses_certify_it() -> None:
    last = NOW + VALIDITY + WINDOW // 2
    [coin] = held()
    sent = [transfer(coin, U, V)]
    late = Receiver(V.public_key, last, QUORUM_TIME, lenient=True)
    check_transfers(sent, ORDER, late, trust(), kind="pay")
    too_late = replace(late, now=last + 1)
    with pytest.raises(CoinHasExpired):
        check_transfers(sent, ORDER, too_late, trust(), kind="pay")


def test_a_coin_that_could_not_be_paid_on_is_no_payment_where_it_has_to_be() -> None:
    holder, other = U, V
    [coin] = held()
    while coin.step.index + 1 < MAX_INDEX - 1:
        coin = passed_on(coin, holder, other)
        holder, other = other, holder
    sent = [transfer(coin, holder, other)]
    check_transfers(sent, ORDER, to(other), trust(), kind="pay")
    with pytest.raises(LastStepCannotBePaid):
        check_transfers(sent, ORDER, replace(to(other), pays_on=True), trust(), kind="pay")
    quote = rule.give_quote(rule.ask(ORDER, 1), holder.public_key, TX, DEADLINE, other)
    message = Payment(quote.quote, tuple(sent))
    with pytest.raises(LastStepCannotBePaid):
        rule.check_payment(message, quote, holder.public_key, to(other), trust())


def test_the_payee_takes_no_evidence_that_witnesses_refuse() -> None:
    [coin] = held()
    sent = transfer(coin, U, V)
    evidence = Evidence(
        sent.evidence.coin, successor=sign_document(renewed(coin.coin, U.public_key), U)
    )
    with pytest.raises(ReissueDoesNotFollow):
        check_transfers(
            [msgspec.structs.replace(sent, evidence=evidence)], ORDER, to(V), trust(), kind="pay"
        )


def test_the_payee_itself_checks_who_pays() -> None:
    [coin] = held()
    stolen = resigned(transfer(coin, U, V), X, payer=X.public_key)
    with pytest.raises(rules.payer_holds_the_coin.refuses):
        check_transfers([stolen], ORDER, to(V), trust(), kind="pay")


# P3: the payee's choice


def test_goods_leave_when_all_coins_are_certified() -> None:
    assert rule.decide(taken_in(), DONE, NOW, ALL_ON).state is PayeeState.DELIVERED


def test_too_few_votes_is_pending_not_paid_and_not_cancelled() -> None:
    known = taken_in()
    assert rule.decide(known, NOTHING_YET, DEADLINE, ALL_ON) == known


def test_a_conflict_cancels() -> None:
    cancelled = rule.decide(taken_in(), CONFLICT, NOW, ALL_ON)
    assert (cancelled.state, cancelled.reason) == (PayeeState.CANCELLED, CancelReason.CONFLICT)


def test_the_deadline_cancels() -> None:
    cancelled = rule.decide(taken_in(), NOTHING_YET, DEADLINE + 1, ALL_ON)
    assert (cancelled.state, cancelled.reason) == (PayeeState.CANCELLED, CancelReason.DEADLINE)


@pytest.mark.parametrize("progress", [DONE, CONFLICT, NOTHING_YET])
@pytest.mark.parametrize("first", [DONE, CONFLICT])
def test_the_choice_is_made_once(first: Progress, progress: Progress) -> None:
    chosen = rule.decide(taken_in(), first, NOW, ALL_ON)
    assert rule.decide(chosen, progress, DEADLINE + 1, ALL_ON) == chosen


def test_dc_a1_printed_a_payment_is_good_when_a_look_up_finds_nothing() -> None:
    off = without(rules.payment_is_certified)
    assert not rule.is_good(LOOKED_UP, ALL_ON)
    assert rule.decide(taken_in(), LOOKED_UP, NOW, ALL_ON).state is PayeeState.PENDING
    assert rule.decide(taken_in(), LOOKED_UP, NOW, off).state is PayeeState.DELIVERED
    with pytest.raises(NoQuorum):
        ALL_ON.require(rules.payment_is_certified, LOOKED_UP.certified)


def test_a_payment_that_comes_too_late_is_taken_in_to_be_given_back() -> None:
    late = taken_in(now=DEADLINE + 1)
    assert (late.state, late.reason) == (PayeeState.CANCELLED, CancelReason.DEADLINE)
    assert late.coins == (b"a", b"b")


def test_a_quote_nobody_paid_for_ends() -> None:
    assert rule.expire_quote(quoted(), DEADLINE) == quoted()
    assert rule.expire_quote(quoted(), DEADLINE + 1).state is PayeeState.CANCELLED
    assert rule.expire_quote(taken_in(), DEADLINE + 1) == taken_in()


@pytest.mark.parametrize(
    ("state", "goal"),
    [(a, b) for a, b in itertools.product(PayeeState, PayeeState) if b not in PAYEE_MOVES[a]],
)
def test_a_payees_move_outside_the_table_is_refused(state: PayeeState, goal: PayeeState) -> None:
    with pytest.raises(MoveNotAllowed):
        msgspec.structs.replace(quoted(), state=state).moved(goal)


# P1r: the payer


def outgoing() -> Outgoing:
    return Outgoing(PayerState.PAYING, TX, V.public_key, ORDER, 2, quoted().quote)


TERMS = terms_of(ORDER, [coin.chain for coin in held(count=2)])


def answered(taken: Taken) -> Outgoing:
    return rule.take_answer(outgoing(), taken, U.public_key, TERMS)


def test_a_delivered_payment_comes_with_a_receipt_that_names_it() -> None:
    delivered = rule.decide(taken_in(), DONE, NOW, ALL_ON)
    paid = answered(rule.report(delivered, V))
    assert paid.state is PayerState.PAID
    assert paid.receipt is not None
    assert open_document(Receipt, paid.receipt).terms == TERMS


def test_a_pending_answer_changes_nothing_at_the_payer() -> None:
    assert answered(Taken(Outcome.PENDING, None, None)) == outgoing()


def test_a_cancelled_payment_is_known_to_the_payer_with_its_reason() -> None:
    cancelled = rule.decide(taken_in(), CONFLICT, NOW, ALL_ON)
    told = answered(rule.report(cancelled, V))
    assert (told.state, told.reason) == (PayerState.CANCELLED, "conflict")


@pytest.mark.parametrize(
    "changes",
    [
        {"payee": X.public_key},
        {"payer": X.public_key},
        {"order": b"other"},
        {"count": 1},
        {"terms": bytes(32)},
    ],
)
def test_a_receipt_for_something_else_is_refused(changes: dict[str, object]) -> None:
    right = Receipt(V.public_key, U.public_key, ORDER, 2, TERMS)
    wrong = msgspec.structs.replace(right, **changes)
    signer = X if "payee" in changes else V
    with pytest.raises(WrongReceipt):
        answered(Taken(Outcome.DELIVERED, sign_document(wrong, signer), None))


def test_no_receipt_or_anothers_signature_is_refused() -> None:
    right = Receipt(V.public_key, U.public_key, ORDER, 2, TERMS)
    with pytest.raises(WrongReceipt):
        answered(Taken(Outcome.DELIVERED, None, None))
    with pytest.raises(WrongReceipt):
        answered(Taken(Outcome.DELIVERED, sign_document(right, X), None))


@pytest.mark.parametrize(
    ("state", "goal"),
    [(a, b) for a, b in itertools.product(PayerState, PayerState) if b not in PAYER_MOVES[a]],
)
def test_a_payers_move_outside_the_table_is_refused(state: PayerState, goal: PayerState) -> None:
    with pytest.raises(MoveNotAllowed):
        msgspec.structs.replace(outgoing(), state=state).moved(goal)


# B1


def came_back(sender: SigningKey, *transfers: Transfer) -> tuple[Step, ...]:
    message = GiveBack(ORDER, transfers)
    return rule.check_given_back(message, sender.public_key, to(U), trust())


def test_coins_of_a_cancelled_payment_are_paid_back() -> None:
    [coin] = held()
    [step] = came_back(V, transfer(passed_on(coin, U, V), V, U))
    assert step.body.payee == U.public_key


def test_coins_given_back_to_someone_else_are_refused() -> None:
    [coin] = held()
    with pytest.raises(PayeeIsNotYou):
        came_back(V, transfer(passed_on(coin, U, V), V, W))


def test_coins_that_this_party_did_not_pay_are_not_given_back_to_it() -> None:
    [coin] = held(V)
    with pytest.raises(NotYoursToGiveBack):
        came_back(V, transfer(coin, V, U))


def test_only_who_was_paid_gives_back() -> None:
    [coin] = held()
    with pytest.raises(NotYoursToGiveBack):
        came_back(X, transfer(passed_on(coin, U, V), V, U))


# DC-A13, DC-A19: inherent


def test_dc_a13_a_payer_cannot_deny_its_signature_stands_under_the_transfer() -> None:
    body = transfers(1)[0].record.body()
    assert (body.payer, body.payee) == (U.public_key, V.public_key)


def test_dc_a19_an_old_transfer_shown_again_brings_the_same_register_and_so_nothing_new() -> None:
    coming = holdings.received(transfers(1)[0], TX)
    again = holdings.received(transfers(1)[0], b"transaction 0002")
    assert coming.key == again.key
    assert coming.record.digest == again.record.digest
