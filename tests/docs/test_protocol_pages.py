"""The protocols' pages say what the declarations say: steps in order, rules, guards."""

import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from nodes.protocols.guard import Guard, declared_guards
from nodes.protocols.message import Declaration, declarations

PAGES = Path(__file__).parents[2] / "docs" / "protocols"
PROTOCOLS = [page.stem for page in sorted(PAGES.glob("*.md"))]
LOCAL = {"escrow_commerce": {"4", "8"}}
"""Steps that a party takes alone, as it decides."""


def table(protocol: str, heading: str) -> list[list[str]]:
    """The cells of the first table whose header row starts with `heading`."""
    lines = (PAGES / f"{protocol}.md").read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"| {heading} |"))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def messages_of(protocol: str) -> list[Declaration]:
    importlib.import_module(f"nodes.protocols.{protocol}.messages")
    return declarations(protocol)


def register_steps(protocol: str) -> dict[str, str]:
    """Steps with the witnesses of a register: what is done."""
    module = importlib.import_module(f"nodes.protocols.{protocol}.messages")
    return {row.step: row.operation for row in getattr(module, "REGISTER_STEPS", ())}


def as_row(declaration: Declaration) -> tuple[str, str, str, str]:
    senders = ", ".join(role.value for role in declaration.senders)
    receivers = ", ".join(role.value for role in declaration.receivers)
    return declaration.step, senders, receivers, declaration.type.__name__


def guards_of(protocol: str) -> Iterator[Guard[...]]:
    importlib.import_module(f"nodes.protocols.{protocol}.guards")
    prefix = f"nodes.protocols.{protocol}."
    return (g for g in declared_guards().values() if g.holds.__module__.startswith(prefix))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_declared_message_has_its_row_and_no_row_is_made_up(protocol: str) -> None:
    own = LOCAL.get(protocol, set()) | register_steps(protocol).keys()
    shown = [tuple(row[:4]) for row in table(protocol, "step") if row[0] not in own]
    assert shown == [as_row(d) for d in messages_of(protocol)]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_register_operation_has_its_row(protocol: str) -> None:
    shown = {row[0]: row[3] for row in table(protocol, "step") if row[2] == "register"}
    assert shown == register_steps(protocol)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_rule_that_a_page_names_is_there(protocol: str) -> None:
    for row in table(protocol, "step"):
        file, _, function = row[4].strip("`").partition(".")
        module = importlib.import_module(f"nodes.protocols.{protocol}.{file}")
        assert callable(getattr(module, function, None)), f"step {row[0]}: {row[4]}"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_guards_of_a_page_are_the_declared_ones_with_their_attacks(protocol: str) -> None:
    shown = {
        row[0].strip("`"): tuple(re.findall(r"[A-Z]+-A\d+", row[1]))
        for row in table(protocol, "guard")
    }
    assert shown == {guard.name: guard.mends for guard in guards_of(protocol)}
