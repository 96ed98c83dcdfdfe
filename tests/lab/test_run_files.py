"""A run's folder: what is saved is what is read, and what is no run is refused as such."""

from pathlib import Path

import pytest

from scenarios.lab.run import (
    EVENTS_FILE,
    RUN_FILE,
    UnreadableRun,
    load_run,
    load_summary,
    save_run,
)
from tests.lab.sample_run import attack_run, empty_run, sample_run


@pytest.mark.parametrize("make", [sample_run, attack_run, empty_run])
def test_a_saved_run_is_read_back_whole(tmp_path: Path, make: object) -> None:
    assert callable(make)
    run = make()
    save_run(tmp_path / "a" / "b", run)
    assert load_run(tmp_path / "a" / "b") == run


def test_saving_leaves_the_run_as_it_was(tmp_path: Path) -> None:
    run = sample_run()
    save_run(tmp_path, run)
    assert run == sample_run()


def test_saving_again_replaces_the_older_run(tmp_path: Path) -> None:
    save_run(tmp_path, sample_run())
    save_run(tmp_path, empty_run())
    assert load_run(tmp_path) == empty_run()
    assert {file.name for file in tmp_path.iterdir()} == {RUN_FILE, EVENTS_FILE}


def test_the_small_file_holds_no_message(tmp_path: Path) -> None:
    run = sample_run()
    save_run(tmp_path, run)
    assert "SellerDeposit" not in (tmp_path / RUN_FILE).read_text()
    assert len((tmp_path / EVENTS_FILE).read_text().splitlines()) == len(run.events)
    assert load_summary(tmp_path).summary == run.summary


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableRun, match=RUN_FILE):
        load_run(tmp_path)
    with pytest.raises(UnreadableRun, match=RUN_FILE):
        load_summary(tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"verdict": "ok"}', b"\xff\xfe", b'{"scenario": 3}']
)
def test_a_run_file_that_is_none_is_refused(tmp_path: Path, content: bytes) -> None:
    save_run(tmp_path, sample_run())
    (tmp_path / RUN_FILE).write_bytes(content)
    with pytest.raises(UnreadableRun, match=RUN_FILE):
        load_summary(tmp_path)


def test_a_verdict_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    save_run(tmp_path, sample_run())
    file = tmp_path / RUN_FILE
    file.write_text(file.read_text().replace('"ok"', '"fine"', 1))
    with pytest.raises(UnreadableRun, match="fine"):
        load_run(tmp_path)


def test_lost_or_torn_messages_are_refused_but_the_head_is_still_read(tmp_path: Path) -> None:
    save_run(tmp_path, sample_run())
    file = tmp_path / EVENTS_FILE
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(UnreadableRun, match=EVENTS_FILE):
        load_run(tmp_path)
    file.unlink()
    with pytest.raises(UnreadableRun, match=EVENTS_FILE):
        load_run(tmp_path)
    assert load_summary(tmp_path).seed == sample_run().seed
