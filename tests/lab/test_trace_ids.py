"""Which transaction a few digits mean."""

import pytest

from scenarios.lab.commands_audit import NoSuchTransaction, chosen, shortest

ONE, TWO, OTHER = "aaaaaaaaaaaa1", "aaaaaaaaaaaa2", "bbbbbbbbbbbbb"
KNOWN = {ONE, TWO, OTHER}


def test_the_start_of_an_id_is_enough_where_no_other_begins_so() -> None:
    assert chosen("b", KNOWN) == OTHER
    assert chosen(ONE, KNOWN) == ONE


def test_where_several_begin_so_enough_digits_of_each_are_shown() -> None:
    with pytest.raises(NoSuchTransaction, match=f"give more of it: {ONE}, {TWO}$"):
        chosen("aaaa", KNOWN)


def test_an_id_that_nobody_knows_is_not_there() -> None:
    with pytest.raises(NoSuchTransaction, match="No node of this world knows"):
        chosen("cc", KNOWN)


def test_an_id_is_shortened_as_far_as_it_stays_the_only_one() -> None:
    assert shortest(OTHER, KNOWN) == "bbbbbb"
    assert shortest(ONE, KNOWN) == ONE
