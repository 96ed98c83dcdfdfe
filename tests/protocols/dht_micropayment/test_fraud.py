"""Step F1: two records of one holder for one register convict it; nothing else does."""

import msgspec
import pytest

from nodes.protocols.dht_micropayment import fraud as rule
from nodes.protocols.dht_micropayment.coin import Evidence
from nodes.protocols.dht_micropayment.holding import Holding
from nodes.protocols.dht_micropayment.messages import ReportFraud
from nodes.protocols.dht_micropayment.refusals import CoinIsNotGenuine, NoFraudShown
from tests.protocols.dht_micropayment.market import (
    B,
    U,
    V,
    W,
    X,
    certify,
    held,
    issued,
    passed_on,
    resigned,
    transfer,
    trust,
)


def double(coin: Holding | None = None) -> ReportFraud:
    """U pays V and W with one coin."""
    coin = coin or held()[0]
    to_v, to_w = transfer(coin, U, V), transfer(coin, U, W)
    return rule.make_report(to_v.record, to_w.record, to_v.predecessor, to_v.evidence)


def test_dc_24_a_coin_spent_twice_is_proven_offline() -> None:
    freeze = rule.check_report(double(), trust())
    assert (freeze.owner, freeze.serial, freeze.generation) == (U.public_key, 1, 0)
    assert (freeze.index, freeze.culprit) == (1, U.public_key)


def test_the_order_of_the_records_does_not_matter() -> None:
    report = double()
    first, second = report.proof.second, report.proof.first
    turned = rule.make_report(first, second, report.predecessor, report.evidence)
    assert rule.check_report(turned, trust()) == rule.check_report(report, trust())


def test_a_payment_and_a_redemption_of_one_step_convict_too() -> None:
    [coin] = held()
    sent, ended = transfer(coin, U, V), transfer(coin, U, B, kind="redeem")
    report = rule.make_report(sent.record, ended.record, sent.predecessor, sent.evidence)
    assert rule.check_report(report, trust()).culprit == U.public_key


def test_one_record_shown_twice_convicts_nobody() -> None:
    report = double()
    same = rule.make_report(
        report.proof.first, report.proof.first, report.predecessor, report.evidence
    )
    with pytest.raises(NoFraudShown):
        rule.check_report(same, trust())


def test_two_steps_that_follow_each_other_convict_nobody() -> None:
    [coin] = held()
    first = transfer(coin, U, U)
    second = transfer(passed_on(coin, U, U), U, V)
    report = rule.make_report(first.record, second.record, first.predecessor, first.evidence)
    with pytest.raises(NoFraudShown):
        rule.check_report(report, trust())


def test_records_of_two_payers_convict_nobody() -> None:
    [coin] = held()
    mine, forged = transfer(coin, U, V), resigned(transfer(coin, U, W), X, payer=X.public_key)
    report = rule.make_report(mine.record, forged.record, mine.predecessor, mine.evidence)
    with pytest.raises(NoFraudShown):
        rule.check_report(report, trust())


def test_a_record_that_is_not_signed_convicts_nobody() -> None:
    [coin] = held()
    mine, framed = transfer(coin, U, V), resigned(transfer(coin, U, W), X)
    report = rule.make_report(mine.record, framed.record, mine.predecessor, mine.evidence)
    with pytest.raises(NoFraudShown):
        rule.check_report(report, trust())


def test_a_stranger_who_signs_twice_does_not_freeze_a_coin_it_never_held() -> None:
    [coin] = held()
    forged = [resigned(transfer(coin, U, payee), X, payer=X.public_key) for payee in (V, W)]
    report = rule.make_report(
        forged[0].record, forged[1].record, forged[0].predecessor, forged[0].evidence
    )
    with pytest.raises(NoFraudShown):
        rule.check_report(report, trust())


def test_a_step_before_with_too_few_votes_convicts_nobody() -> None:
    report = double()
    few = certify(report.predecessor.record, votes=3)
    with pytest.raises(NoFraudShown):
        rule.check_report(msgspec.structs.replace(report, predecessor=few), trust())


def test_another_step_than_the_one_before_convicts_nobody() -> None:
    [coin] = held()
    later = passed_on(passed_on(coin, U, V), V, U)
    report = double(later)
    assert coin.certificate is not None
    wrong = msgspec.structs.replace(report, predecessor=coin.certificate)
    with pytest.raises(NoFraudShown):
        rule.check_report(wrong, trust())


def test_another_coin_is_not_frozen() -> None:
    [other] = issued(after=8)
    with pytest.raises(NoFraudShown):
        rule.check_report(msgspec.structs.replace(double(), evidence=other), trust())


def test_a_coin_of_no_broker_is_refused() -> None:
    report = double()
    signed = report.evidence.coin
    forged = msgspec.structs.replace(signed, signatures=(bytes(64),))
    with pytest.raises(CoinIsNotGenuine):
        rule.check_report(msgspec.structs.replace(report, evidence=Evidence(forged)), trust())


def test_of_two_double_steps_the_first_counts() -> None:
    found = rule.check_report(double(), trust())
    later = msgspec.structs.replace(found, index=4)
    newer = msgspec.structs.replace(found, generation=1, index=0)
    assert rule.earlier(None, later) == later
    assert rule.earlier(later, found) == rule.earlier(found, later) == found
    assert rule.earlier(newer, later) == later
