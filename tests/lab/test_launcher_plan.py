"""What a world is to be, checked before anything starts."""

import os
from pathlib import Path

import pytest

from nodes.protocols.message import Role
from scenarios.lab import plan as plans
from scenarios.lab.failures import (
    InvalidSetting,
    LabFailure,
    NoSuchGuard,
    NoSuchNode,
    NoSuchSetting,
    PeersAreFixed,
    TooFewPeers,
    WorldIsUp,
)
from scenarios.lab.plan import Plan, laid_out
from scenarios.lab.processes import identify
from scenarios.lab.world_folder import WorldFolder, WorldRecord


@pytest.fixture
def folder(tmp_path: Path) -> WorldFolder:
    made = WorldFolder(tmp_path / "world")
    made.make()
    return made


def stored(folder: WorldFolder, plan: Plan) -> WorldRecord:
    record = laid_out(plan, folder)
    folder.write(record)
    return record


def test_a_market_has_its_servers_and_sixteen_peers(folder: WorldFolder) -> None:
    names = laid_out(Plan(), folder).names()

    servers = [name for name, _ in plans.SERVERS]
    assert servers[:4] == ["certificate-authority", "broker", "central-server", "escrow-server"]
    assert names == [*servers, *(f"peer-{number:02d}" for number in range(1, 17))]


def test_every_role_has_a_node_in_a_market(folder: WorldFolder) -> None:
    assert {node.role for node in laid_out(Plan(), folder).nodes} == {role.value for role in Role}


def test_a_market_for_some_protocols_has_their_servers_only(folder: WorldFolder) -> None:
    names = laid_out(Plan(peers=5, protocols=("dht_micropayment",)), folder).names()

    assert names[:3] == ["certificate-authority", "broker", "escrow-server"]
    assert len(names) == 3 + 5


def test_a_world_keeps_the_servers_it_has(folder: WorldFolder) -> None:
    first = stored(folder, Plan(peers=5, protocols=("dht_micropayment",)))

    assert laid_out(Plan(), folder).names() == first.names()


@pytest.mark.parametrize("peers", [-1, 0, 1, 4])
def test_fewer_than_five_peers_are_refused_with_the_reason(peers: int) -> None:
    with pytest.raises(TooFewPeers, match="kept by 5 of them, and 4 must agree"):
        plans.check(Plan(peers=peers))


def test_five_peers_are_enough() -> None:
    plans.check(Plan(peers=5))


@pytest.mark.parametrize(
    ("plan", "failure", "message"),
    [
        (
            Plan(settings={"dispute_second": "3"}),
            NoSuchSetting,
            "There is no setting 'dispute_second'. Did you mean dispute_seconds?",
        ),
        (
            Plan(settings={"dispute_seconds": "soon"}),
            InvalidSetting,
            "The setting dispute_seconds cannot be 'soon': Expected float, got str",
        ),
        (
            Plan(settings={"lab": "1"}),
            NoSuchSetting,
            "The setting lab has an option of its own: --lab or --no-lab",
        ),
        (
            Plan(settings={"port": "80"}),
            NoSuchSetting,
            "The setting port is each node's own; it cannot be set for all.",
        ),
        (
            Plan(without=("payee-is-name",)),
            NoSuchGuard,
            "There is no guard 'payee-is-name'. Did you mean payee-is-named?",
        ),
    ],
)
def test_what_does_not_fit_is_refused_and_named(
    plan: Plan, failure: type[LabFailure], message: str
) -> None:
    with pytest.raises(failure) as refused:
        plans.check(plan)

    assert str(refused.value) == message


def test_every_guard_can_be_switched_off() -> None:
    plans.check(Plan(without=tuple(plans.known_guards())))


def test_a_program_for_a_node_that_is_not_there_is_refused(folder: WorldFolder) -> None:
    with pytest.raises(NoSuchNode, match="Did you mean peer-03"):
        laid_out(Plan(programs={"peer-3": "scenarios.adversaries.thief"}), folder)


def test_ports_are_kept_over_restarts_unless_others_are_asked_for(folder: WorldFolder) -> None:
    first = stored(folder, Plan(peers=5))
    again = stored(folder, Plan())
    moved = laid_out(Plan(first_port=20_000), folder)

    assert [node.port for node in again.nodes] == [node.port for node in first.nodes]
    assert min(node.port for node in moved.nodes) >= 20_000


def test_a_guard_that_was_off_is_on_again_at_the_next_start(folder: WorldFolder) -> None:
    stored(folder, Plan(peers=5, without=("payee-is-named",), settings={"offer_seconds": "9"}))

    again = laid_out(Plan(), folder)

    assert again.without == []
    assert again.settings == {}


def test_the_number_of_peers_is_fixed_with_the_first_start(folder: WorldFolder) -> None:
    stored(folder, Plan(peers=5))

    with pytest.raises(PeersAreFixed, match="has 5 peers"):
        laid_out(Plan(peers=6), folder)


@pytest.mark.parametrize(
    "plan",
    [
        Plan(lab=False),
        Plan(without=("payee-is-named",)),
        Plan(settings={"offer_seconds": "9"}),
        Plan(first_port=20_000),
        Plan(programs={"peer-03": "scenarios.adversaries.thief"}),
    ],
)
def test_a_world_that_runs_is_not_changed(folder: WorldFolder, plan: Plan) -> None:
    record = stored(folder, Plan(peers=5))
    record.nodes[0].process = identify(os.getpid())
    folder.write(record)

    with pytest.raises(WorldIsUp, match="jangteo down"):
        laid_out(plan, folder)
    assert laid_out(Plan(), folder) == record
