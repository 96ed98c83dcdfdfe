"""`jangteo run`, `list`, `report`; and a scenario's file run as a program."""

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from scenarios.lab.choice import Choice, ComposeOption, JsonOption, WorldOption
from scenarios.lab.console import (
    Interrupted,
    Waiting,
    emit,
    in_words,
    on_terminal,
    run_until_told_to_end,
    say,
    show_table,
)
from scenarios.lab.failures import LabFailure

if TYPE_CHECKING:
    from scenarios.lab.running import Finished, How
    from scenarios.lab.scenario import Scenario

USUAL_RUNS = "runs"

SeedOption = Annotated[
    int | None,
    typer.Option(
        "--seed", min=0, help="Makes the same choices again; drawn otherwise.", show_default=False
    ),
]
RunsOption = Annotated[
    Path,
    typer.Option(
        "--runs", metavar="DIR", envvar="JANGTEO_RUNS", help="Where the run's folder is kept."
    ),
]


class NoRuns(LabFailure):
    code = "lab/no-runs"


class CannotOpen(LabFailure):
    code = "lab/cannot-open-report"


def add_to(app: typer.Typer) -> None:
    runs = typer.Typer(cls=ScenarioGroup, no_args_is_help=False, invoke_without_command=True)
    runs.callback()(run)
    app.add_typer(runs, name="run")
    app.command("list")(list_scenarios)
    app.command()(report)


class ScenarioGroup(TyperGroup):
    """A command for each scenario, made when it is asked for."""

    def list_commands(self, context: Any) -> list[str]:
        from scenarios.lab import scenario

        return list(scenario.names())

    def get_command(self, context: Any, name: str) -> Any:
        from scenarios.lab import scenario

        return command_of(scenario.find(name))


def run(
    context: typer.Context,
    list_: Annotated[bool, typer.Option("--list", help="The scenarios there are.")] = False,
    all_: Annotated[bool, typer.Option("--all", help="Every scenario, in one world.")] = False,
    seed: SeedOption = None,
    world: WorldOption = None,
    compose: ComposeOption = False,
    runs: RunsOption = Path(USUAL_RUNS),
    as_json: JsonOption = False,
) -> None:
    """Run a whole transaction, check what must hold, and keep a report of it.

    Without a running world a scenario starts one of its own and removes it afterwards. With --all
    they are run one after the other in one world; those that bring cheats, or kill for good, or
    need other settings, have a world of their own.
    """
    if context.invoked_subcommand is None and all_:
        from scenarios.lab.commands_run_all import run_all

        raise typer.Exit(run_all(Choice.of(world, compose), seed, runs, as_json))
    if context.invoked_subcommand is None:
        list_scenarios(as_json=as_json)
        if not list_ and not as_json:
            say("\nRun one: jangteo run NAME      What it can be told: jangteo run NAME --help")


def list_scenarios(as_json: JsonOption = False) -> None:
    """The scenarios: what each shows, by name."""
    from scenarios.lab import scenario

    found = [scenario.find(name) for name in scenario.names()]
    if as_json:
        emit([{"name": s.name, "title": s.title, "sentence": s.sentence} for s in found])
        return
    show_table(["scenario", "what happens"], [[s.name, s.sentence] for s in found])


def command_of(scenario: "Scenario") -> Any:
    """A scenario as a command: its own options, then those of every run."""

    def command(**given: Any) -> int:
        return _run(scenario, given)

    own = scenario.options()
    common = list(inspect.signature(_common, eval_str=True).parameters.values())
    parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in [*own, *common]]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    paragraphs = [scenario.sentence, *scenario.help.split("\n\n")]
    command.__doc__ = "\n\n".join(" ".join(text.split()) for text in paragraphs if text)
    app = typer.Typer(
        pretty_exceptions_enable=False,
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.command(scenario.name)(command)
    return typer.main.get_command(app)


def _common(
    seed: SeedOption = None,
    world: WorldOption = None,
    compose: ComposeOption = False,
    own: Annotated[
        bool, typer.Option("--own", help="A world of its own, even where another runs.")
    ] = False,
    peers: Annotated[
        int | None,
        typer.Option(min=5, help="How many, in a world of its own.", show_default=False),
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the world running that this starts.")
    ] = False,
    pause: Annotated[
        bool, typer.Option("--pause", help="Wait for Enter after each step, to teach by.")
    ] = False,
    runs: RunsOption = Path(USUAL_RUNS),
    as_json: JsonOption = False,
) -> None:
    """Options of every run; their defaults stand here and nowhere else."""


COMMON = tuple(inspect.signature(_common).parameters)


def _run(scenario: "Scenario", given: Mapping[str, Any]) -> int:
    from rich.console import Console

    from scenarios.lab.console_run import Terminal
    from scenarios.lab.narrator import Narrator, Silent
    from scenarios.lab.running import How, run_scenario

    options = {name: value for name, value in given.items() if name not in COMMON}
    as_json = bool(given["as_json"])
    narrator: Narrator = Silent() if as_json else Terminal(Console(), pause=given["pause"])
    how = How(
        choice=Choice.of(given["world"], given["compose"]),
        seed=given["seed"],
        named=given["world"] is not None or given["compose"],
        own_world=given["own"],
        peers=given["peers"],
        keep_world=given["keep"],
        runs=given["runs"],
    )
    stopping = _Stopping(as_json)
    with _worlds(as_json, stopping) as worlds:
        finished = run_until_told_to_end(
            run_scenario(scenario, options, how, narrator, worlds, on_interrupt=stopping.begin)
        )
    stopping.end(str(finished.folder))
    if as_json:
        emit(summary_of(finished))
    elif not finished.interrupted:
        _say_next(scenario)
    if finished.interrupted:
        raise Interrupted
    return finished.exit_code


class _Stopping:
    """`Stopping 20 processes ... stopped.`, where they are the run's own, and where it is kept."""

    def __init__(self, quiet: bool) -> None:
        self.processes = 0
        self._quiet = quiet
        self._waiting: Waiting | None = None

    def begin(self) -> None:
        what = f"Stopping {self.processes} processes" if self.processes else "Ending the run"
        if not self._quiet and on_terminal():
            say()
        self._waiting = Waiting(what, quiet=self._quiet)

    def end(self, folder: str) -> None:
        if self._waiting is not None:
            self._waiting.end("stopped." if self.processes else "ended; the world goes on.")
            if not self._quiet:
                say(f"The run is kept as 'unknown' in {folder}")


@contextmanager
def _worlds(quiet: bool, stopping: _Stopping) -> Iterator[Callable[..., Any]]:
    """How a run gets its world, told on the terminal."""
    from scenarios.lab.running import usual_world

    waiting: list[Waiting] = []

    def get(scenario: "Scenario", how: "How") -> Any:
        def progress(done: int, total: int) -> None:
            if not waiting:
                beside = " beside the one that runs" if how.choice.runs() else ""
                text = f"Starting a market of {total}{beside}"
                waiting.append(Waiting(text, quiet=quiet))
            waiting[0](done, total)

        def ready(nodes: int, seconds: float) -> None:
            stopping.processes = nodes
            if waiting:
                waiting[0].end(f"ready in {seconds:.1f} s")
                if not quiet:
                    say()

        return usual_world(scenario, how, progress=progress, on_ready=ready)

    try:
        yield get
    except Interrupted:
        if waiting and not stopping.processes:
            waiting[0].end("stopped; nothing that was started still runs")
        raise
    except BaseException:
        if waiting:
            waiting[0].break_off()
        raise


def summary_of(finished: "Finished") -> dict[str, Any]:
    """For programs: what came of a run and where it lies."""
    run = finished.run
    return {
        "scenario": run.scenario.name,
        "verdict": run.verdict,
        "exit_code": finished.exit_code,
        "summary": run.summary,
        "seed": run.seed,
        "seconds": run.seconds,
        "folder": str(finished.folder),
        "report": str(finished.folder / "report.html"),
        "guards_off": run.guards_off,
        "checks": [{"name": c.name, "holds": c.holds, "detail": c.detail} for c in run.checks],
        "again": run.command,
    }


def _say_next(scenario: "Scenario") -> None:
    if on_terminal():
        say("next      jangteo list · jangteo run NAME --pause · jangteo report --open")


def run_as_program(scenario: "Scenario") -> int:
    """`python -m scenarios.<name> ...` is `jangteo run <name> ...`."""
    from scenarios.lab import cli

    sys.argv[1:1] = ["run", scenario.name]
    return cli.main()


def report(
    name: Annotated[
        str,
        typer.Argument(
            metavar="[RUN]", help="A run's folder, or a scenario's name; the newest otherwise."
        ),
    ] = "",
    open_: Annotated[bool, typer.Option("--open", help="Show it in the browser.")] = False,
    runs: RunsOption = Path(USUAL_RUNS),
    as_json: JsonOption = False,
) -> None:
    """Where the report of a run is."""
    from scenarios.lab.run import load_summary

    folder = find_run(runs, name)
    page = (folder / "report.html").resolve()
    head = load_summary(folder)
    if as_json:
        emit({"report": str(page), "folder": str(folder), "verdict": head.verdict})
    else:
        say(f"{head.scenario.name}   {head.verdict}   {in_words(round(head.seconds), 'second')}")
        say(str(page))
    if open_:
        _open(page)


def find_run(runs: Path, name: str) -> Path:
    """A run's folder. Raises NoRuns."""
    from scenarios.lab.run_folder import newest

    if name and (Path(name) / "run.json").is_file():
        return Path(name)
    found = newest(runs, name) if name else newest(runs)
    if found is None:
        of = f" of {name}" if name else ""
        raise NoRuns(f"There is no run{of} in {runs}. Make one: jangteo run escrow_purchase")
    return found


def _open(page: Path) -> None:
    import webbrowser

    if not webbrowser.open(page.as_uri()):
        raise CannotOpen(f"No browser could be started. Open it yourself: {page}")
