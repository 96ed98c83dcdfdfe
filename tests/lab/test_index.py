"""The list of runs."""

from pathlib import Path

import msgspec

from scenarios.lab.index import INDEX_FILE, render_index, write_index
from scenarios.lab.run import RUN_FILE, save_run
from tests.lab.page_tree import classed, text_of, tree_of
from tests.lab.sample_run import attack_run, empty_run, sample_run


def rows(page: str) -> list[str]:
    return [text_of(row) for body in tree_of(page).iter("tbody") for row in body.iter("tr")]


def test_runs_stand_newest_first_with_a_tally() -> None:
    older = msgspec.structs.replace(sample_run(), started="2026-11-21T00:00:00Z")
    page = render_index({"a/1": older, "a/2": empty_run(), "b/3": attack_run()})
    assert [row.split()[0] for row in rows(page)] == ["okPayment", "unknownA", "okA"]
    assert "3 runs, newest first. 2 ok, 1 unknown" in text_of(tree_of(page))
    assert "without payee-is-named" in rows(page)[0]


def test_moments_count_not_their_spelling_and_a_run_without_one_is_oldest() -> None:
    moments = [
        "soon",
        "2026-11-22T06:14:07Z",
        "2026-11-22T06:14:07.5Z",
        "2026-11-22T08:14:08+01:00",
    ]
    runs = {
        moment: msgspec.structs.replace(sample_run(), started=moment, summary=f"run {i}")
        for i, moment in enumerate(moments)
    }
    told = [row.partition("run ")[2][0] for row in rows(render_index(runs))]
    assert told == ["3", "2", "1", "0"]


def test_a_row_leads_to_its_report_whatever_the_folder_is_called() -> None:
    folder = 'odd "name" #1?/<x>'
    (link,) = tree_of(render_index({folder: sample_run()})).iter("a")
    assert link.get("href") == "./odd%20%22name%22%20%231%3F/%3Cx%3E/report.html"


def test_no_runs_yet() -> None:
    page = tree_of(render_index({}))
    assert "Nothing has been run yet." in text_of(page)
    assert not list(page.iter("table"))


def test_text_of_a_run_stays_text() -> None:
    run = msgspec.structs.replace(sample_run(), summary="<script>alert(1)</script>\u202e")
    page = tree_of(render_index({"a/1": run}, ["<script>"]))
    assert not list(page.iter("script"))


def test_the_index_is_made_from_the_folders_and_names_those_it_cannot_read(
    tmp_path: Path,
) -> None:
    save_run(tmp_path / "escrow_purchase" / "one", sample_run())
    save_run(tmp_path / "attack" / "two", attack_run())
    save_run(tmp_path / "attack" / "torn", attack_run())
    (tmp_path / "attack" / "torn" / RUN_FILE).write_text("{")
    (tmp_path / "attack" / "empty").mkdir()
    path = write_index(tmp_path)
    assert path == tmp_path / INDEX_FILE
    page = tree_of(path.read_text())
    assert {a.get("href") for a in page.iter("a")} == {
        "./escrow_purchase/one/report.html",
        "./attack/two/report.html",
    }
    assert [text_of(code) for code in page.iter("code")] == ["attack/torn"]
    assert len(list(classed(page, "seal"))) == 2


def test_the_index_reads_no_messages(tmp_path: Path) -> None:
    save_run(tmp_path / "a" / "one", sample_run())
    (tmp_path / "a" / "one" / "events.jsonl").write_text("torn")
    assert len(rows(write_index(tmp_path).read_text())) == 1
