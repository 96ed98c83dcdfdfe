"""The trace outlives the process, the view is a lab's alone, and the clock only goes forward."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from nodes.runtime.clock import MOST_SECONDS, Clock
from nodes.runtime.observer import Observer, Row, readable
from nodes.runtime.trace_rows import shortened, signatures_in
from tests.greeting.messages import Greet, Whisper


def observer(folder: Path, *, lab: bool = False) -> Observer:
    return Observer(folder, lambda: 1000, lab=lab)


def write(to: Observer, message: str, transaction: str = "aa") -> None:
    to.row(
        kind="request", direction="in", protocol="greeting", step="1", message=message,
        transaction=transaction,
    )  # fmt: skip


def messages(of: list[Row]) -> list[str]:
    return [row.message for row in of]


def test_rows_are_numbered_and_found_by_number_and_transaction(tmp_path: Path) -> None:
    seen = observer(tmp_path)
    for message, transaction in (("A", "aa"), ("B", "bb"), ("C", "aa")):
        write(seen, message, transaction)
    assert [row.n for row in seen.rows()] == [1, 2, 3]
    assert messages(seen.rows(after=1)) == ["B", "C"]
    assert messages(seen.rows(transaction="aa")) == ["A", "C"]
    assert messages(seen.rows(after=1, transaction="aa")) == ["C"]


def test_a_trace_goes_on_after_a_restart_even_behind_half_a_line(tmp_path: Path) -> None:
    first = observer(tmp_path)
    write(first, "A")
    write(first, "B")
    first.close()
    with (tmp_path / "trace.jsonl").open("ab") as file:
        file.write(b'{"n":3,"time":1000,"kin')
    second = observer(tmp_path)
    assert messages(second.rows()) == ["A", "B"]
    write(second, "C")
    write(second, "D")
    second.close()
    third = observer(tmp_path)
    assert messages(third.rows()) == ["A", "B", "C", "D"]
    assert [row.n for row in third.rows()] == [1, 2, 3, 4]


def test_a_view_goes_on_behind_half_a_line(tmp_path: Path) -> None:
    (tmp_path / "view.jsonl").write_bytes(b'{"value": 1}\n{"val')
    lab = observer(tmp_path, lab=True)
    lab.read("greeting", "1", b"", "x", 2)
    assert [line["value"] for line in lab.view()] == [1, 2]


def test_what_is_read_is_kept_in_a_lab_alone(tmp_path: Path) -> None:
    plain = observer(tmp_path)
    plain.read("greeting", "1", b"\xaa", "greet", b"secret")
    assert plain.view() == []
    assert not (tmp_path / "view.jsonl").exists()
    lab = observer(tmp_path, lab=True)
    lab.read("greeting", "1", b"\xaa", "greet", Whisper(secret=b"\x01\x02"))
    (seen,) = lab.view()
    assert seen["value"] == {"secret": "0102"}
    assert (seen["transaction"], seen["what"]) == ("aa", "greet")
    lab.close()
    assert observer(tmp_path, lab=True).view() == [seen]


def test_trace_and_view_are_readable_by_their_owner_alone(tmp_path: Path) -> None:
    lab = observer(tmp_path, lab=True)
    write(lab, "A")
    lab.read("greeting", "1", b"", "x", 1)
    for name in ("trace.jsonl", "view.jsonl"):
        assert (tmp_path / name).stat().st_mode & 0o077 == 0


def test_counts_add_up_by_step(tmp_path: Path) -> None:
    seen = observer(tmp_path)
    seen.count("greeting", "1", Counter(sign=1, verify=2))
    seen.count("greeting", "1", Counter(sign=1))
    seen.count("greeting", "3", Counter(sign=5))
    assert seen.counters == {
        ("greeting", "1"): {"sign": 2, "verify": 2},
        ("greeting", "3"): {"sign": 5},
    }


@pytest.mark.asyncio
async def test_all_who_wait_are_woken_by_a_row(tmp_path: Path) -> None:
    seen = observer(tmp_path)
    waiting = [asyncio.create_task(seen.changed()) for _ in range(3)]
    await asyncio.sleep(0)
    write(seen, "A")
    await asyncio.gather(*waiting)


def test_a_point_that_was_not_asked_for_ends_nothing(tmp_path: Path) -> None:
    seen = observer(tmp_path, lab=True)
    seen.reached("saved", "greeting", "1")
    seen.kill_at("greeting", "1", "saved", times=2)
    seen.reached("saved", "greeting", "1")
    seen.reached("received", "greeting", "1")
    seen.reached("saved", "greeting", "2")


def test_values_are_readable_by_people() -> None:
    assert readable({b"\x01": [b"\x02", 3, None, True, {4}]}) == {"01": ["02", 3, None, True, [4]]}
    assert readable(Greet(words="hi")) == {"words": "hi", "name": "nobody"}
    assert readable(object()).startswith("<object")


def test_long_values_are_cut_in_a_trace() -> None:
    assert shortened("a" * 160) == "a" * 160
    assert shortened("a" * 161) == "a" * 64 + "… (161 characters)"
    assert shortened([1, 2, 3, 4]) == [1, 2, 3, "… (4 in all)"]
    assert shortened({"x": ["a" * 200]}) == {"x": ["a" * 64 + "… (200 characters)"]}


def test_signatures_inside_a_message_are_counted() -> None:
    assert signatures_in(Whisper(secret=bytes(64))) == 1
    assert signatures_in(Whisper(secret=bytes(63))) == 0


def test_a_clock_goes_forward_only() -> None:
    clock = Clock()
    before = clock.now()
    clock.advance(1.5)
    assert before + 1500 <= clock.now() < before + 60_000
    for wrong in (-0.001, float("nan"), float("inf"), MOST_SECONDS * 1.1):
        with pytest.raises(ValueError, match="forward"):
            clock.advance(wrong)
    clock.advance(0)
    assert clock.now() >= before + 1500


def test_a_clock_moved_forward_stays_so_over_a_restart(tmp_path: Path) -> None:
    before = Clock(tmp_path / "clock")
    before.advance(3600)
    after = Clock(tmp_path / "clock")
    assert abs(after.now() - before.now()) < 60_000
    assert after.now() - Clock().now() > 3_500_000
