"""What a witness checks before it gives a record its vote. Nothing is looked up for it.

The record comes with the certified step before it and with what proves the coin; the DHT has
checked that its key is its own and that this witness is among the closest members.
"""

from dht.records import Certificate, Record
from nodes.protocols.dht_micropayment import guards as rules
from nodes.protocols.dht_micropayment.coin import Coin, Trust
from nodes.protocols.dht_micropayment.genuine import check_coin, check_purpose, read_evidence
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
    check_purpose(step, shown, trust)
    check_window(step, now, trust.guards)


def _check(shown: Shown, coin: Coin, trust: Trust) -> Step:
    at_start = read_record(shown.record).index == 0
    return (check_opening if at_start else check_step)(shown, coin, trust)
