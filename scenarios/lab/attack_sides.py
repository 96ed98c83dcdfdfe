"""An attack as two runs side by side: what came of it without its guard, and with it."""

from scenarios.lab.markup import Markup, tag
from scenarios.lab.message_list import message_list
from scenarios.lab.run import AttackSide, AttackView, Run
from scenarios.lab.sequence import draw_sequence

SIDE_WIDTH = 540
"""Pixels for the drawing of one side."""


def attack_section(attack: AttackView, run: Run) -> Markup:
    """What the attack is, its two runs, and whether they ended as expected."""
    sides = [("With the guard", attack.guarded, "with")]
    if attack.without is None:
        sides = [("Whatever is on", attack.guarded, "with")]
    else:
        sides.insert(0, ("Without the guard", attack.without, "without"))
    end = None
    if attack.expected:
        as_expected = {True: "as expected", False: "not as expected", None: "not judged"}
        end = tag(
            "p", f"Expected: {attack.expected}. {as_expected[attack.as_expected].capitalize()}."
        )
    return tag(
        "div",
        tag("h3", tag("span", attack.row, class_="step"), attack.title),
        tag("p", attack.sentence),
        tag("div", [_side(*side, run) for side in sides], class_="sides"),
        end,
        class_="attack",
    )


def _side(label: str, side: AttackSide, anchor: str, run: Run) -> Markup:
    off = ", ".join(side.guards_off) or "none"
    return tag(
        "div",
        tag("h4", label),
        tag("p", tag("span", side.word, class_=f"seal {'violated' if side.harmed else 'ok'}")),
        tag("p", side.summary) if side.summary else None,
        tag("p", "refused with ", tag("code", side.refusal)) if side.refusal else None,
        tag("ul", [tag("li", line) for line in side.moved] or tag("li", "nothing moved")),
        tag("p", f"guards off: {off}", class_="small"),
        tag(
            "div",
            draw_sequence(side.events, run.parties, anchor, SIDE_WIDTH),
            class_="frame",
            tabindex="0",
            role="region",
            aria_label=f"{label}: drawing of the messages; it scrolls",
        )
        if side.events
        else None,
        message_list(side.events, run.formulas, anchor) if side.events else None,
    )
