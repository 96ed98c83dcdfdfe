"""Figures and symbols as a person reads them."""

import pytest

from scenarios.lab import wording


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 KiB"),
        (188_416, "184 KiB"),
        (5 * 2**20, "5.0 MiB"),
        (2**50, "1048576 GiB"),
    ],
)
def test_sizes_in_three_digits(octets: int, text: str) -> None:
    assert wording.size(octets) == text.replace(" ", wording.NBSP)


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(0, "0 ms"), (999, "999 ms"), (1500, "1.50 s"), (42_000, "42.0 s"), (150_000, "2 min 30 s")],
)
def test_moments_in_the_unit_that_fits(milliseconds: int, text: str) -> None:
    assert wording.moment(milliseconds).replace(wording.NBSP, " ") == text


def test_thousands_stand_apart_from_ten_thousand_on() -> None:
    assert wording.grouped(9999) == "9999"
    assert wording.grouped(16_000_000) == "16\u202f000\u202f000"


def test_one_and_many() -> None:
    assert wording.count(1, "party", "parties") == "1 party"
    assert wording.count(2, "party", "parties") == "2 parties"
    assert wording.count(0, "message") == "0 messages"


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("P_1", "P<sub>1</sub>"),
        ("seq_{i+1}", "seq<sub>i+1</sub>"),
        ("desc_{P_3}", "desc<sub>P<sub>3</sub></sub>"),
        ("E_K(C)", "E<sub>K</sub>(C)"),
        ("pay_info", "pay_info"),
        ("<x>_1", "&lt;x&gt;<sub>1</sub>"),
    ],
)
def test_a_papers_notation_gets_its_subscripts(text: str, made: str) -> None:
    assert wording.formula(text) == made


def test_text_is_cut_to_its_room_and_a_korean_letter_takes_two() -> None:
    assert wording.fit("escrow-server", 13) == "escrow-server"
    assert wording.fit("escrow-server", 7) == "escrow…"
    assert wording.fit("항구사진첩", 7) == "항구사…"
    assert wording.fit("two\nlines", 20) == "two lines"


def test_names_in_a_row() -> None:
    assert wording.list_of(["a"]) == "a"
    assert wording.list_of(["a", "b", "c"]) == "a, b and c"
