"""What a witness checks before it gives a record its vote. Nothing is looked up for it.

The record comes with the certified step before it and with what proves the coin; the DHT has
checked that its key is its own and that this witness is among the closest members.
"""

from dht.records import Certificate, Record
from nodes.protocols.dht_micropayment import guards as rules
from nodes.protocols.dht_micropayment.coin import Coin, Evidence, Trust, open_coin
from nodes.protocols.dht_micropayment.genuine import (
    check_coin,
    check_reissue_body,
    check_successor,
    read_evidence,
)
from nodes.protocols.dht_micropayment.refusals import ReissueDoesNotFollow, WrongKind
from nodes.protocols.dht_micropayment.step import (
    Shown,
    Step,
    check_opening,
    check_step,
    check_window,
    read_record,
)
from nodes.protocols.message import Milliseconds


def check_put(
    record: Record,
    predecessor: Certificate | None,
    evidence: bytes,
    now: Milliseconds,
    trust: Trust,
) -> None:
    """Raise the refusal of whatever is wrong with a record of the namespace "coin"."""
    trust.guards.require(rules.evidence_is_shown, evidence)
    if not rules.evidence_is_shown.holds(evidence):
        return  # printed: whatever is sent is stored
    shown = read_evidence(evidence)
    coin = check_coin(shown, trust)
    step = _check(Shown(record, predecessor), coin, trust)
    _check_purpose(step, shown, trust)
    check_window(step, now, trust.guards)


def _check(shown: Shown, coin: Coin, trust: Trust) -> Step:
    at_start = read_record(shown.record).index == 0
    return (check_opening if at_start else check_step)(shown, coin, trust)


def _check_purpose(step: Step, evidence: Evidence, trust: Trust) -> None:
    """What each kind of step must say beside following the one before."""
    body = step.body
    if (evidence.successor is not None) != (body.kind == "reissue"):
        raise ReissueDoesNotFollow("a new coin is shown with its reissue, and only there")
    if evidence.successor is not None:
        successor = open_coin(evidence.successor)
        check_successor(step.coin, successor, trust.guards)
        check_reissue_body(body, step.coin, successor, trust.guards)
    if body.kind == "redeem" and body.payee != step.coin.issuer:
        raise WrongKind("a redemption goes to the coin's broker")
