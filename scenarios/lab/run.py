"""One finished run as plain data: what the recorder writes and the report reads.

A run's folder holds `run.json` (everything but the messages) and `events.jsonl` (one message a
line, in order), so that a list of many runs reads only the small file.
"""

import os
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

Verdict = Literal["ok", "violated", "unknown"]
Kind = Literal["request", "answer", "register", "content", "decision"]
How = Literal["readable", "sealed only", "never"]

RUN_FILE = "run.json"
EVENTS_FILE = "events.jsonl"
OK = "ok"
"""The outcome of an event that nobody refused; any other outcome is a refusal's code."""


class UnreadableRun(ValueError):
    """This folder holds no run, or one that cannot be read."""


class ScenarioInfo(msgspec.Struct):
    name: str
    title: str
    sentence: str = ""
    paper: str = ""
    protocols: list[str] = []


class Learned(msgspec.Struct):
    """One thing of the transaction and whether a party could read it."""

    what: str
    how: How


KEPT_FOR_OTHERS = "registers kept"
"""Among what a party holds: what it stores for the ring, and neither gains nor loses by."""


class PartyView(msgspec.Struct):
    name: str
    role: str
    symbol: str = ""
    """The paper's: P_1, ES, CS, B, U."""
    id: str = ""
    before: dict[str, int | str] = {}
    after: dict[str, int | str] = {}
    learned: list[Learned] = []
    note: str = ""


class Event(msgspec.Struct):
    """One message, register operation or decision."""

    n: int
    time_ms: int
    """Since the run's start."""
    protocol: str
    step: str
    message: str
    sender: str = ""
    """A party's name; empty where the message does not say who sent it."""
    receiver: str = ""
    """A party's name; empty for a register operation, which goes to its replicas."""
    bytes: int = 0
    transaction: str = ""
    outcome: str = OK
    sealed: bool = False
    kind: Kind = "request"
    fields: dict[str, Any] = {}
    """The readable ones."""
    signatures: int = 0
    note: str = ""
    sealed_fields: list[str] = []
    """Names of fields that only the receiver could open."""

    @property
    def refused(self) -> bool:
        return self.outcome != OK


class VoteView(msgspec.Struct):
    voter: str
    time_ms: int


class CoinStep(msgspec.Struct):
    """One register of a coin: who paid whom, where it lies, who voted for it."""

    index: int
    kind: str
    payer: str
    payee: str
    key: str
    certified: bool
    replicas: list[str] = []
    votes: list[VoteView] = []
    conflict: bool = False


class CoinLife(msgspec.Struct):
    cid: str
    serial: int
    owner: str
    generation: int
    steps: list[CoinStep] = []


class RingPlace(msgspec.Struct):
    name: str
    node_id: str
    """40 hex digits."""


class Check(msgspec.Struct):
    name: str
    holds: bool | None
    """None: could not be told."""
    detail: str = ""


class PartyCost(msgspec.Struct):
    name: str
    messages_in: int = 0
    messages_out: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    sign: int = 0
    verify: int = 0
    seal: int = 0
    open: int = 0
    hash: int = 0
    mac: int = 0
    datagrams: int = 0


class Costs(msgspec.Struct):
    wall_seconds: float = 0.0
    cpu_seconds: float | None = None
    parties: list[PartyCost] = []


class Formula(msgspec.Struct):
    """A step as the paper prints it and as it is sent; `ours` is empty where they agree."""

    paper: str
    ours: str = ""


class AttackSide(msgspec.Struct):
    """One of the two runs of an attack."""

    guards_off: list[str]
    word: str
    """What came of it, in one word: STOLEN, REFUSED."""
    harmed: bool
    summary: str = ""
    refusal: str = ""
    """The code it was refused with; empty if it was not."""
    moved: list[str] = []
    """What changed hands, one line each."""
    events: list[Event] = []


class AttackView(msgspec.Struct):
    """An attack run twice: with its guards off, then on. One without guards is run once."""

    row: str
    """The attack's name in the protocol's page: DC-A4."""
    title: str
    sentence: str
    kind: Literal["guarded", "inherent", "open"]
    without: AttackSide | None
    guarded: AttackSide
    expected: str = ""
    as_expected: bool | None = None


class RunSummary(msgspec.Struct):
    """The head of a run: enough for a list of many."""

    scenario: ScenarioInfo
    verdict: Verdict
    summary: str
    seed: int
    command: str
    started: str
    """ISO 8601."""
    seconds: float
    guards_off: list[str] = []


class Run(RunSummary):
    versions: dict[str, str] = {}
    settings: dict[str, str | int | float | bool | None] = {}
    parties: list[PartyView] = []
    events: list[Event] = []
    coins: list[CoinLife] = []
    ring: list[RingPlace] = []
    checks: list[Check] = []
    costs: Costs = msgspec.field(default_factory=Costs)
    formulas: dict[str, Formula] = {}
    """By "protocol step", as in "escrow_commerce 6a"."""
    attack: AttackView | None = None


T = TypeVar("T")


def save_run(folder: Path | str, run: Run) -> None:
    """Write the run into its folder, which is made if missing; `run.json` appears last, whole."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    head = msgspec.structs.replace(run, events=[])
    lines = b"".join(msgspec.json.encode(event) + b"\n" for event in run.events)
    replace_file(folder / EVENTS_FILE, lines)
    replace_file(folder / RUN_FILE, msgspec.json.format(msgspec.json.encode(head), indent=1))


def load_run(folder: Path | str) -> Run:
    """Raise UnreadableRun if the folder holds no whole run."""
    folder = Path(folder)
    run = _read(folder / RUN_FILE, Run)
    try:
        lines = (folder / EVENTS_FILE).read_bytes().splitlines()
        run.events = [msgspec.json.decode(line, type=Event) for line in lines]
    except (OSError, ValueError) as error:
        raise UnreadableRun(f"{folder / EVENTS_FILE}: {error}") from error
    return run


def load_summary(folder: Path | str) -> RunSummary:
    """Raise UnreadableRun if the folder holds no run."""
    return _read(Path(folder) / RUN_FILE, RunSummary)


def replace_file(path: Path, data: bytes) -> None:
    """Write a file so that a reader sees the old one or the new one, never a part."""
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(data)
    os.replace(partial, path)


def _read(path: Path, type_: type[T]) -> T:
    try:
        return msgspec.json.decode(path.read_bytes(), type=type_)
    except (OSError, ValueError) as error:
        raise UnreadableRun(f"{path}: {error}") from error
