"""What a coalition can join: a value on both sides gives a person away, and nothing else does."""

from scenarios.lab.linking import Knowledge, joined, values_in

PSEUDONYM, VOUCHER, CUSTOMER = "ab" * 16, "cd" * 32, "ef" * 32


def knows(person: set[str], deeds: set[str]) -> Knowledge:
    return Knowledge(frozenset(person), frozenset(deeds))


AUTHORITY = knows({CUSTOMER, PSEUDONYM}, set())
VENDOR = knows({CUSTOMER}, {PSEUDONYM})
BROKER = knows({CUSTOMER, "12" * 20}, {PSEUDONYM, VOUCHER})


def test_who_knows_only_one_side_cannot_tell() -> None:
    for coalition in ((AUTHORITY,), (VENDOR,), (BROKER,), (VENDOR, BROKER)):
        assert joined(coalition) == set()


def test_together_they_can_if_one_knows_the_person_and_one_the_deeds_by_the_same_value() -> None:
    assert joined((AUTHORITY, VENDOR)) == {PSEUDONYM}
    assert joined((AUTHORITY, BROKER)) == {PSEUDONYM}


def test_a_broker_that_saw_the_voucher_when_it_was_bought_can_tell_alone() -> None:
    assert joined((knows({CUSTOMER, VOUCHER}, {PSEUDONYM, VOUCHER}),)) == {VOUCHER}


def test_a_value_inside_a_longer_one_counts() -> None:
    assert joined((knows({CUSTOMER}, {f"00{CUSTOMER}00"}),)) == {CUSTOMER}


def test_values_are_found_wherever_they_stand_and_short_ones_are_chance() -> None:
    read = {"order": {"pseudonym": PSEUDONYM, "number": 3}, "list": [VOUCHER, ["peer-01", None]]}
    assert set(values_in(read)) == {PSEUDONYM, VOUCHER}
