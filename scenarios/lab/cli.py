"""The command line: `jangteo`.

Exit codes: 0 done, and `ok` for a run; 1 `violated`; 2 `unknown`; 3 it could not be done; 4 it was
asked wrongly; 130 stopped by Ctrl-C. Commands import what they need when they run.
"""

import io
import os
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import Abort, TyperException

from scenarios.lab import (
    commands_attack,
    commands_audit,
    commands_bench,
    commands_crash,
    commands_judge,
    commands_nodes,
    commands_privacy,
    commands_run,
    commands_soak,
    commands_world,
    doctor,
)
from scenarios.lab.console import Interrupted, complain, emit, say
from scenarios.lab.failures import LabFailure

FAILED = 3
MISUSED = 4
INTERRUPTED = 130

app = typer.Typer(
    name="jangteo",
    help="Jangteo (장터, marketplace): e-commerce protocols from papers, run as a real system, "
    "every party its own process.",
    epilog="First:  jangteo up  ·  jangteo run escrow_purchase  ·  jangteo report --open  ·  "
    "jangteo down",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        say(f"jangteo {version('jangteo')}")
        raise typer.Exit()


@app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        say(context.get_help())


commands_world.add_to(app)
commands_run.add_to(app)
commands_attack.add_to(app)
commands_audit.add_to(app)
commands_judge.add_to(app)
commands_crash.add_to(app)
commands_soak.add_to(app)
commands_nodes.add_to(app)
commands_privacy.add_to(app)
commands_bench.add_to(app)
doctor.add_to(app)


def main() -> int:
    """The exit code. Whatever goes wrong is said in a sentence, never as a traceback."""
    arguments = sys.argv[1:]
    for stream in (sys.stdout, sys.stderr):
        # A terminal that knows no Korean and no boxes gets question marks, not an error.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        code = app(arguments, prog_name="jangteo", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except LabFailure as failure:
        return _report(failure.code, str(failure), FAILED)
    except TyperException as misuse:
        return _report("lab/misused", _in_words(misuse), MISUSED)
    except (KeyboardInterrupt, Abort, Interrupted):
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has seen enough; the interpreter flushes once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        return _report("lab/unexpected", _kept_for_later(error), FAILED)


def _report(code: str, message: str, exit_code: int) -> int:
    if "--json" in sys.argv[1:]:
        emit({"error": {"code": code, "message": message}})
    else:
        complain(message)
    return exit_code


def _in_words(misuse: TyperException) -> str:
    context = getattr(misuse, "ctx", None)
    command = context.command_path if context else "jangteo"
    return f"{misuse.format_message()}      ({command} --help)"


def _kept_for_later(error: Exception) -> str:
    """A mistake of ours: one sentence here, all the rest in a file."""
    import traceback

    with tempfile.NamedTemporaryFile(
        "w", prefix="jangteo-error-", suffix=".txt", delete=False
    ) as file:
        file.write(f"{' '.join(sys.argv)}\n\n")
        traceback.print_exception(error, file=file)
    return (
        f"jangteo itself failed: {type(error).__name__}: {error}\n"
        f"The details are in {Path(file.name)}"
    )


if __name__ == "__main__":
    sys.exit(main())
