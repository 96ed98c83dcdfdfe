"""How an attack is declared, and how it is found by its row, its name or its guard.

    @attack(
        "DC-A4",
        title="Payment theft",
        protocols=("dht_micropayment",),
        guards=("payee-is-named",),
        word="STOLEN",
    )
    async def payment_theft(act: Act) -> None:
        \"\"\"Whoever sees a transfer first registers it to himself.\"\"\"

The first line of the docstring is the sentence people read. With `guards` it is a guarded attack:
it must succeed with just these switched off and be refused with all on. One without guards is
`inherent` (refused whatever is on) or `open` (it succeeds whatever is on, and is measured).
"""

import importlib
import inspect
import pkgutil
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

import scenarios.attacks
from nodes.protocols.guard import Guards, declared_guards
from scenarios.lab.acting import Act
from scenarios.lab.failures import LabFailure, did_you_mean
from scenarios.lab.run import ScenarioInfo
from scenarios.lab.scenario import PAPERS, Scenario

Kind = Literal["guarded", "inherent", "open"]
Play = Callable[[Act], Awaitable[None]]


class NoSuchAttack(LabFailure):
    code = "lab/no-such-attack"


@dataclass(frozen=True)
class Attack:
    row: str
    """In the protocol's table of attacks: DC-A4."""
    name: str
    title: str
    sentence: str
    help: str
    kind: Kind
    protocols: tuple[str, ...]
    """The first is the one attacked."""
    play: Play
    guards: tuple[str, ...] = ()
    """Switched off in the first of its two runs."""
    word: str = "SUCCEEDED"
    """What its success is, in one word: STOLEN, DOUBLED, UNPAID."""
    refused_with: tuple[str, ...] = ()
    """Codes it may be refused with; those of its guards where none is named."""
    peers: int = 5
    settings: Mapping[str, str] = field(default_factory=dict)
    programs: Mapping[str, str] = field(default_factory=dict)
    """Modules that stand in for honest nodes, by node name."""
    leaves: Mapping[str, str] = field(default_factory=dict)
    """What the auditor need not find in order with every guard on, and why: by check."""

    @property
    def codes(self) -> tuple[str, ...]:
        """What refuses it."""
        if self.refused_with:
            return self.refused_with
        Guards.without(self.guards)
        known = declared_guards()
        return tuple(dict.fromkeys(known[name].refuses.code for name in self.guards))

    @property
    def info(self) -> ScenarioInfo:
        papers = [PAPERS[name] for name in self.protocols[:1] if name in PAPERS]
        title = f"{self.row}  {self.title}"
        protocols = list(self.protocols)
        return ScenarioInfo(self.name, title, self.sentence, "; ".join(papers), protocols)

    @property
    def expected(self) -> str:
        refused = f"refused with {' or '.join(self.codes)}"
        if self.kind == "guarded":
            return f"{self.word.lower()} without, {refused}"
        return refused if self.kind == "inherent" else f"{self.word.lower()}, whatever is on"

    def as_scenario(self, play: Callable[..., Awaitable[None]], *, guarded: bool) -> Scenario:
        """One of its runs, for whoever runs and records scenarios."""
        return Scenario(
            name=self.name,
            title=self.info.title,
            sentence=self.sentence,
            help=self.help,
            protocols=self.protocols,
            play=play,
            peers=self.peers,
            settings=self.settings,
            without=() if guarded else self.guards,
            programs=self.programs,
        )


def attack(
    row: str,
    *,
    title: str,
    protocols: tuple[str, ...],
    guards: tuple[str, ...] = (),
    kind: Kind = "guarded",
    word: str = "SUCCEEDED",
    refused_with: tuple[str, ...] = (),
    peers: int = 5,
    settings: Mapping[str, str] | None = None,
    programs: Mapping[str, str] | None = None,
    leaves: Mapping[str, str] | None = None,
) -> Callable[[Play], Attack]:
    """Declare an attack; its name is the function's, which is its file's."""
    if (kind == "guarded") is not bool(guards):
        raise TypeError(f"{row}: a guarded attack names its guards, another has none")
    if kind == "inherent" and not refused_with:
        raise TypeError(f"{row}: what refuses it?")

    def declare(play: Play) -> Attack:
        sentence, _, rest = (inspect.getdoc(play) or "").partition("\n")
        return Attack(
            row=row,
            name=play.__name__,
            title=title,
            sentence=sentence,
            help=rest.strip(),
            kind=kind,
            protocols=protocols,
            play=play,
            guards=guards,
            word=word,
            refused_with=refused_with,
            peers=peers,
            settings=dict(settings or {}),
            programs=dict(programs or {}),
            leaves=dict(leaves or {}),
        )

    return declare


@cache
def attacks() -> tuple[Attack, ...]:
    """All there are, in the order of their rows."""
    found = []
    prefix = scenarios.attacks.__name__ + "."
    for module in pkgutil.walk_packages(scenarios.attacks.__path__, prefix):
        if module.ispkg:
            continue
        name = module.name.rpartition(".")[2]
        declared = getattr(importlib.import_module(module.name), name, None)
        if isinstance(declared, Attack):
            found.append(declared)
    return tuple(sorted(found, key=_place))


def _place(one: Attack) -> tuple[str, int, str]:
    system, _, number = one.row.partition("-A")
    return system, int(number), one.name


def find(wanted: str) -> list[Attack]:
    """By name, by row or by guard; several attacks may belong to one. Raises NoSuchAttack."""
    name, row, rule = wanted.replace("-", "_"), wanted.upper(), wanted.replace("_", "-")
    found = [one for one in attacks() if name == one.name or row == one.row or rule in one.guards]
    if not found:
        known = [one.name.replace("_", "-") for one in attacks()]
        known += [one.row for one in attacks()] + [rule for one in attacks() for rule in one.guards]
        raise NoSuchAttack(
            f"There is no attack '{wanted}'.{did_you_mean(wanted, known)}      (jangteo attack)"
        )
    return found
