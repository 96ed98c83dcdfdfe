"""Every denial of every transaction of a real world, judged from what its parties show."""

import asyncio
from pathlib import Path

import pytest

from nodes.protocols.anonymous_micropayment import judge as prepaid
from nodes.protocols.dht_micropayment import judge as coins
from nodes.protocols.electronic_cash import judge as cash
from nodes.protocols.escrow_commerce import judge as sales
from nodes.protocols.evidence import Answer, Ruled
from nodes.protocols.item_trading import judge as items
from scenarios.lab.evidence_files import Case, read_evidence
from scenarios.lab.judges import JUDGES, rule_on
from tests.lab.commands import jangteo
from tests.lab.played_world import play_and_stop
from tests.protocols.altered_evidence import altered

pytestmark = pytest.mark.timeout(120)

ONE, TWO, THREE, CHEAT = "peer-01", "peer-02", "peer-03", "peer-04"
BANK, HOME, GAME, MARKET = "bank-account-server", "coin-server-1", "game-server-1", "market-1"
CULPRITS: dict[str, set[str]] = {
    sales.CONTRACT_OF_SELLER: {THREE, CHEAT},
    sales.CONTRACT_OF_BUYER: {ONE},
    sales.SELLER_GAVE: {THREE, CHEAT},
    sales.BUYER_GAVE: {ONE},
    coins.PAID: {ONE, "escrow-server"},
    coins.WAS_PAID: {TWO, THREE, ONE, "escrow-server"},
    coins.AGREED: {TWO},
    coins.ISSUED: {"broker"},
    items.SALE_ORDER: {TWO, THREE},
    items.ORDER: {ONE},
    items.DEAL: {MARKET},
    items.CUSTODY: {MARKET},
    items.RESERVED: {GAME},
    items.MESSAGE: {ONE},
    items.KEY: {ONE},
    items.PAID_IN: {MARKET},
    items.PROCEEDS: {TWO, THREE},
    items.WORD: {GAME},
    cash.DEBITED: {BANK},
    cash.PAID: {TWO, THREE, "broker", "escrow-server"},
    cash.DEPOSIT: {BANK},
    cash.WAITS: {HOME},
    prepaid.REJECTED: {TWO},
    prepaid.OFFERED: {TWO},
}
"""Who cannot deny what, in a world where everybody was honest but a seller of garbage."""
UNDECIDABLE = {prepaid.ORDER}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the evidence lies, and no node runs any more."""
    scratch = tmp_path_factory.mktemp("judged")
    asyncio.run(play_and_stop(scratch / "world"))
    return scratch


@pytest.fixture(scope="module")
def cases(place: Path) -> list[Case]:
    return read_evidence(place)


def called(case: Case, ruled: Ruled) -> str:
    assert ruled.culprit is not None
    return case.names[ruled.culprit.hex()]


def test_each_denial_is_decided_and_the_right_party_named(cases: list[Case]) -> None:
    found: dict[str, set[str]] = {}
    for case in cases:
        for ruled in rule_on(case):
            if ruled.answer is Answer.DECIDED:
                found.setdefault(ruled.denial, set()).add(called(case, ruled))
            else:
                assert ruled.denial in UNDECIDABLE, (case.protocol, ruled)
    assert found == CULPRITS


def test_every_protocol_has_evidence(cases: list[Case]) -> None:
    assert {case.protocol for case in cases} == set(JUDGES)


def test_what_was_altered_convicts_nobody_else(cases: list[Case]) -> None:
    """One case of each kind; whatever leaf of whatever piece was changed."""
    kinds = {(case.protocol, len(case.pieces)): case for case in cases}
    for case in kinds.values():
        told = {(r.denial, r.culprit) for r in rule_on(case)}
        for n, piece in enumerate(case.pieces[:6]):
            for path, other in list(altered(piece))[::7]:
                pieces = (*case.pieces[:n], other, *case.pieces[n + 1 :])
                again = {
                    (r.denial, r.culprit)
                    for r in JUDGES[case.protocol](pieces, case.keys)
                    if r.culprit is not None
                }
                assert again <= told, (case.protocol, path)


def test_the_command_shows_a_page_for_the_folder(place: Path) -> None:
    done = jangteo("judge", str(place))
    assert done.code == 2, done.err  # an order under a pseudonym is nobody's
    assert "the buyer denies the order" in done.out
    assert f"undecidable  {'':19}" in done.out
    assert "lacking: any signature" in done.out
