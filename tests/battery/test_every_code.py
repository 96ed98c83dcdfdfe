"""Every refusal is produced by some test, and known to whoever may be told it."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from nodes.protocols.errors import Refused, known_errors
from nodes.protocols.message import Role

ROOT = Path(__file__).parents[2]
PROTOCOLS = (
    "accounts",
    "anonymous_micropayment",
    "dht_micropayment",
    "electronic_cash",
    "escrow_commerce",
    "item_trading",
    "membership",
)
SERVICES = (
    Role.CERTIFICATE_AUTHORITY,
    Role.BROKER,
    Role.CENTRAL_SERVER,
    Role.ESCROW_SERVER,
    Role.BANK_ACCOUNT_SERVER,
    Role.COIN_SERVER,
    Role.GAME_SERVER,
    Role.MARKET,
    Role.PEER,
)
KNOWN = f"""
import importlib, sys
importlib.import_module(f"nodes.{{sys.argv[1]}}.service")
from nodes.protocols.errors import known_errors
from nodes.protocols.message import declarations
protocols = {{declaration.protocol for declaration in declarations()}} & set({PROTOCOLS!r})
print(*protocols, *known_errors())
"""


def words_of(source: str) -> set[str]:
    """Names that a file uses, and its texts; a name that is only imported tells nothing."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name):
                found.add(name)
            case ast.Constant(value=str(text)):
                found.add(text)
    return found


@cache
def words_of_tests() -> frozenset[str]:
    files = [file for file in (ROOT / "tests").rglob("*.py") if file != Path(__file__)]
    return frozenset().union(*(words_of(file.read_text()) for file in files))


def refusals_of(protocol: str) -> dict[str, type[Refused]]:
    """By code, in the order of the protocol's refusals.py."""
    module = __import__(f"nodes.protocols.{protocol}.refusals", fromlist=["refusals"])
    return {
        code: error
        for code, error in known_errors().items()
        if error.__module__ == module.__name__ and issubclass(error, Refused)
    }


def is_tested(error: type[Refused], words: frozenset[str] | set[str]) -> bool:
    """By its name or its code."""
    return bool(words & {error.__name__, error.code})


def test_every_protocol_is_in_the_battery() -> None:
    """A new one adds its valid messages: `SAMPLES`, as in of_dht_micropayment.py."""
    files = (ROOT / "nodes" / "protocols").glob("*/messages.py")
    assert {file.parent.name for file in files} <= set(PROTOCOLS)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_refusal_is_produced_by_some_test(protocol: str) -> None:
    errors = refusals_of(protocol)
    assert errors
    untested = [code for code, error in errors.items() if not is_tested(error, words_of_tests())]
    assert untested == []


def test_a_refusal_that_is_only_imported_is_not_tested() -> None:
    error = refusals_of("accounts")["accounts/no-such-account"]
    assert not is_tested(error, words_of("from somewhere import NoSuchAccount\n"))
    assert is_tested(error, words_of("with raises(NoSuchAccount): ask()\n"))
    assert is_tested(error, words_of("codes = {'accounts/no-such-account'}\n"))


@pytest.mark.parametrize("role", SERVICES)
def test_every_role_knows_the_refusals_of_what_it_says(role: Role) -> None:
    """Else a refusal would reach it as another than it was."""
    ran = subprocess.run(
        [sys.executable, "-c", KNOWN, role.value],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    told = set(ran.stdout.split())
    spoken = told & set(PROTOCOLS)
    assert "membership" in spoken
    wanted = {code for protocol in spoken for code in refusals_of(protocol)}
    assert wanted - told == set()
