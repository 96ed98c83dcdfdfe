"""Steps W1-W3, equations (1)-(3): the broker issues, the owner takes and opens."""

import itertools

import msgspec
import pytest

from crypto.documents import document_digest, open_document, sign_document
from nodes.protocols.dht_micropayment import holding as holdings
from nodes.protocols.dht_micropayment.coin import (
    Coin,
    Evidence,
    chain,
    closes_at,
    opening,
    payee_accepts_until,
    read_coin,
    reissue_opens_at,
    witnesses_accept_until,
)
from nodes.protocols.dht_micropayment.genuine import check_coin
from nodes.protocols.dht_micropayment.holding import CoinState
from nodes.protocols.dht_micropayment.messages import Withdraw, Withdrawn
from nodes.protocols.dht_micropayment.refusals import (
    CertificateIsAnothers,
    CoinIsNotGenuine,
    MoveNotAllowed,
    WithdrawalDiffers,
)
from nodes.protocols.dht_micropayment.withdrawal import (
    ASKED_MOVES,
    Asked,
    AskedState,
    IssueTerms,
    Withdrawal,
    issue,
    require_new,
    take_withdrawn,
)
from tests.protocols.dht_micropayment.market import (
    NOW,
    TX,
    VALIDITY,
    WINDOW,
    B,
    U,
    V,
    certify,
    issued,
    re_signed_coin,
    trust,
)

TERMS = IssueTerms(VALIDITY, WINDOW)


def withdrawn(count: int = 3, after: int = 7) -> Withdrawn:
    return issue(Withdraw(count), U.public_key, after, NOW, TERMS, B)[0]


def test_equation_1_every_serial_is_larger_than_all_before() -> None:
    answer, kept = issue(Withdraw(3), U.public_key, 7, NOW, TERMS, B)
    coins = [open_document(Coin, signed) for signed in answer.coins]
    assert [coin.serial for coin in coins] == [8, 9, 10]
    assert [one.serial for one in kept] == [8, 9, 10]
    assert {(coin.owner, coin.expires) for coin in coins} == {(U.public_key, NOW + VALIDITY)}


def test_the_same_request_is_answered_by_the_same_bytes() -> None:
    assert withdrawn() == withdrawn()


def test_the_owner_takes_exactly_the_coins_it_asked_for() -> None:
    evidence = take_withdrawn(withdrawn(), Withdraw(3), U.public_key, NOW, trust())
    assert [read_coin(one.coin).serial for one in evidence] == [8, 9, 10]


@pytest.mark.parametrize("count", [1, 2, 4])
def test_more_or_fewer_coins_than_asked_for_are_refused(count: int) -> None:
    with pytest.raises(WithdrawalDiffers):
        take_withdrawn(withdrawn(3), Withdraw(count), U.public_key, NOW, trust())


def test_a_coin_given_twice_is_refused() -> None:
    coin = withdrawn(1).coins[0]
    with pytest.raises(WithdrawalDiffers):
        take_withdrawn(Withdrawn((coin, coin)), Withdraw(2), U.public_key, NOW, trust())


def test_another_owners_coin_is_refused() -> None:
    with pytest.raises(WithdrawalDiffers):
        take_withdrawn(withdrawn(), Withdraw(3), V.public_key, NOW, trust())


def test_a_coin_that_has_expired_already_is_refused() -> None:
    late = NOW + VALIDITY
    with pytest.raises(WithdrawalDiffers):
        take_withdrawn(withdrawn(), Withdraw(3), U.public_key, late, trust())


def test_a_coin_signed_by_no_broker_is_refused() -> None:
    forged, _ = issue(Withdraw(1), U.public_key, 0, NOW, TERMS, V)
    with pytest.raises(CoinIsNotGenuine):
        take_withdrawn(forged, Withdraw(1), U.public_key, NOW, trust())


@pytest.mark.parametrize(
    "changes",
    [
        {"owner": V.public_key},
        {"serial": 99},
        {"expires": NOW},
        {"generation": 1},
        {"holder": V.public_key},
        {"previous": bytes(32)},
        {"validity": 1},
        {"window": 1},
        {"issuer": V.public_key},
        {"signed_by": V.public_key},
    ],
)
def test_each_altered_field_of_a_coin_breaks_the_brokers_signature(
    changes: dict[str, object],
) -> None:
    [evidence] = issued()
    coin = msgspec.structs.replace(read_coin(evidence.coin), **changes)
    altered = sign_document(coin, U)  # the best a holder can do
    with pytest.raises(CoinIsNotGenuine):
        check_coin(Evidence(altered), trust())


@pytest.mark.parametrize(
    "changes",
    [
        {"holder": V.public_key},
        {"previous": bytes(32)},
        {"signed_by": V.public_key, "issuer": B.public_key},
    ],
)
def test_a_first_generation_is_what_a_broker_makes_whoever_signs_it(
    changes: dict[str, object],
) -> None:
    [evidence] = issued()
    signer = V if "signed_by" in changes else B
    coin = re_signed_coin(read_coin(evidence.coin), signer, **changes)
    with pytest.raises(CoinIsNotGenuine):
        check_coin(Evidence(coin), trust())


def test_a_first_generation_that_claims_a_reissue_is_refused() -> None:
    [evidence] = issued()
    coin = read_coin(evidence.coin)
    with pytest.raises(CoinIsNotGenuine):
        check_coin(Evidence(evidence.coin, parent=coin), trust())


def test_equation_3_the_opening_follows_from_the_coin_alone() -> None:
    coin = read_coin(issued()[0].coin)
    body = opening(coin)
    assert (body.index, body.kind, body.payee) == (0, "open", U.public_key)
    assert (body.chain, body.subject) == (chain(coin), document_digest(coin))


def test_a_coin_is_worth_nothing_before_its_opening_is_certified() -> None:
    coming = holdings.opened(issued()[0], TX)
    assert coming.state is CoinState.INCOMING
    assert holdings.certified(coming, certify(coming.record)).state is CoinState.HELD


def test_the_certificate_of_another_coins_opening_does_not_serve() -> None:
    first, second = (holdings.opened(evidence, TX) for evidence in issued(count=2))
    with pytest.raises(CertificateIsAnothers):
        holdings.certified(first, certify(second.record))


def test_the_windows_follow_each_other_in_time() -> None:
    coin = read_coin(issued()[0].coin)
    assert payee_accepts_until(coin, 5_000) == coin.expires - 5_000
    assert reissue_opens_at(coin) == coin.expires - WINDOW
    assert witnesses_accept_until(coin, "pay") == coin.expires + WINDOW // 2
    assert witnesses_accept_until(coin, "reissue") == coin.expires + WINDOW
    assert witnesses_accept_until(coin, "redeem") == closes_at(coin) == coin.expires + WINDOW


def test_another_count_under_the_same_request_is_refused() -> None:
    require_new(None)
    with pytest.raises(WithdrawalDiffers):
        require_new(Withdrawal(U.public_key, 3, (1, 2, 3)))


@pytest.mark.parametrize(
    ("state", "goal"),
    [(a, b) for a, b in itertools.product(AskedState, AskedState) if b not in ASKED_MOVES[a]],
)
def test_an_owners_move_outside_the_table_is_refused(state: AskedState, goal: AskedState) -> None:
    with pytest.raises(MoveNotAllowed):
        Asked(state, TX, 1).moved(goal)
