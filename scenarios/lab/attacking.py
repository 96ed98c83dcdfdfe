"""Runs an attack: once as the paper leaves it, once with every guard on; and judges the two."""

import secrets
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

import msgspec

from scenarios.lab.acting import Act, Came, Harm
from scenarios.lab.attack import Attack
from scenarios.lab.live import LiveRun
from scenarios.lab.narrator import Narrator, Silent
from scenarios.lab.run import AttackSide, AttackView, Check, Run
from scenarios.lab.running import SEEDS, play_in
from scenarios.lab.world import World
from scenarios.lab.worth import ACCOUNT, BANK, CASH, COINS, ITEMS, PREPAID

SETTLE_SECONDS = 8.0
BROKEN_SETTLE_SECONDS = 0.5
"""Where the attack is to succeed, the auditor has nothing to wait for."""
UNITS = frozenset({ACCOUNT, COINS, BANK, CASH, PREPAID, ITEMS})
"""Those held against the ledgers."""
Start = Callable[..., AbstractAsyncContextManager[World]]
REFUSED = "REFUSED"
ORDER = "steps in the paper's order"


class GridRow(msgspec.Struct, frozen=True):
    """One line of the grid of all attacks."""

    row: str
    name: str
    kind: str
    guards: tuple[str, ...]
    without: str
    """What came of it with its guards off; empty where it has none."""
    guarded: str
    refusal: str
    """The code it was refused with."""
    detected_by: str
    detected_how: str
    messages: int | None
    """How many messages the cheats had sent when they were stopped or found out."""
    loss: str
    as_expected: bool
    trouble: str = ""
    """What was not as expected."""


@dataclass(frozen=True)
class Played:
    """One of the two runs."""

    came: Came
    run: Run
    own: tuple[Check, ...] = ()
    """What the attack itself wanted to hold."""

    @property
    def broken_off(self) -> str:
        """Why it did not come to its end; empty if it did."""
        first = self.run.checks[0] if self.run.checks else None
        is_end = first is not None and first.name == "the scenario ran to its end"
        return first.detail if first is not None and is_end else ""


@dataclass(frozen=True)
class Judged:
    attack: Attack
    run: Run
    grid: GridRow


async def run_attack(
    attack: Attack,
    seed: int | None = None,
    narrator: Narrator | None = None,
    on_side: Callable[[str], None] = lambda side: None,
    start: Start = World.start_temporary,
) -> Judged:
    """Each of its runs in a world of its own, which `start` starts; between processes as a rule.

    Raises LabFailure where a world could not be started.
    """
    seed = secrets.randbelow(SEEDS) if seed is None else seed
    narrator = narrator or Silent()
    without = None
    if attack.kind == "guarded":
        on_side(f"without {', '.join(attack.guards)}")
        without = await _side(attack, seed, narrator, start, guarded=False)
    on_side("with every guard")
    guarded = await _side(attack, seed, narrator, start, guarded=True)
    return judge(attack, without, guarded)


async def _side(
    attack: Attack, seed: int, narrator: Narrator, start: Start, *, guarded: bool
) -> Played:
    acts: list[Act] = []

    async def play(live: LiveRun, **_: Any) -> None:
        act = Act(live, guarded=guarded, cheats=attack.programs)
        acts.append(act)
        await attack.play(act)
        await act.finish()

    scenario = attack.as_scenario(play, guarded=guarded)
    async with start(
        peers=scenario.peers,
        settings=scenario.settings,
        without=scenario.without,
        programs=scenario.programs,
        protocols=scenario.protocols,
    ) as world:
        harmless = guarded and attack.kind != "open"
        settle = SETTLE_SECONDS if harmless else BROKEN_SETTLE_SECONDS
        try:
            run, interrupted = await play_in(world, scenario, {}, narrator, seed, settle)
        finally:
            for act in acts:
                await act.close()
        if interrupted:
            raise KeyboardInterrupt
    run.command = f"jangteo attack {attack.name.replace('_', '-')} --seed {seed}"
    return Played(acts[0].came, run, tuple(acts[0].live.checks))


# the judging


def judge(attack: Attack, without: Played | None, guarded: Played) -> Judged:
    checks = []
    if without is not None:
        checks += _succeeds("without its guards", attack, without)
    if attack.kind == "open":
        checks += _succeeds("whatever is on", attack, guarded)
    else:
        checks += _is_refused(attack, guarded)
    wrong = [check for check in checks if not check.holds]
    run = guarded.run
    run.checks = [*checks, *_audited(attack, guarded)]
    run.verdict = "ok" if not any(check.holds is False for check in run.checks) else "violated"
    if any(check.holds is None for check in run.checks) and run.verdict == "ok":
        run.verdict = "unknown"
    as_expected = run.verdict == "ok"
    run.attack = _view(attack, without, guarded, as_expected)
    run.summary = _sentence(run.attack)
    trouble = "; ".join(f"{check.name}: {check.detail}" for check in wrong or run.checks
                        if check.holds is not True)  # fmt: skip
    return Judged(attack, run, _grid(attack, without, guarded, as_expected, trouble))


def _succeeds(when: str, attack: Attack, played: Played) -> list[Check]:
    came = played.came
    if played.broken_off:
        return [Check(f"it succeeds {when}", False, played.broken_off)]
    word = ", ".join(map(_told, came.harms))
    stopped = ", ".join(f"{one.by}: {one.code}" for one in came.refusals)
    checks = [Check(f"it succeeds {when}", bool(came.harms), word or f"no harm; {stopped}")]
    for harm in came.harms:
        if harm.unit in UNITS:
            checks += _shown(harm, came)
    return checks


def _shown(harm: Harm, came: Came) -> list[Check]:
    """The ledgers say the same of a loss of money, and of who has it."""
    checks = []
    for party, amount in ((harm.victim, -harm.amount), (harm.gained_by, harm.amount)):
        if party:
            changed = came.changes.get((party, harm.unit), 0)
            changed -= came.fair.get((party, harm.unit), 0)
            others = sum(_part(other, party, harm.unit) for other in came.harms if other != harm)
            name = f"the ledgers show it: {party}, {harm.unit}"
            checks.append(Check(name, changed == amount + others, f"{changed:+d}"))
    return checks


def _part(harm: Harm, party: str, unit: str) -> int:
    if harm.unit != unit:
        return 0
    return harm.amount * ((party == harm.gained_by) - (party == harm.victim))


def _is_refused(attack: Attack, played: Played) -> list[Check]:
    came = played.came
    if played.broken_off:
        return [Check("it is refused with every guard on", False, played.broken_off)]
    codes = [one.code for one in came.refusals]
    told = ", ".join(f"{one.by}: {one.code}" for one in came.refusals) or "nobody refused it"
    wanted = any(code in attack.codes for code in codes)
    moved = {key: n - came.fair.get(key, 0) for key, n in came.changes.items()}
    moved |= {key: -n for key, n in came.fair.items() if key not in came.changes}
    lines = [f"{party} {n:+d} {unit}" for (party, unit), n in moved.items() if n]
    harms = ", ".join(map(_told, came.harms))
    return [
        Check(f"it is refused with {' or '.join(attack.codes)}", wanted, told),
        Check("nobody is harmed", not came.harms, harms),
        Check("nothing moved", not lines, ", ".join(lines)),
    ]


def _audited(attack: Attack, played: Played) -> list[Check]:
    """What the auditor and the attack's own checks say of the guarded run.

    A cheat takes its steps in whatever order it likes.
    """
    if attack.kind == "open":
        return list(played.own)
    own = ("the scenario ran to its end", ORDER)
    checks = [check for check in played.run.checks if check.name not in own]
    return [
        Check(check.name, True, f"left: {attack.leaves[check.name]}")
        if check.holds is not True and check.name in attack.leaves
        else check
        for check in checks
    ]


def _view(attack: Attack, without: Played | None, guarded: Played, as_expected: bool) -> AttackView:
    first = _attack_side(attack, without, attack.guards) if without else None
    second = _attack_side(attack, guarded, ())
    return AttackView(
        row=attack.row,
        title=attack.title,
        sentence=attack.sentence,
        kind=attack.kind,
        without=first,
        guarded=second,
        expected=attack.expected,
        as_expected=as_expected,
    )


def _attack_side(attack: Attack, played: Played, off: Sequence[str]) -> AttackSide:
    came = played.came
    refusal = next((one.code for one in came.refusals if one.code in attack.codes), "")
    refusal = refusal or (came.refusals[0].code if came.refusals else "")
    moved = [f"{party}: {n:+d} {unit}" for (party, unit), n in came.changes.items()]
    harms = [_told(harm) for harm in came.harms]
    word = attack.word if harms else REFUSED if refusal else "NOTHING CAME OF IT"
    return AttackSide(
        guards_off=list(off),
        word=word,
        harmed=bool(harms),
        summary="; ".join(harms),
        refusal="" if harms else refusal,
        moved=moved,
        events=played.run.events,
    )


def _told(harm: Harm) -> str:
    to = f", {harm.victim} -> {harm.gained_by}" if harm.gained_by else f", {harm.victim}"
    says = f" ({harm.sentence})" if harm.sentence else ""
    unit = harm.unit.removesuffix("s") if harm.amount == 1 else harm.unit
    return f"{harm.amount} {unit}{to}{says}"


def _sentence(view: AttackView) -> str:
    guarded = view.guarded.word.lower()
    if view.guarded.refusal:
        guarded += f" with {view.guarded.refusal}"
    if view.without is None:
        return f"{view.row}, {view.title.lower()}: {guarded}. {view.guarded.summary}".strip()
    return f"{view.row}, {view.title.lower()}: {view.without.word.lower()} without, {guarded}."


def _grid(
    attack: Attack, without: Played | None, guarded: Played, as_expected: bool, trouble: str
) -> GridRow:
    harmed = without or guarded
    came = guarded.came
    known = [one for one in came.refusals if one.code in attack.codes]
    stopped = next(iter([*came.detections, *known, *came.refusals]), None)
    return GridRow(
        row=attack.row,
        name=attack.name,
        kind=attack.kind,
        guards=attack.guards,
        without=_cell(attack, without) if without else "",
        guarded=_cell(attack, guarded),
        refusal=_attack_side(attack, guarded, ()).refusal,
        detected_by=stopped.by if stopped else "nobody",
        detected_how=stopped.code if stopped else "",
        messages=stopped.messages if stopped else None,
        loss="; ".join(map(_told, harmed.came.harms)),
        as_expected=as_expected,
        trouble="" if as_expected else trouble,
    )


def _cell(attack: Attack, played: Played) -> str:
    return _attack_side(attack, played, ()).word
