"""Errors: one code a class, and the same class again on the other side."""

import pytest

from nodes.protocols.envelope import WrongRecipient, WrongSignature
from nodes.protocols.errors import (
    MalformedMessage,
    OutcomeUnknown,
    ProtocolError,
    Refused,
    error_from,
    known_errors,
)


class HarbourClosed(Refused):
    """The harbour is closed.

    Ships wait outside.
    """

    code = "tests/harbour-closed"
    status = 423


def test_two_classes_with_one_code_are_refused() -> None:
    with pytest.raises(TypeError, match="tests/harbour-closed"):

        class Again(Refused):
            """The code of another."""

            code = "tests/harbour-closed"

    assert known_errors()["tests/harbour-closed"] is HarbourClosed


def test_the_first_line_is_the_sentence_people_read() -> None:
    assert HarbourClosed.sentence() == "The harbour is closed."
    assert str(HarbourClosed()) == "The harbour is closed."
    assert str(HarbourClosed("until dawn")) == "until dawn"


@pytest.mark.parametrize("type_", [HarbourClosed, WrongRecipient, MalformedMessage, OutcomeUnknown])
def test_an_error_comes_back_as_the_same_class(type_: type[ProtocolError]) -> None:
    error = error_from(type_.code, "why", type_.outcome, b"proof")
    assert type(error) is type_
    assert (error.detail, error.evidence) == ("why", b"proof")


def test_an_unknown_code_keeps_its_outcome() -> None:
    refused = error_from("papers/new-rule", "no", "nothing-happened", b"proof")
    assert type(refused) is Refused
    assert "papers/new-rule" in refused.detail
    assert refused.evidence == b"proof"
    assert type(error_from("papers/new-rule", "no", "unknown")) is OutcomeUnknown


@pytest.mark.parametrize("outcome", ["", "Nothing-Happened", "nothing happened", "all is well"])
def test_an_outcome_nobody_defined_counts_as_unknown(outcome: str) -> None:
    assert type(error_from("papers/new-rule", "", outcome)) is OutcomeUnknown
    assert type(error_from(WrongSignature.code, "", outcome)) is OutcomeUnknown


def test_a_refusals_code_with_the_outcome_unknown_is_not_taken_for_a_refusal() -> None:
    assert isinstance(error_from(WrongSignature.code, "", "unknown"), OutcomeUnknown)


def test_outcomes_of_the_three_kinds() -> None:
    assert MalformedMessage.outcome == Refused.outcome == "nothing-happened"
    assert OutcomeUnknown.outcome == "unknown"
    assert ProtocolError.outcome == "unknown"
