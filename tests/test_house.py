"""What holds for the whole tree."""

import importlib
import pkgutil
import re
from pathlib import Path
from types import ModuleType

import crypto
import dht
import nodes
import scenarios
from nodes.protocols.errors import OutcomeUnknown, ProtocolError, error_from, known_errors
from nodes.protocols.guard import declared_guards
from nodes.protocols.message import declarations

ROOT = Path(__file__).parent.parent
PACKAGES = (crypto, dht, nodes, scenarios)
MOST_LINES = 400
TO_BE_DIVIDED = {
    "nodes/protocols/electronic_cash/messages.py",
}
"""Longer already; nothing is added here."""


def import_all(package: ModuleType) -> None:
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


for package in (crypto, dht, nodes):
    import_all(package)


def own(module: str) -> bool:
    """Declared by the project itself; tests declare messages, errors and guards of their own."""
    return module.partition(".")[0] in {package.__name__ for package in PACKAGES}


ERRORS = {code: type_ for code, type_ in known_errors().items() if own(type_.__module__)}


def python_files() -> list[Path]:
    folders = [*(package.__name__ for package in PACKAGES), "tests"]
    return sorted(file for folder in folders for file in (ROOT / folder).rglob("*.py"))


def test_no_file_has_grown_past_400_lines() -> None:
    """Past it, look for the second idea that wants its own name."""
    lengths = {file: len(file.read_text().splitlines()) for file in python_files()}
    long = {str(file.relative_to(ROOT)) for file, lines in lengths.items() if lines > MOST_LINES}
    assert {file for file in long if not file.startswith("tests/")} <= TO_BE_DIVIDED


def test_no_module_is_named_for_everything() -> None:
    catch_all = {"common", "core", "utils", "util", "helpers", "misc", "base"}
    assert [file for file in python_files() if {file.stem, file.parent.name} & catch_all] == []


def subclasses(type_: type[ProtocolError]) -> set[type[ProtocolError]]:
    below = set(type_.__subclasses__())
    return below | {further for each in below for further in subclasses(each)}


def test_every_error_has_a_code_of_its_own() -> None:
    types = [each for each in subclasses(ProtocolError) if own(each.__module__)]
    coded = {each for each in types if not each.__name__.startswith("_")}
    assert coded == set(ERRORS.values())


def is_sentence(text: str) -> bool:
    return text[:1].isupper() and text.endswith(".") and len(text) <= 120


def test_every_error_says_what_happened_in_a_sentence() -> None:
    """People read the first line of its docstring, and nothing else may be left to say it."""
    unsaid = [
        code
        for code, type_ in ERRORS.items()
        if not type_.__dict__.get("__doc__") or not is_sentence(type_.sentence())
    ]
    assert unsaid == []


def test_every_code_is_an_area_and_a_name() -> None:
    pattern = re.compile(r"[a-z]+(_[a-z]+)*/[a-z]+(-[a-z]+)*")
    assert [code for code in ERRORS if not pattern.fullmatch(code)] == []


def test_every_error_crosses_the_network_as_itself() -> None:
    changed = [
        code
        for code, type_ in ERRORS.items()
        if type(error_from(code, "why", type_.outcome, b"proof")) is not type_
    ]
    assert changed == []


def test_4xx_is_the_callers_fault_and_says_that_nothing_happened() -> None:
    """5xx is ours: the outcome is unknown, or (503) we have no hand free."""
    for code, type_ in ERRORS.items():
        if issubclass(type_, OutcomeUnknown):
            assert (type_.outcome, type_.status // 100) == ("unknown", 5), code
        else:
            assert type_.outcome == "nothing-happened", code
            assert 400 <= type_.status < 500 or type_.status == 503, code


def test_every_message_says_what_it_is_for() -> None:
    unsaid = [
        declaration.path
        for declaration in declarations()
        if own(declaration.type.__module__) and not declaration.sentence.endswith((".", "?"))
    ]
    assert unsaid == []


def test_every_guard_says_what_it_prevents() -> None:
    for name, guard in declared_guards().items():
        if own(guard.holds.__module__):
            assert guard.sentence.endswith("."), name
            assert guard.mends, name


def test_no_debugger_is_left_behind() -> None:
    for file in python_files():
        if file != Path(__file__):
            assert not re.search(r"\bbreakpoint\(|\bset_trace\(", file.read_text()), file
