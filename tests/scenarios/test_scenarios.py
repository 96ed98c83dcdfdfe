"""Every scenario is a test: it ends `ok`, by its own checks and by the auditor's."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from nodes.protocols.dht_micropayment.judge import SPENT_TWICE
from scenarios.anonymous_purchase import By
from scenarios.coin_double_spend import CHEAT
from scenarios.lab.choice import Choice
from scenarios.lab.evidence_files import read_evidence
from scenarios.lab.judges import rule_on
from scenarios.lab.live import LiveRun
from scenarios.lab.money import Pay
from scenarios.lab.narrator import Silent
from scenarios.lab.plan import parties
from scenarios.lab.run import load_run
from scenarios.lab.running import Finished, How, run_scenario, usual_world
from scenarios.lab.scenario import Scenario, find, names, scenario
from scenarios.lab.world import World
from scenarios.lab.world_folder import WorldFolder

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]

SEED = 11
TESTS = [file.read_text() for file in Path(__file__).parent.glob("test_*.py")]
IN_ONE_WORLD = [
    "escrow_purchase",
    "coin_journey",
    "coin_offline",
    "anonymous_purchase",
    "anonymous_tracing",
    "item_sale_by_market",
    "item_sale_direct",
]
WITH_ITS_OWN: list[tuple[str, dict[str, Any]]] = [
    ("coin_reissue", {}),
    ("escrow_dispute", {}),
    ("escrow_dispute", {"pay": Pay.ECASH}),
    ("coin_double_spend", {"times": 12}),
    ("epoch_turns", {"races": 3}),
    ("partition", {"coins": 3}),
    ("reputation_rounds", {"rounds": 40}),
    ("ecash_cycle", {}),
    ("ecash_two_coin_servers", {}),
    ("ecash_many_payments", {"times": 40}),
    ("item_recovery_after_rollback", {}),
]
COINS_PAID_TWICE = {"coin_double_spend", "epoch_turns", "partition"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def market() -> AsyncIterator[World]:
    """One world for all scenarios that leave it as they found it."""
    async with World.start_temporary(peers=16) as world:
        yield world


async def play(
    played: Scenario, runs: Path, market: World | None = None, **options: Any
) -> Finished:
    """Run it in that world, or in one of its own."""

    @asynccontextmanager
    async def given(played: Scenario, how: How) -> AsyncIterator[World]:
        assert market is not None
        yield market

    nowhere = WorldFolder(runs / "no-world")
    how = How(choice=Choice(nowhere), seed=SEED, runs=runs)
    worlds = usual_world if market is None else given
    defaults = {parameter.name: parameter.default for parameter in played.options()}
    return await run_scenario(played, defaults | options, how, Silent(), worlds)


def assert_ok(finished: Finished) -> None:
    wrong = [check for check in finished.run.checks if check.holds is not True]
    assert wrong == []
    assert (finished.run.verdict, finished.exit_code) == ("ok", 0)


@pytest.mark.parametrize("name", IN_ONE_WORLD)
async def test_a_scenario_ends_ok(market: World, tmp_path: Path, name: str) -> None:
    assert_ok(await play(find(name), tmp_path, market))


@pytest.mark.parametrize(("name", "options"), WITH_ITS_OWN)
async def test_a_scenario_with_a_world_of_its_own_ends_ok(
    tmp_path: Path, name: str, options: dict[str, Any]
) -> None:
    finished = await play(find(name), tmp_path, **options)
    assert_ok(finished)
    assert double_spenders(finished) == ({CHEAT} if name in COINS_PAID_TWICE else set())


async def test_without_a_roster_both_sides_of_a_cut_accept_and_the_auditor_says_so(
    tmp_path: Path,
) -> None:
    """Of the run's own checks all hold; what does not hold is the auditor's finding."""
    finished = await play(find("partition_open"), tmp_path, coins=3)
    held = {check.name: check.holds for check in finished.run.checks}
    assert held["both sides accepted"] is True
    assert held["each double spend is shown once it has healed"] is True
    assert held["nothing accepted twice"] is False
    assert finished.run.verdict == "violated"


def double_spenders(finished: Finished) -> set[str]:
    """DC-24: by the evidence that the run has left, and by public keys alone."""
    cases = read_evidence(finished.folder)
    return {
        case.names[ruled.culprit.hex()]
        for case in cases
        for ruled in rule_on(case)
        if ruled.denial == SPENT_TWICE and ruled.culprit is not None
    }


async def test_a_purchase_paid_with_e_cash_ends_ok(market: World, tmp_path: Path) -> None:
    """X6 (a): the escrow server locks it, and the seller brings it to the bank."""
    assert_ok(await play(find("escrow_purchase"), tmp_path, market, pay=Pay.ECASH))


async def test_a_pseudonym_is_prepaid_with_e_cash_too(market: World, tmp_path: Path) -> None:
    """X9: bank and broker cannot tell who bought; with the coin server they can."""
    run = (await play(find("anonymous_purchase"), tmp_path, market, by=By.ECASH)).run
    told = [check.name for check in run.checks if check.name.startswith("bank-account-server and")]
    assert told == [
        "bank-account-server and broker cannot tell who bought",
        "bank-account-server and coin-server-1 and broker can tell who bought",
    ]
    assert [check for check in run.checks if check.holds is not True] == []


async def test_a_world_of_its_own_has_the_servers_of_what_is_chosen_and_no_others() -> None:
    declared = find("escrow_purchase")
    coins, cash = (declared.with_options({"pay": pay}).protocols for pay in Pay)
    servers = [{name for name, _ in parties(5, protocols)} for protocols in (coins, cash)]
    assert servers[1] - servers[0] == {"bank-account-server", "coin-server-1", "coin-server-2"}
    assert declared.info.protocols == list(coins)


async def test_every_scenario_is_tested() -> None:
    assert [name for name in names() if not any(name in text for text in TESTS)] == []


async def test_the_steps_of_an_honest_sale_come_as_the_paper_draws_them(
    market: World, tmp_path: Path
) -> None:
    """PC-01: exactly these; 6a and 6b in either order."""
    finished = await play(find("escrow_purchase"), tmp_path, market)
    steps = [event.step for event in finished.run.events if event.protocol == "escrow_commerce"]
    steps = ["6" if step in ("6a", "6b") else step for step in steps]
    assert steps[:10] == ["1", "2", "3", "4", "5", "5r", "6", "6", "7", "8"]
    assert sorted(steps[10:]) == ["10", "8a", "8b", "9"]
    assert steps.index("8a") < steps.index("9") < steps.index("8b")


async def test_who_takes_part_learns_what_its_role_needs_and_no_more(
    market: World, tmp_path: Path
) -> None:
    """PC-21, and section 4's claim that the content passes no server."""
    run = (await play(find("escrow_purchase"), tmp_path, market)).run
    how = {
        party.role if party.role != "peer" else party.symbol: {
            item.what: item.how for item in party.learned
        }
        for party in run.parties
        if party.symbol
    }
    assert how["P_1"]["the content C"] == how["P_3"]["the content C"] == "readable"
    assert how["escrow_server"]["the key K"] == "readable"
    assert how["escrow_server"]["the content C"] == "never"
    for server in ("central_server", "broker", "certificate_authority"):
        for what in ("the content C", "the key K", "the digest H(E_K(C))", "the payment"):
            assert how[server][what] == "never"


async def test_a_run_leaves_a_folder_that_reads_back(market: World, tmp_path: Path) -> None:
    finished = await play(find("coin_journey"), tmp_path, market, count=2)
    folder = finished.folder
    assert folder.parent == tmp_path / "coin_journey"
    assert folder.name.endswith(f"-{SEED}")
    for name in ("run.json", "events.jsonl", "sequence.mmd", "report.html", "logs/broker.log"):
        assert (folder / name).stat().st_size > 0
    assert (tmp_path / "index.html").exists()
    again = load_run(folder)
    assert again.command == f"jangteo run coin_journey --count 2 --seed {SEED}"
    assert again.verdict == "ok"
    assert len(again.events) == len(finished.run.events)


async def test_a_coins_life_in_the_report_has_keys_replicas_and_votes(
    market: World, tmp_path: Path
) -> None:
    run = (await play(find("coin_journey"), tmp_path, market)).run
    (coin,) = run.coins
    assert [step.kind for step in coin.steps] == ["open", "pay", "pay", "pay", "redeem"]
    for step in coin.steps:
        assert step.certified
        assert len(step.replicas) == 8
        assert len(step.votes) >= 6
        assert {vote.voter for vote in step.votes} <= set(step.replicas)
        assert all(0 <= vote.time_ms <= run.seconds * 1000 + 1000 for vote in step.votes)


async def test_costs_name_who_signed_and_who_checked(market: World, tmp_path: Path) -> None:
    run = (await play(find("coin_journey"), tmp_path, market)).run
    costs = {party.name: party for party in run.costs.parties}
    payer = next(party.name for party in run.parties if party.symbol == "U")
    assert costs[payer].sign > 0
    assert costs[payer].messages_out > 0
    assert costs["broker"].messages_in == 2
    assert sum(party.datagrams for party in run.costs.parties) > 0
    assert run.costs.cpu_seconds is not None


# verdicts


@scenario(title="A check that fails", protocols=("dht_micropayment",))
async def sees_a_fault(run: LiveRun) -> None:
    """Something that must hold does not."""
    run.check("one is two", len("ab") == 1, "1 and 2")


@scenario(title="A step that does not come", protocols=("dht_micropayment",))
async def waits_in_vain(run: LiveRun) -> None:
    """Nobody pays anybody, so step P1 comes to nobody."""
    await run.reached("P1", run.world.peers[0], seconds=0.2)


@scenario(title="A mistake in a scenario", protocols=("dht_micropayment",))
async def breaks_off(run: LiveRun) -> None:
    """It asks for a peer that nobody has."""
    raise KeyError("peer-99")


@pytest.mark.parametrize(
    ("declared", "verdict", "exit_code", "told"),
    [
        (sees_a_fault, "violated", 1, "Something that must hold does not."),
        (waits_in_vain, "unknown", 2, "Step P1 of dht_micropayment did not come"),
        (breaks_off, "unknown", 2, "It broke off: KeyError: 'peer-99'"),
    ],
    ids=["violated", "step missing", "mistake"],
)
async def test_what_does_not_end_well_is_kept_with_its_verdict(
    market: World, tmp_path: Path, declared: Scenario, verdict: str, exit_code: int, told: str
) -> None:
    finished = await play(declared, tmp_path, market)
    assert (finished.run.verdict, finished.exit_code) == (verdict, exit_code)
    assert told in finished.run.summary
    assert load_run(finished.folder).verdict == verdict


async def test_the_same_seed_makes_the_same_choices(market: World, tmp_path: Path) -> None:
    casts = []
    for _ in range(2):
        run = (await play(find("coin_journey"), tmp_path, market)).run
        casts.append({party.symbol: party.name for party in run.parties})
    assert casts[0] == casts[1]
