"""`jangteo bench`: how quick it is, beside what it could be at best."""

import inspect
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from scenarios.lab.choice import JsonOption
from scenarios.lab.commands_run import USUAL_RUNS, RunsOption
from scenarios.lab.console import complain, emit, run_until_told_to_end, say, show_table
from scenarios.lab.failures import LabFailure

if TYPE_CHECKING:
    from scenarios.lab.benchmark import Benchmark, Measured

WRONG = 1

MarkdownOption = Annotated[
    bool, typer.Option("--markdown", help="Print the README's table, and nothing else.")
]

CompareOption = Annotated[
    tuple[Path, Path] | None,
    typer.Option(
        "--compare", metavar="A B", help="Two saved measurements of one benchmark: B beside A."
    ),
]


class AskedTwoThings(LabFailure):
    code = "lab/asked-two-things"


def add_to(app: typer.Typer) -> None:
    benchmarks = typer.Typer(cls=BenchmarkGroup, no_args_is_help=False, invoke_without_command=True)
    benchmarks.callback()(bench)
    app.add_typer(benchmarks, name="bench")


class BenchmarkGroup(TyperGroup):
    """A command for each benchmark, made when it is asked for."""

    def list_commands(self, context: Any) -> list[str]:
        from scenarios.lab import benchmark

        return list(benchmark.names())

    def get_command(self, context: Any, name: str) -> Any:
        from scenarios.lab import benchmark

        return command_of(benchmark.find(name))


def bench(
    context: typer.Context,
    all_: Annotated[
        bool, typer.Option("--all", help="Every benchmark, one after another.")
    ] = False,
    list_: Annotated[
        bool, typer.Option("--list", help="What there is to measure; so does no name.")
    ] = False,
    compare: CompareOption = None,
    runs: RunsOption = Path(USUAL_RUNS),
    as_markdown: MarkdownOption = False,
    as_json: JsonOption = False,
) -> int | None:
    """Measure how quick it is, beside what it could be at best. Without a name: what there is.

    Each leaves what it measured in runs/bench/NAME/TIME.json, and its curves beside it as SVG.
    """
    if context.invoked_subcommand is not None:
        return None
    if as_markdown and as_json:
        raise AskedTwoThings("--json and --markdown are two forms of one answer; choose one.")
    if all_ + list_ + (compare is not None) > 1:
        raise AskedTwoThings("--all, --list and --compare are different questions; choose one.")
    if compare is not None:
        _compare(*compare, as_json=as_json)
        return None
    if not all_:
        _list(as_json)
        return None
    from scenarios.lab import benchmark

    chosen = [benchmark.find(name) for name in benchmark.names()]
    tried = [_tried(one, runs, quiet=as_json or as_markdown) for one in chosen]
    results = [measured for measured in tried if measured is not None]
    if as_json:
        emit([benchmark.as_plain(measured) for measured in results])
    if as_markdown and results:
        from scenarios.lab.benchmark_table import markdown

        say(markdown(results))
    return 0 if all(measured and measured.holds for measured in tried) else WRONG


def _tried(benchmark: "Benchmark", runs: Path, *, quiet: bool) -> "Measured | None":
    """None where this machine cannot do it: the others are measured all the same."""
    try:
        return _measure(benchmark, {}, runs, quiet=quiet)
    except LabFailure as failure:
        complain(f"{benchmark.name} was not measured: {failure}")
        return None


def _compare(first: Path, second: Path, *, as_json: bool) -> None:
    from scenarios.lab import benchmark_compare

    found = benchmark_compare.compare(first, second)
    if as_json:
        emit(benchmark_compare.as_plain(found))
    else:
        benchmark_compare.show(found)


def _list(as_json: bool) -> None:
    from scenarios.lab import benchmark

    found = [benchmark.find(name) for name in benchmark.names()]
    if as_json:
        emit([{"name": one.name, "question": one.question} for one in found])
        return
    show_table(["benchmark", "question"], [[one.name, one.question] for one in found])
    say("\nMeasure: jangteo bench NAME      All: jangteo bench --all")


def command_of(benchmark: "Benchmark") -> Any:
    """A benchmark as a command: its own options, then those of every benchmark."""

    def command(**given: Any) -> int:
        from scenarios.lab.benchmark import as_plain

        runs, as_json = given.pop("runs"), given.pop("as_json")
        measured = _measure(benchmark, given, runs, quiet=as_json)
        if as_json:
            emit(as_plain(measured))
        return 0 if measured.holds else WRONG

    own = benchmark.options()
    common = list(inspect.signature(_common, eval_str=True).parameters.values())
    parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in [*own, *common]]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    command.__doc__ = "\n\n".join(part for part in (benchmark.question, benchmark.help) if part)
    app = typer.Typer(
        pretty_exceptions_enable=False,
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.command(benchmark.name)(command)
    return typer.main.get_command(app)


def _common(runs: RunsOption = Path(USUAL_RUNS), as_json: JsonOption = False) -> None:
    """Options of every benchmark."""


def _measure(
    benchmark: "Benchmark", given: Mapping[str, Any], runs: Path, *, quiet: bool
) -> "Measured":
    """Told on the terminal as it goes on; in JSON or Markdown only what went wrong."""
    from nodes.runtime.log import configure_log
    from scenarios.lab import benchmark_table

    configure_log("critical")  # a party of the benchmark may run in this process
    if quiet and sys.stderr.isatty():
        complain(f"{benchmark.name} ...")
    defaults = {parameter.name: parameter.default for parameter in benchmark.options()}
    measured, path = run_until_told_to_end(benchmark.run({**defaults, **given}, runs))
    if not quiet:
        benchmark_table.show(measured)
        say(f"  kept in {path}\n")
    else:
        for check in measured.checks:
            if check.holds is not True:
                complain(f"{benchmark.name}: {check.name} does not hold: {check.detail}")
    return measured
