"""The command line without a world: help, mistakes, exit codes."""

import re
from pathlib import Path

import pytest

from tests.lab.commands import jangteo, on_terminal

pytestmark = pytest.mark.timeout(60)

COMMANDS = ["up", "down", "status", "logs", "kill", "restart", "wallet", "doctor"]


def test_help_names_every_command() -> None:
    done = jangteo("--help")

    assert done.code == 0
    for command in COMMANDS:
        assert re.search(rf"\b{command}\b", done.out)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_and_offers_json(command: str) -> None:
    done = jangteo(command, "--help")

    assert done.code == 0
    assert "--json" in done.out
    assert "--world" in done.out


def test_without_a_command_the_help_is_shown() -> None:
    done = jangteo()

    assert done.code == 0
    assert "Usage" in done.out


def test_a_terminal_without_our_letters_gets_question_marks() -> None:
    done = jangteo("--help", env={"PYTHONIOENCODING": "ascii"})

    assert done.code == 0
    assert "Jangteo (??, marketplace)" in done.out


def test_the_version_is_that_of_the_package() -> None:
    from importlib.metadata import version

    assert jangteo("--version").out == f"jangteo {version('jangteo')}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["stats"], "No such command 'stats'. Did you mean 'status'"),
        (["up", "--peer", "5"], "No such option: --peer"),
        (["up", "--peers", "many"], "Invalid value for '--peers'"),
        (["kill"], "Missing argument 'NODE...'"),
    ],
)
def test_what_is_asked_wrongly_is_said_in_one_line_with_exit_code_4(
    arguments: list[str], message: str
) -> None:
    done = jangteo(*arguments)

    assert done.code == 4
    assert done.err.startswith(message)
    assert done.err.count("\n") == 1
    assert "--help)" in done.err
    assert done.out == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["up", "--peers", "3"], "A market needs 5 peers or more, not 3"),
        (["up", "--without", "payee-is-name"], "Did you mean payee-is-named?"),
        (["up", "--set", "dispute_second=3"], "Did you mean dispute_seconds?"),
        (["up", "--set", "dispute_seconds"], "'dispute_seconds' is no setting: --set NAME=VALUE"),
        (["up", "--world", "/proc/nowhere"], "Cannot make a world in /proc/nowhere: no such file."),
        (["up", "--world", __file__], f"Cannot make a world in {__file__}: not a directory."),
        (["status"], "There is no world in "),
        (["wallet", "peer-01"], "Start one: jangteo up"),
        (["logs", "broker"], "Start one: jangteo up"),
        (["kill", "broker"], "Start one: jangteo up"),
        (["restart", "broker"], "Start one: jangteo up"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line_with_exit_code_3(
    tmp_path: Path, arguments: list[str], message: str
) -> None:
    elsewhere = () if "--world" in arguments else ("--world", str(tmp_path / "world"))
    done = jangteo(*arguments, *elsewhere)

    assert done.code == 3
    assert message in done.err
    assert done.err.count("\n") == 1
    assert done.out == ""
    assert list(tmp_path.iterdir()) == []


def test_with_json_a_failure_is_one_object(tmp_path: Path) -> None:
    done = jangteo("status", "--json", "--world", str(tmp_path / "world"))

    assert done.code == 3
    assert done.json["error"]["code"] == "lab/no-world"
    assert "jangteo up" in done.json["error"]["message"]
    assert done.err == ""


def test_the_world_may_be_named_by_the_environment(tmp_path: Path) -> None:
    done = jangteo("status", env={"JANGTEO_WORLD": str(tmp_path / "elsewhere")})

    assert f"There is no world in {tmp_path / 'elsewhere'}" in done.err


def test_the_usual_world_is_in_the_folder_one_stands_in(tmp_path: Path) -> None:
    done = jangteo("status", cwd=tmp_path)

    assert f"There is no world in {tmp_path / '.jangteo'}" in done.err


def test_taking_down_what_is_not_there_is_no_failure(tmp_path: Path) -> None:
    done = jangteo("down", "--world", str(tmp_path / "world"))

    assert (done.code, done.err) == (0, "")
    assert "There is no world in" in done.out


def test_a_folder_that_is_no_world_is_not_forgotten(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("mine")

    done = jangteo("down", "--forget", "--world", str(tmp_path))

    assert done.code == 3
    assert "nothing was deleted" in done.err
    assert (tmp_path / "letters.txt").read_text() == "mine"


def test_a_folder_with_other_things_does_not_become_a_world(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("mine")

    done = jangteo("up", "--peers", "5", "--world", str(tmp_path))

    assert done.code == 3
    assert "holds something else than a world" in done.err
    assert [entry.name for entry in tmp_path.iterdir()] == ["letters.txt"]


def test_a_mistake_of_our_own_is_one_sentence_and_a_file(tmp_path: Path) -> None:
    # A folder where a file belongs is nothing a command foresees.
    (tmp_path / "world.json").write_text('{"peers": 5, "lab": true, "nodes": []}')
    (tmp_path / "lock").mkdir()

    done = jangteo("down", "--world", str(tmp_path), env={"TMPDIR": str(tmp_path)})

    assert done.code == 3
    assert done.err.startswith("jangteo itself failed: IsADirectoryError")
    assert "Traceback" not in done.err
    (kept,) = tmp_path.glob("jangteo-error-*.txt")
    assert str(kept) in done.err
    assert "Traceback" in kept.read_text()


def test_the_doctor_names_what_it_finds(tmp_path: Path) -> None:
    done = jangteo("doctor", "--json", "--world", str(tmp_path / "world"))

    findings = {finding["what"]: finding for finding in done.json["findings"]}
    assert set(findings) == {
        "Python", "packages", "system", "free ports", "open files", "disk", "memory", "Docker",
        "world", "other worlds",
    }  # fmt: skip
    assert findings["packages"]["grade"] == "ok"
    assert done.code == (0 if done.json["fit"] else 3)


def test_a_terminal_gets_boxes_and_a_pipe_plain_lines(tmp_path: Path) -> None:
    world = str(tmp_path / "world")

    assert "╭" in on_terminal("doctor", "--world", world).out
    assert "╭" not in on_terminal("doctor", "--world", world, columns=60).out
    assert "╭" not in jangteo("doctor", "--world", world).out
