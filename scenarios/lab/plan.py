"""What a world is to be: peers, settings, guards off, ports. Checked before anything starts."""

import datetime
import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache

import msgspec

from nodes.protocols.message import Role, declarations
from nodes.runtime.settings import PREFIX, InvalidSettings, Settings, read_settings
from scenarios.lab import ports
from scenarios.lab.failures import (
    InvalidSetting,
    NoSuchGuard,
    NoSuchNode,
    NoSuchSetting,
    PeersAreFixed,
    TooFewPeers,
    WorldIsUp,
    did_you_mean,
)
from scenarios.lab.processes import is_running
from scenarios.lab.world_folder import NodeRecord, WorldFolder, WorldRecord

FEWEST_PEERS = 5
USUAL_PEERS = 16
HOST = "127.0.0.1"
SERVERS = (
    ("certificate-authority", Role.CERTIFICATE_AUTHORITY),
    ("broker", Role.BROKER),
    ("central-server", Role.CENTRAL_SERVER),
    ("escrow-server", Role.ESCROW_SERVER),
    ("bank-account-server", Role.BANK_ACCOUNT_SERVER),
    ("coin-server-1", Role.COIN_SERVER),
    ("coin-server-2", Role.COIN_SERVER),
    ("game-server-1", Role.GAME_SERVER),
    ("game-server-2", Role.GAME_SERVER),
    ("market-1", Role.MARKET),
    ("market-2", Role.MARKET),
)
"""Every server of a world that runs all papers."""
IN_EVERY_WORLD = frozenset({Role.CERTIFICATE_AUTHORITY, Role.BROKER})
"""The peers are certified by the one and have their accounts at the other."""
OWN = frozenset({"name", "data", "world", "ca_url", "host", "port", "udp_port", "url", "lifeline"})
"""Settings that the launcher gives each node."""
OPTIONS = {"lab": "--lab or --no-lab", "without": "--without GUARD", "expected_peers": "--peers N"}
"""Settings that have an option of their own."""


@dataclass(frozen=True)
class Plan:
    peers: int | None = None
    """None: as many as the world has, or the usual number in a new one."""
    settings: Mapping[str, str] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    lab: bool | None = None
    """None: those of a running world stay as they are, a new one is a lab."""
    first_port: int | None = None
    """Where to look for free ports; None: those the world has, or the usual ones."""
    programs: Mapping[str, str] = field(default_factory=dict)
    """Modules that stand in for the honest ones, by node name."""
    protocols: tuple[str, ...] = ()
    """A new world has the servers of these protocols; of all, where none is named."""


def check(plan: Plan) -> None:
    """Raise the failure that names what does not fit."""
    if plan.peers is not None and plan.peers < FEWEST_PEERS:
        raise TooFewPeers(
            f"A market needs {FEWEST_PEERS} peers or more, not {plan.peers}: each coin's register "
            "is kept by 5 of them, and 4 must agree on it. Try: jangteo up --peers 5"
        )
    _check_settings(plan.settings)
    if plan.without:
        _check_guards(plan.without)


def _check_settings(settings: Mapping[str, str]) -> None:
    free = [field.name for field in msgspec.structs.fields(Settings)]
    free = [name for name in free if name not in OWN and name not in OPTIONS]
    for name in settings:
        if name in OPTIONS:
            raise NoSuchSetting(f"The setting {name} has an option of its own: {OPTIONS[name]}")
        if name in OWN:
            raise NoSuchSetting(f"The setting {name} is each node's own; it cannot be set for all.")
        if name not in free:
            raise NoSuchSetting(f"There is no setting '{name}'.{_meant(name, free)}")
    for name, value in settings.items():
        _check_value(name, value)


def _check_value(name: str, value: str) -> None:
    """As a node will read it."""
    given = {"name": "check", "data": ".", "world": ".", "ca_url": HOST, name: value}
    try:
        read_settings({PREFIX + key.upper(): text for key, text in given.items()})
    except InvalidSettings as error:
        why = str(error).partition(" - at ")[0].replace("`", "")
        raise InvalidSetting(f"The setting {name} cannot be '{value}': {why}") from error


def _meant(word: str, known: Iterable[str]) -> str:
    return did_you_mean(word, known) or f" There are: {', '.join(sorted(known))}"


def _check_guards(names: Iterable[str]) -> None:
    known = known_guards()
    for name in names:
        if name not in known:
            raise NoSuchGuard(f"There is no guard '{name}'.{_meant(name, known)}")


@cache
def known_guards() -> dict[str, str]:
    """Every guard of every protocol, with its sentence."""
    import nodes.protocols
    from nodes.protocols.guard import declared_guards

    for module in pkgutil.walk_packages(nodes.protocols.__path__, "nodes.protocols."):
        importlib.import_module(module.name)
    return {name: guard.sentence for name, guard in declared_guards().items()}


def parties(peers: int, protocols: Iterable[str] = ()) -> list[tuple[str, Role]]:
    """Name and role of every node of a new world, the authority first."""
    wanted = _roles_of(protocols)
    servers = [(name, role) for name, role in SERVERS if wanted is None or role in wanted]
    return servers + [(f"peer-{number:02d}", Role.PEER) for number in range(1, peers + 1)]


def _roles_of(protocols: Iterable[str]) -> frozenset[Role] | None:
    """Who speaks any of them; None for no protocol in particular."""
    roles: set[Role] = set()
    for protocol in protocols:
        importlib.import_module(f"nodes.protocols.{protocol}.messages")
        for declaration in declarations(protocol):
            roles |= {*declaration.senders, *declaration.receivers}
    return IN_EVERY_WORLD | roles if roles else None


def _names(plan: Plan, before: WorldRecord | None) -> list[tuple[str, Role]]:
    peers = _number_of_peers(plan, before)
    if before is None:
        return parties(peers, plan.protocols)
    return [(node.name, Role(node.role)) for node in before.nodes]


def laid_out(plan: Plan, folder: WorldFolder, *, private_ports: bool = False) -> WorldRecord:
    """The world as it is to be started, with ports; nothing is written.

    A world keeps its ports, ids and number of peers over restarts. What else the plan does not
    name is as by default: a guard that was off is on again.
    """
    before = folder.read() if folder.exists() else None
    names = _names(plan, before)
    _check_programs(plan, [name for name, _ in names])
    if before is not None and any(is_running(node.process) for node in before.nodes):
        return _as_it_runs(plan, before, folder)
    if before is not None and plan.first_port is None:
        numbers = [node.port for node in before.nodes]
        ports.refuse_taken(HOST, numbers)
    elif private_ports:
        numbers = ports.find_private(HOST, len(names))
    else:
        numbers = ports.find_free(HOST, len(names), plan.first_port or ports.FIRST_PORT)
    record = WorldRecord(
        peers=sum(role is Role.PEER for _, role in names),
        lab=plan.lab is not False,
        without=sorted(plan.without),
        settings=dict(plan.settings),
        started=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        nodes=[
            node_record(name, role, port, plan.programs.get(name))
            for (name, role), port in zip(names, numbers, strict=True)
        ],
    )
    if before is not None:
        record.keeper = before.keeper
        for node, old in zip(record.nodes, before.nodes, strict=True):
            node.id, node.process = old.id, old.process
    return record


def _as_it_runs(plan: Plan, running: WorldRecord, folder: WorldFolder) -> WorldRecord:
    """A running world takes back nodes that ended, and nothing else. Raises WorldIsUp."""
    programs = {node.name: node.program for node in running.nodes}
    asked = (
        plan.first_port is not None
        or plan.lab not in (None, running.lab)
        or (plan.without and sorted(plan.without) != running.without)
        or (plan.settings and dict(plan.settings) != running.settings)
        or any(programs[name] != program for name, program in plan.programs.items())
    )
    if asked:
        raise WorldIsUp(
            f"The world in {folder.path} is running, with other settings than these. "
            "Stop it first: jangteo down"
        )
    down = [node.port for node in running.nodes if not is_running(node.process)]
    ports.refuse_taken(HOST, down)
    return running


def _number_of_peers(plan: Plan, before: WorldRecord | None) -> int:
    if before is None:
        return plan.peers or USUAL_PEERS
    if plan.peers not in (None, before.peers):
        raise PeersAreFixed(
            f"This world has {before.peers} peers, and its roster names them. For another number "
            "start a new world: jangteo down --forget, or jangteo up --world DIR"
        )
    return before.peers


def _check_programs(plan: Plan, names: list[str]) -> None:
    for name in plan.programs:
        if name not in names:
            raise NoSuchNode(f"There is no node '{name}'.{did_you_mean(name, names)}")


def node_record(name: str, role: Role, port: int, program: str | None = None) -> NodeRecord:
    """A node at a port of this machine; `program` stands in for the honest one."""
    return NodeRecord(
        name=name,
        role=role.value,
        host=HOST,
        port=port,
        udp_port=port,
        url=f"http://{HOST}:{port}",
        program=program or f"nodes.{role.value}.service",
    )
