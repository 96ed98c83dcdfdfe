"""A holder's record of a coin: every move of its table, and the one step it ever signs."""

import itertools
from typing import Any

import pytest

from crypto.signing import SigningKey
from dht.records import Certificate
from nodes.protocols.dht_micropayment import guards as rules
from nodes.protocols.dht_micropayment import holding as holdings
from nodes.protocols.dht_micropayment.coin import closes_at
from nodes.protocols.dht_micropayment.holding import COIN_MOVES, CoinState, Holding
from nodes.protocols.dht_micropayment.refusals import (
    AlreadySigned,
    CertificateIsAnothers,
    MoveNotAllowed,
    NotEnoughCoins,
    NothingCommitted,
)
from tests.protocols.dht_micropayment.market import (
    NOW,
    QUORUM_TIME,
    TX,
    VALIDITY,
    B,
    U,
    V,
    W,
    certify,
    committed,
    held,
    issued,
    passed_on,
    transfer,
    without,
)


def certificate_of(coin: Holding) -> Certificate:
    return certify(holdings.sign_committed(coin, U).record)


def test_a_coin_lives_from_incoming_to_spent() -> None:
    coming = holdings.opened(issued()[0], TX)
    assert coming.state is CoinState.INCOMING
    coin = holdings.certified(coming, certify(coming.record))
    assert coin.state is CoinState.HELD
    leaving = committed(coin, U, V)
    assert leaving.state is CoinState.OUTGOING
    assert holdings.settled(leaving, certificate_of(leaving)).state is CoinState.SPENT


def test_a_redeemed_coin_is_closed() -> None:
    leaving = committed(held()[0], U, B, kind="redeem")
    assert holdings.settled(leaving, certificate_of(leaving)).state is CoinState.CLOSED


def test_a_coin_whose_register_holds_another_record_never_comes() -> None:
    coming = holdings.received(transfer(held()[0], U, V), TX)
    assert holdings.lost(coming).state is CoinState.CLOSED


@pytest.mark.parametrize(
    ("state", "to"),
    [
        (state, to)
        for state, to in itertools.product(CoinState, CoinState)
        if to not in COIN_MOVES[state]
    ],
)
def test_a_move_outside_the_table_is_refused_and_changes_nothing(
    state: CoinState, to: CoinState
) -> None:
    coin = Holding(state, held()[0].evidence, held()[0].record, None, TX)
    with pytest.raises(MoveNotAllowed):
        coin.moved(to)
    assert coin.state is state


def test_the_table_names_every_state() -> None:
    assert set(COIN_MOVES) == set(CoinState)


# one successor, for ever


def test_the_same_decision_again_changes_nothing_and_signs_the_same_bytes() -> None:
    [coin] = held()
    once = committed(coin, U, V)
    assert committed(once, U, V) == once
    assert holdings.sign_committed(once, U) == holdings.sign_committed(once, U)


@pytest.mark.parametrize(
    ("payee", "how"), [(W, {}), (V, {"terms": bytes(32)}), (B, {"kind": "redeem"})]
)
def test_another_successor_is_never_signed(payee: SigningKey, how: dict[str, Any]) -> None:
    once = committed(held()[0], U, V)
    with pytest.raises(AlreadySigned):
        committed(once, U, payee, **how)


def test_not_even_after_the_coin_is_gone() -> None:
    leaving = committed(held()[0], U, V)
    gone = holdings.settled(leaving, certificate_of(leaving))
    assert committed(gone, U, V) == gone
    with pytest.raises(AlreadySigned):
        committed(gone, U, W)


def test_a_coin_that_has_not_come_cannot_be_committed() -> None:
    coming = holdings.received(transfer(held()[0], U, V), TX)
    with pytest.raises(MoveNotAllowed):
        committed(coming, V, W)


def test_nothing_is_signed_before_it_is_committed() -> None:
    [coin] = held()
    with pytest.raises(NothingCommitted):
        holdings.sign_committed(coin, U)
    with pytest.raises(NothingCommitted):
        holdings.settled(coin, certify(coin.record))


def test_the_certificate_of_another_step_does_not_settle() -> None:
    leaving = committed(held()[0], U, V)
    assert leaving.certificate is not None
    with pytest.raises(CertificateIsAnothers):
        holdings.settled(leaving, leaving.certificate)


def test_a_coin_that_comes_back_has_another_name() -> None:
    [coin] = held()
    back = passed_on(passed_on(coin, U, V), V, U)
    assert back.chain == coin.chain
    assert back.key != coin.key


def test_a_transfer_names_its_payee_unless_that_guard_is_off() -> None:
    [coin] = held()
    named = committed(coin, U, V)
    bearer = committed(coin, U, V, guards=without(rules.payee_is_named))
    assert named.committed is not None
    assert bearer.committed is not None
    assert named.committed.payee == V.public_key
    assert bearer.committed.payee == rules.ANYBODY


# choosing


def fit(coin: Holding) -> bool:
    return holdings.can_pay(coin, NOW, QUORUM_TIME)


def test_coins_that_expire_first_are_taken_first() -> None:
    first, second, third = held(count=3)
    in_order = sorted([third, first, second], key=holdings.by_expiry)
    chosen = holdings.choose(in_order, 2, fit)
    assert [coin.coin.serial for coin in chosen] == [1, 2]


def test_no_further_coin_is_looked_at_than_is_taken() -> None:
    looked_at: list[Holding] = []

    def fit_and_noted(coin: Holding) -> bool:
        looked_at.append(coin)
        return fit(coin)

    coins = held(count=3)
    assert holdings.choose(coins, 2, fit_and_noted) == looked_at == coins[:2]


def test_too_few_coins_are_told() -> None:
    with pytest.raises(NotEnoughCoins):
        holdings.choose(held(count=2), 3, fit)


def test_coins_that_are_not_held_now_are_not_taken() -> None:
    [coin, other] = held(count=2)
    with pytest.raises(NotEnoughCoins):
        holdings.choose([committed(coin, U, V), other], 2, fit)


def test_a_coin_no_payee_would_take_in_time_is_not_taken() -> None:
    [coin] = held()
    last = NOW + VALIDITY - QUORUM_TIME
    assert holdings.can_pay(coin, last, QUORUM_TIME)
    assert not holdings.can_pay(coin, last + 1, QUORUM_TIME)


def test_a_coin_whose_payee_could_not_pay_it_back_is_not_taken() -> None:
    [coin] = held()
    for n in range(61):
        assert fit(coin)
        payer, payee = (U, V) if n % 2 == 0 else (V, U)
        coin = passed_on(coin, payer, payee)
    assert coin.step.index == 61
    assert not fit(coin)
    assert holdings.can_redeem(coin, NOW)


def test_a_coin_is_redeemed_until_it_closes() -> None:
    [coin] = held()
    last = closes_at(coin.coin)
    assert holdings.can_redeem(coin, last)
    assert not holdings.can_redeem(coin, last + 1)
    assert not holdings.can_redeem(committed(coin, U, V), NOW)


# evidence beside the coin


def test_other_records_for_its_register_are_kept_once_each() -> None:
    [coin] = held()
    coming = holdings.received(transfer(coin, U, V), TX)
    rival = transfer(coin, U, W).record
    contested = holdings.contested(coming, [rival, coming.record, rival])
    assert contested.rivals == (rival,)
    assert holdings.contested(contested, [rival]) == contested
    assert contested.state is CoinState.INCOMING


@pytest.mark.parametrize(
    ("kind", "state"), [("pay", CoinState.SPENT), ("redeem", CoinState.CLOSED)]
)
def test_a_receipt_ends_a_coin_as_a_certificate_would(kind: str, state: CoinState) -> None:
    [coin] = held()
    leaving = committed(coin, U, V if kind == "pay" else B, kind=kind)
    assert holdings.handed_over(leaving).state is state
    with pytest.raises(NothingCommitted):
        holdings.handed_over(coin)


def test_only_a_coin_held_now_can_be_renewed() -> None:
    with pytest.raises(MoveNotAllowed):
        holdings.require_held(None)
    with pytest.raises(MoveNotAllowed):
        holdings.require_held(committed(held()[0], U, V))
    assert holdings.require_held(held()[0]).state is CoinState.HELD
