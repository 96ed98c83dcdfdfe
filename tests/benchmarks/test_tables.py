"""What is told of a measurement: figures, ratios, tables, the command line."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from msgspec.structs import replace

from scenarios.lab.benchmark import (
    Bench,
    Figure,
    Measured,
    NoSuchBenchmark,
    NotAMeasurement,
    as_plain,
    find,
    keep,
    names,
    read,
)
from scenarios.lab.benchmark_compare import compare
from scenarios.lab.benchmark_table import conditions, markdown, number, row
from scenarios.lab.plot import Curve, Plot, draw
from scenarios.lab.run import Check
from scenarios.lab.yardsticks import Units
from tests.lab.commands import jangteo

UNITS = Units(
    sign=20.0,
    verify=60.0,
    seal=80.0,
    open=40.0,
    hash=2.0,
    mac=3.0,
    encrypt=250.0,
    decrypt=240.0,
    request=160.0,
    served=70.0,
    datagram=10.0,
    commit=300.0,
)


def measured(*figures: Figure, others: float = 0.1, checks: tuple[Check, ...] = ()) -> Measured:
    return Measured(
        name="payment",
        question="What does it cost?",
        command="jangteo bench payment",
        started="2026-01-02T03:04:05Z",
        seconds=12.0,
        cores=2,
        others=others,
        load=[0.5, 1.5],
        versions={"python": "3.11.7"},
        notes=[],
        figures=list(figures),
        checks=list(checks),
    )


CPU = Figure(
    what="CPU of a payment",
    unit="ms",
    values=[30.0, 10.0, 20.0],
    beside=5.0,
    beside_what="floor",
    headline=True,
)
ASIDE = Figure(what="messages", unit="", values=[2.0])


def test_a_figure_is_told_by_its_median_and_its_ratio() -> None:
    assert (CPU.median, CPU.ratio) == (20.0, 4.0)
    assert row(CPU) == ["CPU of a payment", "20", "10", "30", "ms", "5", "floor", "4.00"]
    assert row(ASIDE) == ["messages", "2", "", "", "", "", "", ""]


def test_a_figure_beside_nothing_or_beside_zero_has_no_ratio() -> None:
    assert ASIDE.ratio is None
    assert Figure(what="", unit="%", values=[3.0], beside=0.0).ratio is None


@pytest.mark.parametrize(
    ("value", "told"),
    [(0, "0"), (0.0712, "0.071"), (4.321, "4.32"), (43.21, "43.2"), (20.0, "20"), (3263, "3,263")],
)
def test_numbers_have_three_digits_or_all_there_are(value: float, told: str) -> None:
    assert number(value) == told


def test_the_readmes_table_has_the_headlines_and_the_command_once() -> None:
    second = Figure(what="wall", unit="ms", values=[7.0], headline=True)

    lines = markdown([measured(CPU, ASIDE, second)]).splitlines()

    assert lines[2:4] == [
        "| CPU of a payment | 20 ms | floor: 5 ms; 4.00x | `jangteo bench payment` |",
        "| wall | 7 ms |  |  |",
    ]
    assert "2 cores" in lines[-1]
    assert "busy" not in lines[-1]


def test_a_busy_machine_is_told() -> None:
    assert "busy" in markdown([measured(CPU, others=1.0)])


def test_the_machine_is_told_with_what_others_used_of_it() -> None:
    told = conditions(replace(measured(CPU), processor="A 9", others_after=0.6))

    assert told.startswith("A 9, 2 cores, 0.1 in use by others before and 0.6 after, load 0.5 and")
    assert "busy" in told, "they came while it ran"


def test_a_check_that_fails_or_cannot_be_told_fails_the_benchmark() -> None:
    assert measured(CPU, checks=(Check("right", True),)).holds
    assert not measured(CPU, checks=(Check("right", True), Check("wrong", False))).holds
    assert not measured(CPU, checks=(Check("who knows", None),)).holds


def test_the_auditors_rules_are_one_line_unless_they_fail() -> None:
    bench = Bench()
    bench.audited([Check("a", True), Check("b", True)])
    bench.audited([Check("a", True), Check("b", False, "lost")])

    assert [(check.name, check.holds) for check in bench.checks] == [
        ("every ledger agrees", True),
        ("every ledger agrees", False),
        ("b", False),
    ]


def test_what_programs_read_has_medians_and_ratios() -> None:
    shown = as_plain(measured(CPU))["figures"][0]

    assert (shown["median"], shown["least"], shown["most"], shown["ratio"]) == (20, 10, 30, 4)


def test_the_floor_of_a_register_is_its_signatures_and_verifications() -> None:
    # 2S + k(S + (2 + q)V) + kV with k = 8, q = 6: 10 signatures and 72 verifications.
    assert UNITS.put(8, 6) == pytest.approx((10 * 20 + 72 * 60) / 1000)


def test_the_digests_of_a_content_are_in_its_encryption_already() -> None:
    counted = {"sign": 1, "encrypt": 1, "decrypt": 1, "hash": 10}

    assert UNITS.crypto(counted) == pytest.approx((20 + 250 + 240 + 6 * 2) / 1000)


# curves


CURVE = Plot(
    title="Depth",
    x="nodes",
    y="referrals",
    log_x=True,
    curves=[Curve(name="ours & theirs", points=[(10.0, 1.0), (1000.0, 3.0), (100.0, 2.0)])],
)


def test_a_logarithmic_axis_has_equal_ways_for_equal_ratios() -> None:
    drawn = ElementTree.fromstring(draw(CURVE))

    dots = [
        (float(dot.attrib["cx"]), float(dot.attrib["cy"]))
        for dot in drawn.iter("{http://www.w3.org/2000/svg}circle")
    ]
    (first, last, middle) = dots
    assert middle[0] == pytest.approx((first[0] + last[0]) / 2, abs=0.2)
    assert middle[1] == pytest.approx((first[1] + last[1]) / 2, abs=0.2)
    assert last[1] < first[1], "more stands higher"


def test_a_curve_that_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(ValueError, match="points"):
        draw(replace(CURVE, curves=[]))
    with pytest.raises(ValueError, match="positive"):
        draw(replace(CURVE, curves=[Curve(name="", points=[(0.0, 1.0)])]))


# two measurements


def kept_twice(folder: Path) -> tuple[Path, Path]:
    slower = replace(CPU, values=[40.0], beside=8.0)
    return keep(folder, measured(CPU, ASIDE)), keep(folder, measured(slower))


def test_what_was_kept_reads_back(tmp_path: Path) -> None:
    first = measured(CPU, ASIDE, checks=(Check("right", True),))

    assert read(keep(tmp_path, first)) == first


def test_two_measurements_are_compared_figure_by_figure(tmp_path: Path) -> None:
    found = compare(*kept_twice(tmp_path))

    (pair,) = found.pairs
    assert (pair.first, pair.second, pair.ratio) == (20.0, 40.0, 2.0)
    assert (pair.first_beside, pair.second_beside, pair.ratio_beside) == (4.0, 5.0, 1.25)
    assert found.only == ["messages"]


def test_different_benchmarks_are_not_compared(tmp_path: Path) -> None:
    first, _ = kept_twice(tmp_path)
    other = keep(tmp_path, replace(measured(CPU), name="another"))

    with pytest.raises(NotAMeasurement, match="another"):
        compare(first, other)


# the command line


def test_the_command_compares_what_was_kept(tmp_path: Path) -> None:
    first, second = map(str, kept_twice(tmp_path))

    told = jangteo("bench", "--compare", first, second)
    assert told.code == 0
    assert re.search(r"^CPU of a payment +20 +40 +ms +2.00 +4.00 +5.00 +1.25", told.out, re.M)
    plain = jangteo("bench", "--compare", first, second, "--json").json
    assert plain["figures"][0]["ratio"] == 2.0


def test_what_is_no_measurement_is_not_compared(tmp_path: Path) -> None:
    first, _ = kept_twice(tmp_path)

    for wrong in (tmp_path / "nothing.json", Path(__file__)):
        done = jangteo("bench", "--compare", str(first), str(wrong), "--json")
        assert (done.code, done.json["error"]["code"]) == (3, "lab/not-a-measurement")


def test_three_questions_at_once_are_refused() -> None:
    done = jangteo("bench", "--all", "--list", "--json")

    assert (done.code, done.json["error"]["code"]) == (3, "lab/asked-two-things")


def test_without_a_name_the_benchmarks_are_listed() -> None:
    done = jangteo("bench")

    assert done.code == 0
    for name in names():
        assert re.search(rf"^{name} ", done.out, re.MULTILINE)
    assert [one["name"] for one in jangteo("bench", "--json").json] == list(names())


def test_a_misspelt_name_gets_the_one_that_was_meant() -> None:
    done = jangteo("bench", "purchse")

    assert (done.code, done.out) == (3, "")
    assert "Did you mean purchase?" in done.err


def test_what_could_not_be_kept_is_not_measured() -> None:
    done = jangteo("bench", "blind_signature", "--runs", __file__)
    assert done.code == 3
    assert done.err.startswith(f"Cannot keep a run in {__file__}: file exists. Nothing was started")


def test_a_name_may_be_written_with_dashes() -> None:
    assert find("coin-payment").name == "coin_payment"
    with pytest.raises(NoSuchBenchmark):
        find("coin-payments-of-all")


def test_help_says_what_is_asked_and_starts_nothing() -> None:
    done = jangteo("bench", "idle_connections", "--help")

    assert done.code == 0
    assert "--count" in done.out
    assert "--json" in done.out


def test_two_forms_of_one_answer_are_refused() -> None:
    done = jangteo("bench", "--all", "--json", "--markdown")

    assert (done.code, done.json["error"]["code"]) == (3, "lab/asked-two-things")
