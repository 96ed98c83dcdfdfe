"""What the list says of one message."""

import msgspec
import pytest

from scenarios.lab.message_list import (
    LISTED,
    LONGEST_OF_MANY,
    LONGEST_VALUE,
    MANY,
    MOST_FIELDS,
    describe,
    message_list,
)
from scenarios.lab.run import Event, Formula
from scenarios.lab.sequence import shown
from tests.lab.page_tree import classed, drawing_of, text_of
from tests.lab.sample_run import long_run

EVENT = Event(
    1, 5, "escrow_commerce", "6a", "SellerDeposit", "peer-03", "escrow-server", 16_384, "5f0c",
    fields={"size": 3}, signatures=2,
)  # fmt: skip


def told(formula: Formula | None = None, **more: object) -> str:
    event = msgspec.structs.replace(EVENT, **more)
    return text_of(drawing_of(f"<div>{describe(event, formula)}</div>"))


def test_the_facts_of_a_message() -> None:
    text = told()
    for fact in ("escrow commerce", "5 ms after the start", "16 384 bytes", "signatures2", "5f0c"):
        assert fact in text


def test_a_decision_has_neither_size_nor_signatures() -> None:
    text = told(kind="decision", bytes=0, signatures=0)
    assert "bytes" not in text
    assert "signatures" not in text


def test_a_refusal_comes_first() -> None:
    assert told(outcome="escrow/wrong-price").startswith("Refused: escrow/wrong-price")


def test_where_paper_and_message_differ_both_formulas_stand() -> None:
    text = told(Formula("Send(P_3, K)", "PE_ES(K)"))
    assert "the paperSend(P3, K)" in text
    assert "herePEES(K)" in text


@pytest.mark.parametrize("ours", ["", "Send(P_3, K)"])
def test_where_they_agree_one_formula_stands(ours: str) -> None:
    text = told(Formula("Send(P_3, K)", ours))
    assert text.count("Send(P3, K)") == 1
    assert "the paper, and here" in text


@pytest.mark.parametrize(
    ("fields", "sealed_fields", "says"),
    [
        ({}, [], "The whole body is sealed: only escrow-server can read it."),
        ({"size": 3}, ["key"], "Sealed: only escrow-server can open what is marked."),
        ({"size": 3}, [], "Sealed on the way: only escrow-server read these fields."),
    ],
)
def test_what_is_sealed_is_said_to_be(
    fields: dict[str, int], sealed_fields: list[str], says: str
) -> None:
    assert says in told(sealed=True, fields=fields, sealed_fields=sealed_fields)


def test_a_sealed_field_shows_no_value_unless_it_was_read() -> None:
    assert "keysealed" in told(sealed=True, sealed_fields=["key"])
    assert "key7" in told(sealed=True, sealed_fields=["key"], fields={"key": 7})


def test_nested_fields_and_every_kind_of_value() -> None:
    text = told(fields={"offer": {"price": 3, "tags": ["a"]}, "none": None, "yes": True, "no": ""})
    for part in ('"price": 3', "null", "true", "(empty)"):
        assert part in text


def test_a_long_value_is_cut_and_its_length_told() -> None:
    text = told(fields={"blob": "a" * 50_000})
    assert "a" * LONGEST_VALUE + "… (50 000 characters)" in text
    assert "a" * (LONGEST_VALUE + 1) not in text


def test_a_message_of_very_many_fields_is_cut() -> None:
    text = told(fields={f"f{i:03}": i for i in range(MOST_FIELDS + 2)})
    assert f"f{MOST_FIELDS - 1:03}" in text
    assert f"f{MOST_FIELDS:03}" not in text
    assert "2 more fields" in text


def test_every_message_is_an_entry_with_its_anchor() -> None:
    run = long_run(30)
    entries = list(classed(drawing_of(message_list(run.events, {}, "with")), "message"))
    assert [entry.get("id") for entry in entries] == [f"with-{n}" for n in range(1, 31)]


def test_a_short_list_is_unfolded_on_paper_and_a_long_one_is_not() -> None:
    for count, printed in ((MANY, "data-print"), (MANY + 1, None)):
        made = drawing_of(message_list(long_run(count).events, {}))
        assert made.get("data-print") == printed


def test_a_huge_list_is_cut_but_keeps_whatever_is_drawn() -> None:
    events = long_run(30_000).events
    made = drawing_of(message_list(events, {}))
    ids = {entry.get("id") for entry in classed(made, "message")}
    assert len(ids) <= LISTED.most
    assert {f"message-{row.n}" for row in shown(events) if isinstance(row, Event)} <= ids
    assert "events.jsonl has them" in text_of(made)


def test_long_values_are_shorter_in_a_long_list() -> None:
    events = [msgspec.structs.replace(EVENT, n=n, fields={"x": "y" * 900}) for n in range(MANY + 1)]
    assert "y" * (LONGEST_OF_MANY + 1) not in message_list(events, {})
