"""How the two runs of an attack are judged: what it says of money must stand in the ledgers."""

import pytest

from scenarios.lab.acting import Act, Came, Harm, Stopped
from scenarios.lab.attack import Attack, attack
from scenarios.lab.attack_grid import render_grid
from scenarios.lab.attacking import ORDER, Judged, Played, judge
from scenarios.lab.run import Check, Run, ScenarioInfo
from scenarios.lab.worth import COINS

CODE = "dht_micropayment/payer-does-not-hold-the-coin"
STOLEN = Harm("victim", 1, COINS, "thief", "")
MOVED = {("victim", COINS): -1, ("thief", COINS): 1}
REFUSED = Stopped(CODE, "payee", 2)
FINE = (Check("value conserved", True), Check(ORDER, False, "a cheat keeps no order"))


@attack(
    "DC-A2",
    title="A stranger spends",
    protocols=("dht_micropayment",),
    guards=("payer-holds-the-coin",),
    word="STOLEN",
    leaves={"every transaction reached its end": "the cheat's never does"},
)
async def stolen(act: Act) -> None:
    """Somebody spends what is not his."""


def played(came: Came, checks: tuple[Check, ...] = FINE) -> Played:
    info = ScenarioInfo("stolen", "A stranger spends", protocols=["dht_micropayment"])
    run = Run(info, "ok", "", 1, "", "2026-01-01T00:00:00Z", 1.0, checks=list(checks))
    return Played(came, run)


def succeeded() -> Played:
    return played(Came(harms=[STOLEN], changes=dict(MOVED)))


def refused(*checks: Check) -> Played:
    return played(Came(refusals=[REFUSED]), checks or FINE)


def trouble(without: Played, guarded: Played, of: Attack = stolen) -> str:
    return judge(of, without, guarded).grid.trouble


def test_stolen_without_and_refused_with_is_as_expected() -> None:
    judged = judge(stolen, succeeded(), refused())
    assert judged.grid.as_expected
    assert judged.run.verdict == "ok"
    assert (judged.grid.without, judged.grid.guarded) == ("STOLEN", "REFUSED")
    assert judged.grid.refusal == judged.grid.detected_how == CODE
    assert (judged.grid.messages, judged.grid.detected_by) == (2, "payee")
    assert judged.grid.loss == "1 coin, victim -> thief"


def test_an_attack_that_does_nothing_without_its_guard_shows_no_need_of_it() -> None:
    assert "it succeeds without its guards" in trouble(played(Came()), refused())


@pytest.mark.parametrize(
    "changes", [{}, {("victim", COINS): -1}, {("victim", COINS): -2, ("thief", COINS): 1}]
)
def test_what_an_attack_says_of_money_is_held_against_the_ledgers(
    changes: dict[tuple[str, str], int],
) -> None:
    lied = played(Came(harms=[STOLEN], changes=changes))
    assert "the ledgers show it" in trouble(lied, refused())


def test_a_loss_of_something_else_is_the_attacks_own_evidence() -> None:
    read = Harm("victim", 1, "song", "thief", "it was heard")
    assert trouble(played(Came(harms=[read])), refused()) == ""


def test_the_wrong_refusal_is_none() -> None:
    other = played(Came(refusals=[Stopped("message/malformed", "payee", 1)]))
    assert f"it is refused with {CODE}" in trouble(succeeded(), other)


def test_nothing_may_move_where_it_was_refused() -> None:
    moved = played(Came(refusals=[REFUSED], changes={("thief", COINS): 1}))
    assert "nothing moved" in trouble(succeeded(), moved)


def test_an_honest_trade_beside_it_may_move_what_it_should() -> None:
    came = Came(refusals=[REFUSED], changes=dict(MOVED), fair=dict(MOVED))
    assert trouble(succeeded(), played(came)) == ""


def test_an_honest_trade_that_did_not_happen_is_seen() -> None:
    came = Came(refusals=[REFUSED], fair=dict(MOVED))
    assert "nothing moved" in trouble(succeeded(), played(came))


def test_what_the_auditor_finds_with_every_guard_on_counts() -> None:
    broken = refused(Check("value conserved", False, "one too many"))
    assert "value conserved: one too many" in trouble(succeeded(), broken)


def test_what_an_attack_says_it_leaves_is_left() -> None:
    assert trouble(succeeded(), refused(Check("every transaction reached its end", None))) == ""


def test_what_an_open_attack_wanted_to_hold_counts() -> None:
    opened = attack("DC-A2", title="", protocols=("dht_micropayment",), kind="open")(stolen.play)
    own = (Check("it was one coin", False, "2"),)
    judged = judge(opened, None, Played(succeeded().came, succeeded().run, own))
    assert "it was one coin: 2" in judged.grid.trouble


def test_a_run_that_broke_off_shows_nothing() -> None:
    ended = Check("the scenario ran to its end", None, "it broke off")
    assert "it broke off" in trouble(played(Came(harms=[STOLEN]), (ended,)), refused())
    assert "it broke off" in trouble(succeeded(), played(Came(refusals=[REFUSED]), (ended,)))


def test_an_attack_with_guards_is_guarded_and_one_without_is_not() -> None:
    with pytest.raises(TypeError, match="a guarded attack names its guards"):
        attack("DC-A9", title="", protocols=("dht_micropayment",))
    with pytest.raises(TypeError, match="what refuses it"):
        attack("DC-A9", title="", protocols=("dht_micropayment",), kind="inherent")


def test_the_grid_marks_what_is_not_as_expected() -> None:
    judged: list[Judged] = [
        judge(stolen, succeeded(), refused()),
        judge(stolen, refused(), refused()),
    ]
    page = render_grid([one.grid for one in judged], [])
    assert page.count('class="wrong"') == 1
    assert "1 not as expected" in page
