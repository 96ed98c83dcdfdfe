"""The signed evidence of sales as files, for `jangteo judge`.

A run keeps `evidence/<sale>.json`: what the escrow server's `GET /inspect/transactions/<sale>`
answered, with the names of keys beside it. The plain answer of any node is read as well.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from scenarios.lab.failures import LabFailure, reason
from scenarios.lab.run import Run

FOLDER = "evidence"
PROTOCOL = "escrow_commerce"


class NoEvidence(LabFailure):
    code = "lab/no-evidence"


class Shows(Protocol):
    """A node as far as it is asked here."""

    def alive(self) -> bool: ...

    async def get(self, path: str, /, **query: Any) -> dict[str, Any]: ...


@dataclass(frozen=True)
class SaleEvidence:
    sale: str
    """Hex, as whoever showed the evidence names it; the evidence itself may say otherwise."""
    pieces: tuple[bytes, ...]
    names: Mapping[str, str]
    """Of public keys in hex; what the lab calls them, which nobody signed."""


async def keep_evidence(folder: Path, run: Run, showing: Iterable[Shows]) -> None:
    """Write what these nodes can show of the sales of this run."""
    sales = sorted({event.transaction for event in run.events if event.protocol == PROTOCOL})
    names = {party.id: party.name for party in run.parties if party.id}
    for node in showing:
        for sale in sales if node.alive() else ():
            try:
                shown = await node.get(f"/inspect/transactions/{sale}")
            except LabFailure:
                continue
            found = [row for row in shown["found"] if row.get("evidence")]
            if found:
                _write(folder / FOLDER / f"{sale}.json", {"names": names, "found": found})


def _write(file: Path, value: object) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(value, indent=1) + "\n")


def read_evidence(place: Path) -> list[SaleEvidence]:
    """Of one file, or of a run's folder. Raises NoEvidence."""
    if place.is_dir():
        inside = place / FOLDER if (place / FOLDER).is_dir() else place
        files = sorted(file for file in inside.glob("*.json") if file.name != "run.json")
        if not files:
            raise NoEvidence(f"{place} holds no evidence of a sale.")
        return [sale for file in files for sale in _read(file)]
    return _read(place)


def _read(file: Path) -> list[SaleEvidence]:
    try:
        value = json.loads(file.read_bytes())
    except OSError as error:
        raise NoEvidence(f"Cannot read {file}: {reason(error)}.") from None
    except (ValueError, RecursionError):
        raise NoEvidence(f"{file} is no JSON file.") from None
    names = value.get("names", {}) if isinstance(value, dict) else {}
    rows = value.get("found", [value]) if isinstance(value, dict) else value
    try:
        sales = [
            SaleEvidence(
                str(row.get("id", "")),
                tuple(bytes.fromhex(piece["bytes"]) for piece in row["evidence"]),
                dict(names),
            )
            for row in rows
            if row.get("evidence")
        ]
    except (ValueError, KeyError, TypeError, AttributeError):
        sales = []
    if not sales:
        raise NoEvidence(
            f"{file} holds no evidence of a sale; it should be what /inspect/transactions/<id> "
            "of an escrow server answers."
        )
    return sales
