"""Who took part: each party a card with what it held before and after, and what it learned."""

from scenarios.lab import wording
from scenarios.lab.markup import Markup, join, tag
from scenarios.lab.run import KEPT_FOR_OTHERS, PartyView, Run
from scenarios.lab.sequence import ends


def parties_section(run: Run) -> Markup | None:
    """Cards for parties that spoke, learned or gained; a line for the others; None without any."""
    if not run.parties:
        return None
    speaking = {name for event in run.events for name in ends(event)}
    near = [party for party in run.parties if party.name in speaking or _took_part(party)]
    near.sort(key=lambda party: (party.name not in speaking, party.role != "peer"))
    far = [party for party in run.parties if party not in near]
    return join(
        tag("ul", [tag("li", _card(party)) for party in near], class_="cards"),
        _others(far) if far else None,
        tag(
            "p",
            "What a party learned is judged by what the messages held. Network addresses are "
            "outside this judgement.",
            class_="small",
        ),
    )


def _took_part(party: PartyView) -> bool:
    """It read something, or gained or lost; keeping registers for others is neither."""
    held = [{**side, KEPT_FOR_OTHERS: 0} for side in (party.before, party.after)]
    could_read = any(item.how == "readable" for item in party.learned)
    return bool(could_read or party.note or held[0] != held[1])


def _others(parties: list[PartyView]) -> Markup:
    """Folded to a line: whoever only kept the market going, and how many registers each kept."""
    count = wording.count(len(parties), "other party", "other parties")
    names = [
        f"{party.name} ({wording.count(kept, 'register')})"
        if isinstance(kept := party.after.get(KEPT_FOR_OTHERS), int)
        else party.name
        for party in parties
    ]
    return tag(
        "details",
        tag("summary", f"{count} only kept the market going"),
        tag("p", ", ".join(names)),
    )


def _card(party: PartyView) -> Markup:
    letter, _, who = party.symbol.partition(" ")  # as in: U who cheats
    return join(
        tag(
            "h3",
            tag("span", wording.formula(letter), class_="symbol") if letter else None,
            tag("span", party.name, class_="name"),
            tag("span", " ".join([wording.words(party.role), who]).strip(), class_="role"),
        ),
        tag("p", party.note) if party.note else None,
        _before_and_after(party),
        _learned(party),
        tag("p", tag("code", wording.short(party.id, 16)), title=party.id, class_="id")
        if party.id
        else None,
    )


def _before_and_after(party: PartyView) -> Markup | None:
    names = dict.fromkeys([*party.before, *party.after])
    if not names:
        return None
    rows = []
    for name in names:
        old, new = party.before.get(name, "–"), party.after.get(name, "–")
        rows.append(
            tag(
                "tr",
                tag("th", name, scope="row"),
                tag("td", str(old)),
                tag("td", str(new)),
                tag("td", _difference(old, new)),
                class_="changed" if old != new else "same",
            )
        )
    heads = [tag("th", name, scope="col") for name in ("", "before", "after", "change")]
    return tag("table", tag("thead", tag("tr", heads)), tag("tbody", rows), class_="holdings")


def _difference(old: int | str, new: int | str) -> str:
    if isinstance(old, int) and isinstance(new, int) and old != new:
        return f"{new - old:+d}".replace("-", "\u2212")
    return ""


def _learned(party: PartyView) -> Markup | None:
    rows = []
    for how, label in (
        ("readable", "could read"),
        ("sealed only", "saw only sealed"),
        ("never", "never saw"),
    ):
        whats = [item.what for item in party.learned if item.how == how]
        if whats:
            body = tag("dd", ", ".join(whats), class_=how.replace(" ", "-"))
            rows.append(tag("div", tag("dt", label), body))
    return tag("dl", rows, class_="learned") if rows else None
