"""How a scenario is declared, and how its command is made from that.

    @scenario(title="A purchase through the escrow server", protocols=("escrow_commerce",))
    async def escrow_purchase(run: LiveRun, *, price: Annotated[int, Option(min=1)] = 3) -> None:
        \"\"\"A buyer gets a picture and the seller three coins.\"\"\"
        ...

    if __name__ == "__main__":
        main(escrow_purchase)

Keyword parameters become options of the command. The first line of the docstring is the sentence
people read in lists and reports, the rest is its help. A declaration starts nothing.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, get_type_hints

import scenarios
from scenarios.lab.failures import LabFailure, did_you_mean
from scenarios.lab.live import LiveRun
from scenarios.lab.run import ScenarioInfo, Verdict

PAPERS: Mapping[str, str] = {
    "escrow_commerce": "S.-K. Wee and K.-H. Rhee, The New e-Commerce Model using P2P System",
    "dht_micropayment": (
        "D. Seo, G. Song and S. Kim, DHT Based Peer-to-Peer Micropayment System for Ubiquitous "
        "Environment"
    ),
    "electronic_cash": (
        "C. Her, S.-J. Joo and H. Chung, Danger Element Analysis and Protocol Design of Electronic "
        "Cash Payment System"
    ),
    "anonymous_micropayment": (
        "H.-M. Kim and I.-Y. Lee, A Study on Micro Payment System with Anonymity"
    ),
    "item_trading": (
        "Y. Jeong, J. Ki and J. H. Cheon, Secure Electronic Trading System for Online Game-Items"
    ),
}
"""The paper of each protocol, as a report names it."""

Play = Callable[..., Awaitable[None]]
OptionProtocols = Mapping[str, Mapping[Any, tuple[str, ...]]]


class NoSuchScenario(LabFailure):
    code = "lab/no-such-scenario"


class CannotRead(LabFailure):
    code = "lab/cannot-read"


@dataclass(frozen=True)
class Scenario:
    name: str
    title: str
    sentence: str
    help: str
    protocols: tuple[str, ...]
    play: Play
    peers: int = 16
    """Of a world of its own."""
    fewest: int = 5
    """With fewer it cannot be played."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Settings its world differs in; it then needs a world of its own."""
    without: tuple[str, ...] = ()
    """Guards its world has switched off."""
    programs: Mapping[str, str] = field(default_factory=dict)
    """Modules that stand in for honest nodes, by node name: the cheats."""

    alone: bool = False
    """It does to a world what others in it would not like: moves clocks, kills for good."""
    expects: Verdict = "ok"
    """How it ends; one that shows what goes wrong ends `violated`."""
    option_protocols: OptionProtocols = field(default_factory=dict)
    """Protocols that it speaks only where an option has a value: by option, then by value."""

    @property
    def needs_own_world(self) -> bool:
        return bool(self.alone or self.settings or self.without or self.programs)

    @property
    def info(self) -> ScenarioInfo:
        papers = [PAPERS[name] for name in self.protocols if name in PAPERS]
        return ScenarioInfo(
            self.name, self.title, self.sentence, "; ".join(papers), list(self.protocols)
        )

    def with_options(self, given: Mapping[str, Any]) -> "Scenario":
        """The same, with what these options add."""
        added = [
            protocol
            for option, by_value in self.option_protocols.items()
            for protocol in by_value.get(given.get(option), ())
        ]
        return replace(self, protocols=(*self.protocols, *added)) if added else self

    def options(self) -> list[inspect.Parameter]:
        """The parameters a person may give, with their types."""
        hints = get_type_hints(self.play, include_extras=True)
        return [
            parameter.replace(annotation=hints[parameter.name])
            for parameter in inspect.signature(self.play).parameters.values()
            if parameter.kind is parameter.KEYWORD_ONLY
        ]

    def check_files(self, given: Mapping[str, Any]) -> None:
        """Raise CannotRead for a file among the options that is not there."""
        for value in given.values():
            if isinstance(value, Path):
                check_readable(value)

    def command(self, given: Mapping[str, Any], seed: int) -> str:
        """The line that runs this again."""
        words = ["jangteo", "run", self.name]
        for parameter in self.options():
            value = given.get(parameter.name, parameter.default)
            if value != parameter.default:
                words.append(_as_option(parameter.name, value))
        return " ".join([*words, f"--seed {seed}"])


def _as_option(name: str, value: object) -> str:
    flag = name.replace("_", "-")
    if isinstance(value, bool):
        return f"--{flag}" if value else f"--no-{flag}"
    return f"--{flag} {value}"


def check_readable(path: Path) -> None:
    try:
        with path.open("rb"):
            pass
    except FileNotFoundError:
        raise CannotRead(f"Cannot read {path}: no such file. Nothing was started.") from None
    except OSError as error:
        why = (error.strerror or "it cannot be opened").lower()
        raise CannotRead(f"Cannot read {path}: {why}. Nothing was started.") from error


def scenario(
    *,
    title: str,
    protocols: tuple[str, ...],
    peers: int = 16,
    fewest: int = 5,
    settings: Mapping[str, str] | None = None,
    without: tuple[str, ...] = (),
    programs: Mapping[str, str] | None = None,
    alone: bool = False,
    expects: Verdict = "ok",
    option_protocols: OptionProtocols | None = None,
) -> Callable[[Play], Scenario]:
    """Declare a scenario; its name is the function's."""

    def declare(play: Play) -> Scenario:
        text = inspect.getdoc(play) or ""
        sentence, _, rest = text.partition("\n")
        return Scenario(
            name=play.__name__,
            title=title,
            sentence=sentence,
            help=rest.strip(),
            protocols=protocols,
            play=play,
            peers=peers,
            fewest=fewest,
            settings=dict(settings or {}),
            without=without,
            programs=dict(programs or {}),
            alone=alone,
            expects=expects,
            option_protocols=dict(option_protocols or {}),
        )

    return declare


@cache
def names() -> tuple[str, ...]:
    """Every module beside the lab that may declare a scenario; none is imported for this."""
    return tuple(
        sorted(
            module.name for module in pkgutil.iter_modules(scenarios.__path__) if not module.ispkg
        )
    )


def find(name: str) -> Scenario:
    """Raise NoSuchScenario, with the nearest name there is."""
    wanted = name.replace("-", "_")
    if wanted in _given:
        return _given[wanted]
    if wanted not in names():
        raise NoSuchScenario(
            f"There is no scenario '{name}'.{did_you_mean(wanted, names())}      (jangteo list)"
        )
    found = getattr(importlib.import_module(f"scenarios.{wanted}"), wanted, None)
    if not isinstance(found, Scenario):
        raise NoSuchScenario(f"scenarios/{wanted}.py declares no scenario named {wanted}.")
    return found


_given: dict[str, Scenario] = {}
"""Those that run as a program of their own, wherever their file lies."""


def main(declared: Scenario) -> None:
    """Run a scenario's file as a program: `python -m scenarios.<name> --help`."""
    from scenarios.lab.commands_run import run_as_program

    _given[declared.name] = declared
    raise SystemExit(run_as_program(declared))


__all__ = ["LiveRun", "Scenario", "find", "main", "names", "scenario"]
