"""The signed evidence of transactions as files, for `jangteo judge`.

A run keeps `evidence/<transaction>.json`: what its parties' `GET /inspect/transactions/<id>`
answered, and beside it the public keys by role and what the lab calls them. The plain answer of
any node is read as well; then nobody has said whose a key is.
"""

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from nodes.protocols.evidence import Keys
from nodes.protocols.message import Role
from scenarios.lab.failures import LabFailure, reason
from scenarios.lab.run import Run

FOLDER = "evidence"
COINS, PREPAID, ITEMS = "dht_micropayment", "anonymous_micropayment", "item_trading"
MOST = 500
"""So many transactions of a run leave their evidence: the first."""
SHOWN = ("id", "protocol", "side", "state", "order")
"""What is kept of a row beside its evidence."""


class NoEvidence(LabFailure):
    code = "lab/no-evidence"


class Shows(Protocol):
    """A node as far as it is asked here."""

    @property
    def name(self) -> str: ...

    @property
    def role(self) -> str: ...

    @property
    def id(self) -> str: ...

    def alive(self) -> bool: ...

    async def get(self, path: str, /, **query: Any) -> dict[str, Any]: ...

    async def control(self, operation: str, /, **fields: Any) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Case:
    """What is shown of one transaction in one protocol, whoever shows it."""

    protocol: str
    transaction: str
    """Hex, as whoever showed the evidence names it; the evidence itself may say otherwise."""
    pieces: tuple[bytes, ...]
    names: Mapping[str, str] = field(default_factory=dict)
    """Of public keys in hex; what the lab calls them, which nobody signed."""
    keys: Keys = field(default_factory=dict)


# writing


async def keep_evidence(folder: Path, run: Run, nodes: Iterable[Shows]) -> None:
    """Write what the parties of this run can show of its transactions."""
    await write_evidence(folder, _parties(run), nodes)


async def write_evidence(
    folder: Path, transactions: Mapping[str, set[str]], nodes: Iterable[Shows]
) -> None:
    """`transactions`: by id, the names of those who have a part in it."""
    alive = {node.name: node for node in nodes if node.alive()}
    names = {node.id: node.name for node in alive.values()}
    keys: dict[str, list[str]] = {}
    for node in alive.values():
        if node.role != Role.PEER:
            keys.setdefault(node.role, []).append(node.id)
    public = await _known_to_all(alive.values())
    coins = {name: await _coins_of(node) for name, node in alive.items()}
    for transaction, parties in list(transactions.items())[:MOST]:
        asked = [alive[name] for name in sorted(parties & alive.keys())]
        answers = await asyncio.gather(*(_shown(node, transaction) for node in asked))
        found = [row for rows in answers for row in rows]
        found += await _testified(found, alive.values())
        found += [
            _public(COINS, name, certificate, transaction)
            for name in sorted(parties & alive.keys())
            for certificate in coins[name].get(transaction, ())
        ]
        found = [row for row in found if row["evidence"]]
        if found:
            protocols = {row["protocol"] for row in found}
            found += [row for row in public if row["protocol"] in protocols]
            file = folder / FOLDER / f"{transaction}.json"
            _write(file, {"names": names, "keys": keys, "found": found})


def _parties(run: Run) -> dict[str, set[str]]:
    """Who has a part in each transaction of the run."""
    found: dict[str, set[str]] = {}
    for event in run.events:
        if event.transaction:
            found.setdefault(event.transaction, set()).update((event.sender, event.receiver))
    return found


async def _shown(node: Shows, transaction: str) -> list[dict[str, Any]]:
    try:
        answer = await node.get(f"/inspect/transactions/{transaction}")
    except LabFailure:
        return []
    return [
        {**{name: row[name] for name in SHOWN if name in row}, "evidence": row.get("evidence", [])}
        for row in answer["found"]
    ]


async def _testified(
    rows: Iterable[Mapping[str, Any]], nodes: Iterable[Shows]
) -> list[dict[str, Any]]:
    """The broker's word on each order under a pseudonym: nobody else signs one."""
    orders = {
        (row["id"], row["order"]) for row in rows if row["protocol"] == PREPAID and "order" in row
    }
    brokers = [node for node in nodes if node.role == Role.BROKER]
    found = []
    for transaction, order in sorted(orders):
        for broker in brokers:
            try:
                word = (await broker.control("pid_testify", order=order))["evidence"]
            except LabFailure:
                continue
            found.append(_public(PREPAID, "broker", word, transaction))
    return found


async def _coins_of(node: Shows) -> dict[str, list[str]]:
    """By transaction, the newest certificate of each coin that came or went by it."""
    found: dict[str, list[str]] = {}
    for row in (await _ledger(node)).get("coins", ()):
        if row["certificate"]:
            found.setdefault(row["transaction"], []).append(row["certificate"])
    return found


async def _known_to_all(nodes: Iterable[Shows]) -> list[dict[str, Any]]:
    """The rosters that votes are checked by, and the keys that games sign certificates with."""
    found = []
    for node in nodes:
        if node.role == Role.CERTIFICATE_AUTHORITY:
            found += [_public(COINS, node.role, word) for word in await _rosters(node)]
        if node.role == Role.GAME_SERVER:
            key = (await _ledger(node)).get("game_key", "")
            found += [_public(ITEMS, node.role, key)] if key else []
    return found


async def _rosters(node: Shows) -> list[str]:
    from crypto import codec
    from crypto.documents import Signed

    shown = (await _ledger(node)).get("rosters", [])
    return [
        codec.encode(
            Signed[Any](
                bytes.fromhex(roster["content"]), tuple(map(bytes.fromhex, roster["signatures"]))
            )
        ).hex()
        for roster in shown
    ]


async def _ledger(node: Shows) -> dict[str, Any]:
    try:
        return await node.get("/inspect/ledger")
    except LabFailure:
        return {}


def _public(protocol: str, side: str, word: str, transaction: str = "") -> dict[str, Any]:
    evidence = [{"what": side, "bytes": word}]
    return {"id": transaction, "protocol": protocol, "side": side, "evidence": evidence}


def _write(file: Path, value: object) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(value, indent=1) + "\n")


# reading


def read_evidence(place: Path) -> list[Case]:
    """Of one file, or of a run's folder. Raises NoEvidence."""
    if place.is_dir():
        inside = place / FOLDER if (place / FOLDER).is_dir() else place
        files = sorted(file for file in inside.glob("*.json") if file.name != "run.json")
        if not files:
            raise NoEvidence(f"{place} holds no evidence of a transaction.")
        return [case for file in files for case in _read(file)]
    return _read(place)


def _read(file: Path) -> list[Case]:
    try:
        value = json.loads(file.read_bytes())
    except OSError as error:
        raise NoEvidence(f"Cannot read {file}: {reason(error)}.") from None
    except (ValueError, RecursionError):
        raise NoEvidence(f"{file} is no JSON file.") from None
    try:
        cases = _cases(value)
    except (ValueError, KeyError, TypeError, AttributeError):
        cases = []
    if not cases:
        raise NoEvidence(
            f"{file} holds no evidence of a transaction; it should be what "
            "/inspect/transactions/<id> of a node answers."
        )
    return cases


def _cases(value: Any) -> list[Case]:
    """Rows of one transaction in one protocol are one case; what all know belongs to each."""
    names = value.get("names", {}) if isinstance(value, dict) else {}
    keys = value.get("keys", {}) if isinstance(value, dict) else {}
    rows = value.get("found", [value]) if isinstance(value, dict) else value
    pieces: dict[tuple[str, str], dict[bytes, None]] = {}
    for row in rows:
        if row.get("evidence"):
            place = (str(row.get("protocol", "escrow_commerce")), str(row.get("id", "")))
            shown = (bytes.fromhex(piece["bytes"]) for piece in row["evidence"])
            pieces.setdefault(place, {}).update(dict.fromkeys(shown))
    known = {Role(role): frozenset(map(bytes.fromhex, ids)) for role, ids in keys.items()}
    named = {protocol for protocol, transaction in pieces if transaction}
    return [
        Case(
            protocol,
            transaction,
            tuple({**shown, **(pieces.get((protocol, ""), {}) if transaction else {})}),
            dict(names),
            known,
        )
        for (protocol, transaction), shown in pieces.items()
        if transaction or protocol not in named
    ]
