"""`jangteo soak`: a market that lives at random, cheats and failures included, from a seed."""

import datetime
import json
import os
import secrets
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scenarios.lab.choice import JsonOption
from scenarios.lab.commands_run import USUAL_RUNS, RunsOption, SeedOption
from scenarios.lab.console import complain, emit, in_words, run_until_told_to_end, say
from scenarios.lab.failures import LabFailure

if TYPE_CHECKING:
    from scenarios.soak.history import History
    from scenarios.soak.living import Lived

VIOLATED = 1
SHRINK_MINUTES = 5.0
SHOWN_FAULTS = 5


class CannotReplay(LabFailure):
    code = "lab/cannot-replay"


def add_to(app: typer.Typer) -> None:
    app.command()(soak)


def soak(
    minutes: Annotated[
        float, typer.Option(min=0.01, max=10_000, help="How long; the last round is ended.")
    ] = 2.0,
    seed: SeedOption = None,
    real: Annotated[
        bool, typer.Option("--real", help="Between processes instead of on the simulator.")
    ] = False,
    replay: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Play this history, as a failure left it, once."),
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Tell what happens.")] = False,
    runs: RunsOption = Path(USUAL_RUNS),
    as_json: JsonOption = False,
) -> int:
    """Let a market live at random, and audit it at every quiet point.

    Purchases, payments, disputes, e-cash, prepaid orders and item sales, under kills, cuts, lost
    and doubled messages, with cheats among the peers. Each round is a world of its own, from a
    seed of its own. A failure prints it, and the shortest history that brings it back.
    Exit code 0: every quiet point was ok. 1: some was not.
    """
    _hash_strings_alike()
    from scenarios.lab.run_folder import check_writable

    check_writable(runs)
    first = secrets.randbelow(10_000) if seed is None else seed
    round_ = _Round(real, verbose and not as_json)
    if replay is not None:
        return _replay(round_, replay, as_json)
    begun, number, deeds = time.monotonic(), 0, Counter[str]()
    while number == 0 or time.monotonic() - begun < minutes * 60:
        history = round_.draw(first + number)
        lived = round_.play(history)
        number += 1
        deeds.update(lived.counted())
        if not lived.ok:
            return _tell_failure(round_, lived, runs, as_json)
        if not as_json:
            say(f"seed {history.seed:<6} ok   {in_words(len(lived.ended), 'deed')}")
    seconds = time.monotonic() - begun
    if as_json:
        emit({"verdict": "ok", "rounds": number, "seed": first, "deeds": dict(deeds),
              "seconds": round(seconds, 1)})  # fmt: skip
    else:
        rounds = in_words(number, "round")
        say(f"\nok   {rounds}, {in_words(deeds.total(), 'deed')}, {seconds:.0f} s")
        if verbose:
            for how, times in sorted(deeds.items()):
                say(f"     {times:>5}  {how}")
    return 0


class _Round:
    def __init__(self, real: bool, verbose: bool) -> None:
        self._real, self._verbose = real, verbose

    def draw(self, seed: int) -> "History":
        from scenarios.soak.history import draw

        return draw(seed, simulated=not self._real)

    def play(self, history: "History") -> "Lived":
        from scenarios.soak import markets

        hear = say if self._verbose else _say_nothing
        if not self._real:
            return markets.on_simulator(history, hear)

        async def between_processes() -> "Lived":
            async with markets.market_of_processes() as world:
                return await markets.between_processes(world, history, hear)

        return run_until_told_to_end(between_processes())

    @property
    def can_shrink(self) -> bool:
        """Between processes a history does not end the same way twice."""
        return not self._real


def _say_nothing(line: str) -> None:
    pass


def _replay(round_: _Round, file: Path, as_json: bool) -> int:
    import msgspec

    from scenarios.soak.history import read

    try:
        history = read(file.read_bytes())
    except OSError as error:
        raise CannotReplay(f"Cannot read {file}: {error.strerror}. Nothing was started.") from error
    except msgspec.MsgspecError as error:
        raise CannotReplay(f"{file} is no history: {error}. Nothing was started.") from error
    lived = round_.play(history)
    if as_json:
        emit({"verdict": _verdict(lived), "faults": lived.faults, "deeds": dict(lived.counted())})
    else:
        say(f"{_verdict(lived)}   {in_words(len(lived.ended), 'deed')}")
        _tell_faults(lived)
    return 0 if lived.ok else VIOLATED


def _verdict(lived: "Lived") -> str:
    return "ok" if lived.ok else "violated"


def _tell_faults(lived: "Lived") -> None:
    for fault in lived.faults[:SHOWN_FAULTS]:
        say(f"     {fault}")


def _tell_failure(round_: _Round, lived: "Lived", runs: Path, as_json: bool) -> int:
    from scenarios.soak.history import written

    history = lived.history
    folder = _folder(runs, history.seed)
    (folder / "history.json").write_bytes(written(history))
    if not as_json:
        say(f"seed {history.seed:<6} VIOLATED")
        _tell_faults(lived)
    short = _shortest(round_, history, quiet=as_json) if round_.can_shrink else history
    kept = folder / "shortest.json"
    kept.write_bytes(written(short))
    told = round_.play(short) if round_.can_shrink else lived
    again = f"jangteo soak --replay {kept}" + ("" if round_.can_shrink else " --real")
    (folder / "faults.json").write_text(json.dumps(told.faults or lived.faults, indent=2) + "\n")
    if as_json:
        emit({"verdict": "violated", "seed": history.seed, "faults": lived.faults,
              "shortest": [_plain(one) for one in short.happenings], "again": again})  # fmt: skip
    else:
        say(f"\nthe shortest history that fails ({in_words(len(short.happenings), 'happening')}):")
        for one in short.happenings:
            lasts = f" for {one.for_seconds:g} s" if one.for_seconds else ""
            what = f"{one.what or one.kind} {' '.join(one.who)}{lasts}"
            say(f"  {one.stretch + 1}  {one.at_seconds:6.2f} s  {what}")
        say(f"\nagain     {again}")
    return VIOLATED


def _plain(happening: Any) -> dict[str, Any]:
    import msgspec

    return dict(msgspec.to_builtins(happening))


def _folder(runs: Path, seed: int) -> Path:
    stamp = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H.%M.%S")
    folder = runs / "soak" / f"{stamp}-{seed}"
    folder.mkdir(parents=True)
    return folder


def _shortest(round_: _Round, history: "History", *, quiet: bool) -> "History":
    from scenarios.soak.shrinking import shortest

    until = time.monotonic() + SHRINK_MINUTES * 60
    if not quiet:
        say(f"looking for the shortest history that fails, for {SHRINK_MINUTES:g} minutes at most")
    return shortest(
        history,
        lambda part: not round_.play(part).ok,
        lambda: time.monotonic() < until,
    )


def _hash_strings_alike() -> None:
    """A history ends the same way only where sets of strings come in the same order."""
    if os.environ.get("PYTHONHASHSEED") == "0":
        return
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    try:
        os.execve(sys.executable, [sys.executable, *_own_arguments()], environment)
    except OSError as error:
        complain(f"PYTHONHASHSEED is not 0, and {sys.executable} could not be started: {error}")


def _own_arguments() -> list[str]:
    return ["-m", "scenarios.lab.cli", *sys.argv[1:]]
