"""The auditor on honest books, and on the same books with one thing wrong in them.

Every rule has at least one test here that makes it fail: an auditor that cannot fail judges
nothing.
"""

import copy
from typing import Any

import pytest

from crypto import codec
from dht.records import Certificate
from nodes.protocols.dht_micropayment.coin import chain
from scenarios.lab.auditor import EXIT_CODES, audit, audit_settled, verdict_of
from scenarios.lab.books import UnreadableLedger, read_ledger
from scenarios.lab.run import Check, Event
from tests.lab.honest_books import Market


@pytest.fixture
def market() -> Market:
    """A coin bought something, one came back by a refund, one was renewed, one redeemed."""
    market = Market()
    paid, returned, renewed, redeemed = (market.withdraw("peer-01") for _ in range(4))
    market.sell("peer-01", "peer-02", [paid])
    market.sell("peer-01", "peer-03", [returned], paid=False)
    market.pay(renewed, "peer-01", "peer-04")
    market.reissue(renewed, "peer-04")
    market.pay(redeemed, "peer-01", "peer-05")
    market.redeem(redeemed, "peer-05")
    return market


def check(market: Market, name: str, **how: Any) -> Check:
    found = [check for check in audit(market.books(**how)) if check.name == name]
    assert len(found) == 1, f"no check is named {name}"
    return found[0]


def coin_row(market: Market, party: str, **like: Any) -> dict[str, Any]:
    rows = [
        row
        for row in market.raw[party]["coins"]
        if all(row[name] == value for name, value in like.items())
    ]
    return rows[0]


def test_honest_books_are_ok(market: Market) -> None:
    checks = audit(market.books())
    assert [check for check in checks if check.holds is not True] == []
    assert verdict_of(checks) == "ok"


def test_an_empty_market_is_ok() -> None:
    assert verdict_of(audit(Market().books())) == "ok"


# value conserved


def test_a_balance_out_of_nowhere_breaks_conservation(market: Market) -> None:
    market.raw["broker"]["accounts"][3]["balance"] += 1
    found = check(market, "value conserved")
    assert found.holds is False
    assert "17001" in found.detail
    assert "17000 was opened" in found.detail


def test_an_account_that_was_never_opened_was_opened_with_nothing(market: Market) -> None:
    """Its party was frozen, or paid for a coin, and never asked for the opening balance."""
    accounts = market.raw["broker"]["accounts"]
    accounts.append({"owner": "ee" * 32, "balance": 0, "frozen": False, "opened_with": 0})
    assert verdict_of(audit(market.books())) == "ok"
    accounts[-1] |= {"balance": 5, "opened_with": 5}
    assert "was opened with 5" in check(market, "value conserved").detail
    accounts[-1] |= {"balance": 5, "opened_with": 0}
    assert check(market, "value conserved").holds is False


def test_a_coin_issued_without_a_debit_breaks_conservation(market: Market) -> None:
    market.raw["broker"]["issued"].append({"owner": market.id("peer-09"), "serial": 99})
    assert check(market, "value conserved").holds is False


def test_an_overdrawn_account_is_a_fault_even_if_the_sum_is_right(market: Market) -> None:
    accounts = market.raw["broker"]["accounts"]
    accounts[2]["balance"] += accounts[1]["balance"] + 5
    accounts[1]["balance"] = -5
    found = check(market, "value conserved")
    assert found.holds is False
    assert "has -5" in found.detail


def test_without_the_broker_conservation_cannot_be_told(market: Market) -> None:
    assert check(market, "value conserved", silent=("broker",)).holds is None


# issued minus redeemed is what lives

LIVE = "issued minus redeemed is what lives"


def test_a_coin_issued_twice_is_a_fault(market: Market) -> None:
    market.raw["broker"]["issued"].append(dict(market.raw["broker"]["issued"][0]))
    found = check(market, LIVE)
    assert found.holds is False
    assert "coin 1 was issued twice" in found.detail


def test_a_coin_redeemed_twice_is_a_fault(market: Market) -> None:
    market.raw["broker"]["redeemed"] *= 2
    assert "coin 4 was redeemed twice" in check(market, LIVE).detail


def test_a_credit_for_a_coin_never_issued_is_a_fault(market: Market) -> None:
    market.raw["broker"]["redeemed"].append({"owner": market.id("peer-09"), "serial": 77})
    found = check(market, LIVE)
    assert found.holds is False
    assert "coin 77 was redeemed and never issued" in found.detail


def test_a_credit_without_a_redemption_in_the_register_is_a_fault(market: Market) -> None:
    market.raw["broker"]["redeemed"].append({"owner": market.id("peer-01"), "serial": 1})
    found = check(market, LIVE)
    assert found.holds is False
    assert "coin 1 was credited" in found.detail


def test_a_redemption_not_credited_yet_is_on_its_way(market: Market) -> None:
    market.raw["broker"]["redeemed"].clear()
    found = check(market, LIVE)
    assert found.holds is None
    assert "coin 4 is on its way" in found.detail


def test_a_chain_that_comes_from_no_issued_coin_is_a_fault(market: Market) -> None:
    minted = market.withdraw("peer-06")
    market.raw["broker"]["issued"].pop()
    found = check(market, LIVE)
    assert found.holds is False
    assert chain(minted).hex()[:8] in found.detail


def test_a_new_generation_without_a_certified_reissue_is_a_fault(market: Market) -> None:
    coin = market.withdraw("peer-06")
    market.reissue(coin, "peer-06")
    for name in market.peers:
        rows = market.raw[name]["registers"]
        rows[:] = [
            row for row in rows if (row["chain"], row["kind"]) != (chain(coin).hex(), "reissue")
        ]
    assert check(market, LIVE).holds is False


# nothing accepted twice, nobody voted twice


def doubled(market: Market) -> tuple[str, str]:
    """peer-06 pays one coin to two payees, and a quorum votes for each."""
    coin = market.withdraw("peer-06")
    first = market.next_body(coin, "peer-06", "peer-07", "pay")
    second = market.next_body(coin, "peer-06", "peer-08", "pay")
    for body, payee in ((first, "peer-07"), (second, "peer-08")):
        certificate = market.certify(body, market.record(body, "peer-06"))
        market._hold(payee, coin, 1, certificate)
    coin_row(market, "peer-06", state="held")["state"] = "spent"
    return "peer-07", "peer-08"


def test_two_certified_bodies_for_one_register_are_a_fault(market: Market) -> None:
    doubled(market)
    found = check(market, "nothing accepted twice")
    assert found.holds is False
    assert "peer-07 and peer-08" in found.detail


def test_voters_of_two_bodies_are_found(market: Market) -> None:
    doubled(market)
    found = check(market, "nobody voted twice")
    assert found.holds is False
    assert "voted for 2 bodies" in found.detail


def test_a_vote_that_differs_from_what_the_voter_keeps_is_found(market: Market) -> None:
    held = coin_row(market, "peer-02", serial=1)
    certificate = codec.decode(bytes.fromhex(held["certificate"]), Certificate)
    names = {market.id(name): name for name in market.peers}
    voter = names[certificate.votes[0].voter.hex()]
    row = next(
        row
        for row in market.raw[voter]["registers"]
        if (row["chain"], row["index"]) == (held["chain"], held["index"])
    )
    row["digest"] = "00" * 32
    found = check(market, "nobody voted twice")
    assert found.holds is False
    assert voter in found.detail


def test_with_a_silent_replica_double_acceptance_cannot_be_excluded(market: Market) -> None:
    assert check(market, "nothing accepted twice", silent=("peer-16",)).holds is None


# certificates

OFFLINE = "every certificate checks offline"


def test_a_certificate_with_a_vote_short_is_a_fault(market: Market) -> None:
    coin = market.withdraw("peer-06")
    body = market.next_body(coin, "peer-06", "peer-07", "pay")
    weak = market.certify(body, market.record(body, "peer-06"), market.voters(body)[:5])
    market._hold("peer-07", coin, 1, weak)
    found = check(market, OFFLINE)
    assert found.holds is False
    assert "peer-07" in found.detail


def test_votes_of_friends_from_elsewhere_certify_nothing(market: Market) -> None:
    coin = market.withdraw("peer-06")
    body = market.next_body(coin, "peer-06", "peer-07", "pay")
    far = [name for name in market.peers if name not in market.voters(body)][:6]
    friendly = market.certify(body, market.record(body, "peer-06"), far)
    market._hold("peer-07", coin, 1, friendly)
    assert check(market, OFFLINE).holds is False


def test_a_record_its_payer_did_not_sign_certifies_nothing(market: Market) -> None:
    coin = market.withdraw("peer-06")
    body = market.next_body(coin, "peer-06", "peer-07", "pay")
    forged = market.certify(body, market.record(body, "peer-08"))
    market._hold("peer-07", coin, 1, forged)
    assert check(market, OFFLINE).holds is False


def test_bytes_that_are_no_certificate_are_a_fault(market: Market) -> None:
    market.raw["peer-02"]["coins"][0]["certificate"] = codec.encode(["no"]).hex()
    assert check(market, OFFLINE).holds is False


def test_without_a_roster_certificates_cannot_be_told(market: Market) -> None:
    del market.raw["certificate-authority"]["roster"]
    assert check(market, OFFLINE).holds is None


def test_a_roster_that_the_authority_did_not_sign_checks_nothing(market: Market) -> None:
    market.raw["certificate-authority"]["roster"]["signatures"] = ["00" * 64]
    found = check(market, OFFLINE)
    assert found.holds is False
    assert "certificate-authority: its roster is not signed by it" in found.detail


# replicas

REPLICAS = "every register on its replicas"


def test_a_missing_copy_cannot_be_told_yet(market: Market) -> None:
    market.raw["peer-01"]["registers"].pop()
    found = check(market, REPLICAS)
    assert found.holds is None
    assert "missing on peer-01" in found.detail


def test_fewer_copies_than_a_quorum_are_a_fault(market: Market) -> None:
    held = coin_row(market, "peer-02", serial=1)
    lost = 0
    for name in market.peers:
        rows = market.raw[name]["registers"]
        kept = [r for r in rows if (r["chain"], r["index"]) != (held["chain"], held["index"])]
        if len(kept) < len(rows) and lost < 3:
            rows[:] = kept
            lost += 1
    found = check(market, REPLICAS)
    assert found.holds is False
    assert "kept by 5 peers only" in found.detail


def test_a_copy_far_from_its_key_is_a_fault(market: Market) -> None:
    row = market.raw["peer-01"]["registers"][0]
    far = next(
        name
        for name in market.peers
        if all(
            (r["chain"], r["index"]) != (row["chain"], row["index"])
            for r in market.raw[name]["registers"]
        )
    )
    market.raw[far]["registers"].append(dict(row))
    found = check(market, REPLICAS)
    assert found.holds is False
    assert f"{far} keeps coin" in found.detail


def test_a_silent_replica_leaves_its_registers_untold(market: Market) -> None:
    found = check(market, REPLICAS, silent=("peer-01",))
    assert found.holds is None
    assert "silent replica" in found.detail


# holders

ONE_HOLDER = "no coin held by two"


def test_a_coin_held_by_two_is_a_fault(market: Market) -> None:
    doubled(market)
    found = check(market, ONE_HOLDER)
    assert found.holds is False
    assert "held by peer-07 and peer-08" in found.detail


def test_a_payer_that_still_counts_its_coin_is_a_fault(market: Market) -> None:
    spent = coin_row(market, "peer-01", serial=3)
    spent["state"] = "held"
    found = check(market, ONE_HOLDER)
    assert found.holds is False
    assert "peer-01 still counts coin 3" in found.detail


def test_a_coin_in_the_wrong_wallet_is_a_fault(market: Market) -> None:
    row = market.raw["peer-02"]["coins"].pop()
    market.raw["peer-08"]["coins"].append(row)
    found = check(market, ONE_HOLDER)
    assert found.holds is False
    assert "peer-08 counts coin 1, which is peer-02's" in found.detail


def test_a_coin_missing_from_its_holders_wallet_is_noticed(market: Market) -> None:
    market.raw["peer-02"]["coins"].clear()
    found = check(market, "nobody lost a coin")
    assert found.holds is None
    assert "coin 1 is peer-02's, whose wallet lacks it" in found.detail


# sales

AGREE = "both parties agree on each sale"
ONE_WAY = "never both released and refunded"


@pytest.mark.parametrize(
    ("party", "state"),
    [("peer-01", "refunded"), ("peer-01", "aborted"), ("peer-02", "aborted")],
)
def test_who_takes_a_paid_sale_for_something_else_disagrees(
    market: Market, party: str, state: str
) -> None:
    market.entries[party][0]["state"] = state
    found = check(market, AGREE)
    assert found.holds is False
    assert f"{state} to {party}" in found.detail


@pytest.mark.parametrize(("party", "state"), [("peer-01", "accepted"), ("peer-03", "paid")])
def test_who_takes_a_refunded_sale_for_something_else_disagrees(
    market: Market, party: str, state: str
) -> None:
    market.entries[party][-1]["state"] = state
    assert check(market, AGREE).holds is False


def test_a_seller_paid_before_the_release_disagrees(market: Market) -> None:
    market.raw["escrow-server"]["sales"][0] |= {"state": "committed", "decision": None}
    assert check(market, AGREE).holds is False


def test_a_buyer_with_the_key_of_an_aborted_sale_disagrees(market: Market) -> None:
    market.raw["escrow-server"]["sales"][1] |= {"state": "aborted"}
    market.entries["peer-01"][1]["state"] = "opened"
    assert check(market, AGREE).holds is False


def test_a_refund_after_a_decision_to_release_is_a_fault(market: Market) -> None:
    market.raw["escrow-server"]["sales"][1]["decision"] = "release"
    found = check(market, ONE_WAY)
    assert found.holds is False
    assert "its decision is release" in found.detail


@pytest.mark.parametrize("finding", [None, "as-promised", "nothing-uploaded"])
def test_a_refund_without_a_won_dispute_is_a_fault(market: Market, finding: str | None) -> None:
    market.raw["escrow-server"]["sales"][1]["finding"] = finding
    found = check(market, "no key and its refund without a won dispute")
    assert found.holds is False
    assert f"found {finding or 'not looked at'}" in found.detail


def test_a_locked_coin_that_went_the_other_way_is_a_fault(market: Market) -> None:
    market.raw["escrow-server"]["sales"][0] |= {"state": "refunded", "decision": "refund"}
    found = check(market, ONE_WAY)
    assert found.holds is False
    assert "1 coin of sale 00000000 of 1 went to peer-02" in found.detail


def test_coins_of_one_sale_that_went_both_ways_are_a_fault(market: Market) -> None:
    first, second = market.withdraw("peer-01"), market.withdraw("peer-01")
    sale = market.sell("peer-01", "peer-02", [first])
    market.pay(second, "peer-01", "escrow-server", transaction=sale)
    market.pay(second, "escrow-server", "peer-01")
    found = check(market, ONE_WAY)
    assert found.holds is False
    assert "went to peer-01" in found.detail


def test_a_payout_before_any_decision_is_a_fault(market: Market) -> None:
    market.raw["escrow-server"]["sales"][0] |= {"state": "committed", "decision": None}
    assert check(market, ONE_WAY).holds is False


# ends and order


def test_a_transaction_without_an_end_is_unknown_and_named(market: Market) -> None:
    market.entries["peer-01"][0] |= {"state": "paid", "reason": "no answer from escrow-server"}
    found = check(market, "every transaction reached its end")
    assert found.holds is None
    assert "peer-01: escrow_commerce 00000000 is paid (no answer" in found.detail


def test_a_party_may_say_itself_that_nothing_more_will_come(market: Market) -> None:
    market.entries["peer-01"][0] |= {"state": "paid", "final": True}
    assert check(market, "every transaction reached its end").holds is True


def said(*steps: str) -> list[Event]:
    return [
        Event(n, n, "escrow_commerce", step, step, transaction="aa")
        for n, step in enumerate(steps, 1)
    ]


ORDER = "steps in the paper's order"


@pytest.mark.parametrize(
    "steps",
    [
        "5 5r 6a 6b 7 8a 9 8b 10",
        "5 5r 6b 7 6a 8a 9 10 8b",
        "5 5r 6a 6a 6b 7 8a 8a 8b",
        "5 5r 6a 8x",
        "5 5r 6a 6b 7 8a D1 D2 8r 10",
    ],
)
def test_lawful_orders_are_found_lawful(steps: str) -> None:
    checks = audit(Market().books(), said(*steps.split()))
    assert [c.holds for c in checks if c.name == ORDER] == [True]


@pytest.mark.parametrize(
    ("steps", "fault"),
    [
        ("5 5r 6a 8a", "step 8a before 7"),
        ("5 5r 7 8a", "step 8a before 6a"),
        ("5 5r 6a 6b 8b", "step 8b before 7"),
        ("5 6a", "step 6a before 5r"),
        ("5 5r 6a 6b 7 9", "step 9 before 8a"),
        ("5 5r 6a 6b 7 8a D2", "step D2 before D1"),
        ("5 5r zz", "step zz belongs to no transaction"),
    ],
)
def test_a_step_out_of_order_is_a_fault(steps: str, fault: str) -> None:
    checks = audit(Market().books(), said(*steps.split()))
    found = next(c for c in checks if c.name == ORDER)
    assert found.holds is False
    assert fault in found.detail


# a world that moves while it is asked


class Telling:
    """What one party answers, each time it is asked; the last answer stays."""

    def __init__(self, name: str, *ledgers: dict[str, Any]) -> None:
        self.name = name
        self._ledgers = list(ledgers)

    def alive(self) -> bool:
        return True

    async def get(self, path: str, /, **query: Any) -> dict[str, Any]:
        if path != "/inspect/ledger":
            return {"transactions": []}
        return self._ledgers.pop(0) if len(self._ledgers) > 1 else self._ledgers[0]


def told_twice(market: Market, first: Market) -> list[Telling]:
    return [Telling(name, first.raw[name], market.raw[name]) for name in market.names]


@pytest.mark.asyncio
async def test_what_looked_broken_for_one_look_only_is_not_called_violated(market: Market) -> None:
    torn = copy.deepcopy(market)
    torn.raw["broker"]["accounts"][3]["balance"] += 1
    _, checks = await audit_settled(told_twice(market, torn), seconds=0)
    assert verdict_of(checks) == "unknown"
    assert "seen once" in next(c.detail for c in checks if c.name == "value conserved")


@pytest.mark.asyncio
async def test_what_stays_broken_is_violated(market: Market) -> None:
    market.raw["broker"]["accounts"][3]["balance"] += 1
    _, checks = await audit_settled(told_twice(market, market), seconds=0)
    assert verdict_of(checks) == "violated"


@pytest.mark.asyncio
async def test_what_was_on_its_way_may_arrive(market: Market) -> None:
    before = copy.deepcopy(market)
    before.raw["broker"]["redeemed"].clear()
    _, checks = await audit_settled(told_twice(market, before), seconds=5)
    assert verdict_of(checks) == "ok"


# verdicts


def test_a_fault_outweighs_what_cannot_be_told() -> None:
    checks = [Check("a", True), Check("b", None), Check("c", False)]
    assert verdict_of(checks) == "violated"
    assert verdict_of(checks[:2]) == "unknown"
    assert verdict_of(checks[:1]) == "ok"


def test_nothing_checked_is_not_ok() -> None:
    assert verdict_of([]) == "unknown"


def test_exit_codes_are_zero_one_two() -> None:
    assert EXIT_CODES == {"ok": 0, "violated": 1, "unknown": 2}


def test_a_ledger_with_a_row_that_is_none_is_refused() -> None:
    with pytest.raises(UnreadableLedger, match="broker"):
        read_ledger({"party": "00", "name": "broker", "accounts": [{"owner": "00"}]})
