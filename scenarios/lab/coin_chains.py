"""Each coin's life as a chain of registers, and the ring they lie on."""

from collections.abc import Sequence

import msgspec

from scenarios.lab import wording
from scenarios.lab.markup import Markup, join, tag
from scenarios.lab.ring import draw_large_ring, draw_small_ring, key_place
from scenarios.lab.run import CoinLife, CoinStep, RingPlace

OPEN_COINS = 3
"""Coins whose chain is open at once; the others are folded to a line."""
DRAWN_COINS = 24
"""Coins whose chain is drawn at all; the others are rows of a table."""
TABLED_COINS = 500
"""Rows of that table."""

STRIP_WIDTH = 190
LEGEND = (("voted", "replica that voted"), ("silent", "replica, no vote seen"), ("key", "key"))


def coins_section(coins: Sequence[CoinLife], ring: Sequence[RingPlace]) -> Markup:
    steps = [step for coin in coins for step in coin.steps]
    chains = [
        _coin(coin, ring, is_open=i < OPEN_COINS) for i, coin in enumerate(coins[:DRAWN_COINS])
    ]
    table = _table(coins[DRAWN_COINS:]) if len(coins) > DRAWN_COINS else None
    aside = _ring_aside(ring, coins[0], steps[0]) if ring and steps and coins[0].steps else None
    return tag("div", tag("div", chains, table, class_="chains"), aside, class_="coins")


def _ring_aside(ring: Sequence[RingPlace], coin: CoinLife, step: CoinStep) -> Markup:
    return tag(
        "figure",
        draw_large_ring(ring, step),
        tag(
            "figcaption",
            tag("p", _name(coin, step), id="ring-says", aria_live="polite"),
            tag(
                "p",
                [
                    (tag("span", tag("span", class_=f"dot {kind}"), label), " ")
                    for kind, label in LEGEND
                ],
                class_="legend",
            ),
            tag(
                "p",
                "A place is a 160-bit identifier read as a full turn from the top. Near means "
                "near by exclusive or, so the holders need not be neighbours on the circle.",
                class_="small",
            ),
        ),
        class_="ring-aside",
        id="ring",
    )


def _name(coin: CoinLife, step: CoinStep) -> str:
    return (
        f"Coin {coin.serial}, register {step.index}: {len(step.votes)} of "
        f"{len(step.replicas)} votes, key {wording.short(step.key)}"
    )


def _coin(coin: CoinLife, ring: Sequence[RingPlace], is_open: bool) -> Markup:
    return tag(
        "details",
        tag("summary", tag("span", f"Coin {coin.serial}", class_="name"), " ", _life(coin)),
        tag(
            "p",
            "issued to ",
            coin.owner,
            f", generation {coin.generation}, ",
            tag("code", coin.cid),
            class_="small",
        ),
        tag("ol", [tag("li", _step(coin, step, ring)) for step in coin.steps], class_="chain"),
        tag("details", tag("summary", "Keys and votes in figures"), _votes(coin), class_="votes"),
        class_="coin",
        open=is_open,
    )


def _life(coin: CoinLife) -> Markup:
    """Whose the coin was, in order, and what is open about it."""
    holders = [step.payee for step in coin.steps if step.certified]
    tail = "".join(f" · {_standing(step)}" for step in coin.steps if not step.certified)
    return tag("span", " → ".join(holders) or "never held", tail, class_="life")


def _standing(step: CoinStep) -> str:
    if step.conflict:
        return "conflict"
    return "certified" if step.certified else "pending"


def _step(coin: CoinLife, step: CoinStep, ring: Sequence[RingPlace]) -> Markup:
    return tag(
        "button",
        tag(
            "span",
            tag("span", str(step.index), class_="step"),
            tag("span", step.kind, class_="kind"),
            tag("span", _standing(step), class_=f"standing {_standing(step)}"),
            class_="line",
        ),
        tag("span", step.payer, " → ", tag("strong", step.payee), class_="line"),
        draw_small_ring(ring, step) if ring else None,
        tag("code", "key ", wording.short(step.key, 12)),
        _strip(step),
        type="button",
        class_="register",
        data_key=key_place(step),
        data_replicas=msgspec.json.encode(step.replicas).decode(),
        data_voters=msgspec.json.encode([vote.voter for vote in step.votes]).decode(),
        data_says=_name(coin, step),
    )


def _strip(step: CoinStep) -> Markup:
    """When the votes came, left to right."""
    if not step.votes:
        return tag("span", "no votes", class_="small")
    times = sorted(vote.time_ms for vote in step.votes)
    first, last = times[0], times[-1]
    scale = (STRIP_WIDTH - 12) / max(last - first, 1)
    marks = [tag("circle", cx=6 + (time - first) * scale, cy=8, r=3.4) for time in times]
    return join(
        tag(
            "svg",
            tag("line", x1=0, x2=STRIP_WIDTH, y1=8, y2=8),
            *marks,
            xmlns="http://www.w3.org/2000/svg",
            width=STRIP_WIDTH,
            height=16,
            viewbox=f"0 0 {STRIP_WIDTH} 16",
            class_="arrivals",
            aria_hidden="true",
        ),
        tag(
            "span",
            f"{len(times)} of {len(step.replicas)} votes, ",
            f"{wording.moment(first)} to {wording.moment(last)}",
            class_="small",
        ),
    )


def _votes(coin: CoinLife) -> Markup:
    rows = [
        tag(
            "tr",
            tag("th", str(step.index), scope="row"),
            tag("td", tag("code", step.key)),
            tag("td", ", ".join(step.replicas)),
            tag("td", ", ".join(f"{v.voter} {wording.moment(v.time_ms)}" for v in step.votes)),
        )
        for step in coin.steps
    ]
    heads = [tag("th", name, scope="col") for name in ("register", "key", "replicas", "votes")]
    return _scrolled(tag("table", tag("thead", tag("tr", heads)), tag("tbody", rows)))


def _table(coins: Sequence[CoinLife]) -> Markup:
    """Coins past those that are drawn, a row each."""
    rows = [
        tag(
            "tr",
            tag("th", str(coin.serial), scope="row"),
            tag("td", tag("code", wording.short(coin.cid, 16))),
            tag("td", str(len(coin.steps)), class_="figure"),
            tag("td", _life(coin)),
        )
        for coin in coins[:TABLED_COINS]
    ]
    heads = [tag("th", name, scope="col") for name in ("coin", "identity", "registers", "holders")]
    left_out = len(coins) - len(rows)
    return tag(
        "details",
        tag("summary", f"{wording.count(len(coins), 'more coin')} in a table"),
        _scrolled(tag("table", tag("thead", tag("tr", heads)), tag("tbody", rows))),
        tag("p", f"{wording.count(left_out, 'coin')} not listed.", class_="cut")
        if left_out
        else None,
        class_="coin",
    )


def _scrolled(table: Markup) -> Markup:
    return tag("div", table, class_="scroll", tabindex="0")
