"""The whole report: every section, hostile runs, empty and huge ones, attacks."""

from pathlib import Path

import msgspec
import pytest

from scenarios.lab.report import REPORT_FILE, SEQUENCE_FILE, render_report, write_report
from scenarios.lab.run import (
    KEPT_FOR_OTHERS,
    Check,
    CoinLife,
    CoinStep,
    Formula,
    Learned,
    PartyCost,
    PartyView,
    RingPlace,
    Run,
    ScenarioInfo,
    VoteView,
)
from tests.lab.page_tree import by_id, classed, text_of, tree_of
from tests.lab.sample_run import attack_run, empty_run, long_run, sample_run


def sections(run: Run) -> list[str]:
    return [each.get("id", "") for each in tree_of(render_report(run)).iter("section")]


def test_the_sections_in_order_each_with_its_place_in_the_contents() -> None:
    page = tree_of(render_report(sample_run()))
    ids = [each.get("id") for each in page.iter("section")]
    assert ids == ["parties", "sequence", "coins", "checks", "cost", "again"]
    (contents,) = page.iter("nav")
    assert [a.get("href") for a in contents.iter("a")] == [f"#{name}" for name in ids]


def test_every_identifier_is_unique_and_every_link_leads_somewhere() -> None:
    for run in (sample_run(), attack_run(), long_run(3000)):
        page = tree_of(render_report(run))
        ids = [each.get("id") for each in page.iter() if each.get("id")]
        assert len(ids) == len(set(ids))
        links = {a.get("href", "") for a in page.iter("a")}
        assert links
        assert links <= {f"#{name}" for name in ids}


def test_the_verdict_says_what_happened_and_what_it_means() -> None:
    page = tree_of(render_report(sample_run()))
    (verdict,) = classed(page, "verdict")
    text = text_of(verdict)
    assert "peer-01 bought “harbour.png” from peer-03 for 3 coins" in text
    assert "35 messages · 258 KiB · 0.42 s · seed 7041 · 2026-11-22 06:14:07" in text
    assert [text_of(seal) for seal in classed(verdict, "seal")] == ["ok"]
    assert "Everything that must hold was checked" in text


@pytest.mark.parametrize("verdict", ["violated", "unknown"])
def test_another_verdict_is_sealed_as_such(verdict: str) -> None:
    run = msgspec.structs.replace(sample_run(), verdict=verdict)
    (header,) = classed(tree_of(render_report(run)), "verdict")
    assert verdict in header.get("class", "").split()
    assert [text_of(seal) for seal in classed(header, "seal")] == [verdict]


def test_guards_that_were_off_are_named_at_the_top() -> None:
    assert not list(classed(tree_of(render_report(sample_run())), "weakened"))
    run = msgspec.structs.replace(sample_run(), guards_off=["payee-is-named", "price-is-signed"])
    (line,) = classed(tree_of(render_report(run)), "weakened")
    assert text_of(line).endswith("payee-is-named, price-is-signed.")


def test_parties_that_took_part_have_cards_and_the_others_a_line() -> None:
    section = by_id(tree_of(render_report(sample_run())), "parties")
    cards = next(classed(section, "cards"))
    names = [text_of(name) for name in classed(cards, "name")]
    assert names == [
        "peer-01", "peer-03", "peer-16", "broker", "central-server", "escrow-server"
    ]  # fmt: skip
    assert "14 other parties only kept the market going" in text_of(section)


def test_who_only_kept_registers_has_no_card_but_its_count_in_the_line() -> None:
    run = sample_run()
    for party in run.parties:
        if party.name == "peer-02":
            party.after[KEPT_FOR_OTHERS] = 5
    section = by_id(tree_of(render_report(run)), "parties")
    names = [text_of(name) for name in classed(next(classed(section, "cards")), "name")]
    assert "peer-02" not in names
    assert "peer-02 (5 registers)" in text_of(section).replace("\u00a0", " ")


def test_a_card_shows_what_changed_and_what_was_learned() -> None:
    page = tree_of(render_report(sample_run()))
    buyer = next(iter(next(classed(page, "cards"))))
    rows = [[text_of(cell) for cell in row] for row in classed(buyer, "changed")]
    assert rows == [["balance", "1000", "997", "\u22123"], ["harbour.png", "–", "184 KiB", ""]]
    assert [text_of(row) for row in classed(buyer, "same")] == ["coins00"]
    learned = text_of(next(classed(buyer, "learned")))
    assert learned == "could readthe content, the key, the rating"


def test_who_plays_false_has_its_letter_in_the_circle_and_the_rest_beside_its_role() -> None:
    run = sample_run()
    run.parties[0].symbol = "U who cheats"
    run.parties[0].role = "peer"
    run.parties[0].note = "was there"
    cards = tree_of(render_report(run))
    assert "U" in [text_of(found) for found in classed(cards, "symbol")]
    assert "peer who cheats" in [text_of(found) for found in classed(cards, "role")]


def test_each_check_says_whether_it_holds_does_not_or_cannot_be_told() -> None:
    run = sample_run()
    run.checks = [Check("a", True, "x"), Check("b", False, "y"), Check("c", None)]
    rows = list(by_id(tree_of(render_report(run)), "checks").iter("li"))
    assert [row.get("class") for row in rows] == ["holds", "fails", "unknown"]
    assert [text_of(row) for row in rows] == ["holdsax", "does not holdby", "could not be toldc"]


def test_the_cost_adds_up_and_columns_of_nothing_are_left_out() -> None:
    run = sample_run()
    run.costs.parties = [
        PartyCost("a", messages_in=1, bytes_in=2048, sign=3),
        PartyCost("b", messages_in=2, bytes_in=1024, sign=10_000),
    ]
    section = by_id(tree_of(render_report(run)), "cost")
    heads = [text_of(cell) for row in section.iter("thead") for cell in row.iter("th")]
    assert heads == ["party", "messages in", "bytes in", "signed"]
    (total,) = section.iter("tfoot")
    assert [text_of(cell) for row in total for cell in row] == [
        "in all", "3", "3.0 KiB", "10 003"
    ]  # fmt: skip
    assert "0.61 s of processor time" in text_of(section)


def test_how_to_run_it_again() -> None:
    section = by_id(tree_of(render_report(sample_run())), "again")
    assert text_of(next(classed(section, "command"))) == "jangteo run escrow_purchase --seed 7041"
    assert "python3.12.4" in text_of(section)
    assert "dispute seconds120" in text_of(section)


def test_an_empty_run_has_a_verdict_and_how_to_run_it_again() -> None:
    assert sections(empty_run()) == ["again"]
    assert "Stopped before the first message." in render_report(empty_run())


@pytest.mark.parametrize(
    "field", ["parties", "events", "coins", "ring", "checks", "formulas", "versions", "settings"]
)
def test_a_run_that_lacks_something_is_still_a_page(field: str) -> None:
    run = sample_run()
    setattr(run, field, type(getattr(run, field))())
    lost = {"parties", "coins", "checks"} & {field}
    if field == "events":
        lost = {"sequence"}
    expected = ["parties", "sequence", "coins", "checks", "cost", "again"]
    assert sections(run) == [name for name in expected if name not in lost]


def test_an_attack_comes_first_and_shows_its_two_runs_side_by_side() -> None:
    page = tree_of(render_report(attack_run()))
    assert next(page.iter("section")).get("id") == "attack"
    section = by_id(page, "attack")
    left, right = next(classed(section, "sides"))
    assert [text_of(s) for s in classed(left, "seal")] == ["STOLEN"]
    assert [text_of(s) for s in classed(right, "seal")] == ["REFUSED"]
    assert "violated" in next(classed(left, "seal")).get("class", "")
    assert "ok" in next(classed(right, "seal")).get("class", "")
    assert "1 coin, peer-02 → peer-16" in text_of(left)
    assert "refused with dht/payee-is-not-you" in text_of(right)
    assert "nothing moved" in text_of(right)
    assert "guards off: payee-is-named" in text_of(left)
    assert "Expected: stolen without, refused with. As expected." in text_of(section)
    links = [arrow.get("href", "") for arrow in classed(section, "arrow")]
    assert links == [f"#{side}-{n}" for side in ("without", "with") for n in (1, 2, 3)]


def test_an_attack_that_went_another_way_says_so() -> None:
    run = attack_run()
    assert run.attack is not None
    run.attack.as_expected = False
    assert "Not as expected." in render_report(run)


def test_two_thousand_messages_fit_into_a_page_of_two_megabytes() -> None:
    page = render_report(long_run(2000))
    assert len(page.encode()) < 2_000_000
    assert "This run has 2000 messages" in page
    assert len(list(classed(tree_of(page), "message"))) == 2000


def test_a_page_stops_growing_however_long_the_run() -> None:
    page = render_report(long_run(20_000))
    assert len(page.encode()) < 2_000_000
    assert "events.jsonl has all" in page


HOSTILE = "</script></style></title><img src=x onerror=alert(1)>\u202e\x00\"'&lt;"


def hostile_run() -> Run:
    """Every text that a party may choose, and some it may not, is an attack on the page."""
    run = attack_run()
    run.scenario = ScenarioInfo(HOSTILE, HOSTILE, HOSTILE, HOSTILE, [HOSTILE])
    run.summary = run.command = run.started = HOSTILE
    run.guards_off = [HOSTILE]
    run.settings, run.versions = {HOSTILE: HOSTILE}, {HOSTILE: HOSTILE}
    run.events = [
        msgspec.structs.replace(
            event, protocol=HOSTILE, step=HOSTILE, message=HOSTILE, sender=HOSTILE,
            receiver=HOSTILE + "2", note=HOSTILE, transaction=HOSTILE,
            fields={HOSTILE: HOSTILE, "nested": {HOSTILE: [HOSTILE]}}, sealed_fields=[HOSTILE],
            outcome=HOSTILE if event.n % 2 else "ok",
        )
        for event in run.events
    ]  # fmt: skip
    run.formulas = {f"{HOSTILE} {HOSTILE}": Formula(HOSTILE, HOSTILE + "_{" + HOSTILE + "}")}
    run.parties = [
        PartyView(
            HOSTILE, HOSTILE, HOSTILE, HOSTILE, {HOSTILE: HOSTILE}, {HOSTILE: 3},
            [Learned(HOSTILE, "readable")], HOSTILE,
        )
    ]  # fmt: skip
    step = CoinStep(
        0, HOSTILE, HOSTILE, HOSTILE, HOSTILE, False, [HOSTILE], [VoteView(HOSTILE, 1)], True
    )
    run.coins = [CoinLife(HOSTILE, 1, HOSTILE, 0, [step])] * 30
    run.ring = [RingPlace(HOSTILE, HOSTILE), RingPlace(HOSTILE + "2", "ff")]
    run.checks = [Check(HOSTILE, None, HOSTILE)]
    run.costs.parties = [PartyCost(HOSTILE, messages_in=1)]
    assert run.attack is not None
    run.attack.row = run.attack.title = run.attack.sentence = run.attack.expected = HOSTILE
    for side in (run.attack.without, run.attack.guarded):
        side.word = side.summary = side.refusal = HOSTILE
        side.moved = side.guards_off = [HOSTILE]
    return run


def test_nothing_that_came_with_a_run_becomes_markup() -> None:
    tame, hostile = tree_of(render_report(attack_run())), tree_of(render_report(hostile_run()))
    assert {each.tag for each in hostile.iter()} <= {each.tag for each in tame.iter()}
    assert len(list(hostile.iter("script"))) == len(list(hostile.iter("style"))) == 1
    for each in hostile.iter():
        assert not [name for name in each.attrib if name.startswith("on") or name == "style"]
        assert not each.get("href", "#").startswith("javascript")


def test_no_text_turns_its_neighbours_round() -> None:
    page = render_report(hostile_run())
    assert not set(page) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\x00")
    assert "\ufffd" in page


def test_the_report_and_the_diagram_are_written_into_the_runs_folder(tmp_path: Path) -> None:
    path = write_report(tmp_path, sample_run())
    assert path == tmp_path / REPORT_FILE
    assert path.read_text() == render_report(sample_run())
    assert (tmp_path / SEQUENCE_FILE).read_text().startswith("sequenceDiagram\n")
    assert {file.name for file in tmp_path.iterdir()} == {REPORT_FILE, SEQUENCE_FILE}


def test_the_same_run_gives_the_same_page() -> None:
    assert render_report(sample_run()) == render_report(sample_run())
