"""The table of who learns what: from planted views to words and a page; and what is declared."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

from scenarios.lab import facts
from scenarios.lab.facts import Cast, Claim, Fact, Measurement, NoSuchMeasurement, Role, by_turns
from scenarios.lab.linking import How, Tie
from scenarios.lab.node_client import Node
from scenarios.lab.privacy import Measured, judge
from scenarios.lab.privacy_page import render_privacy
from scenarios.lab.privacy_words import as_plain, cell, claims, wrong
from scenarios.lab.world import World
from tests.lab.commands import jangteo
from tests.lab.page_tree import text_of, tree_of
from tests.lab.planted import Planted, fresh, parties

DECLARED = [one for name in facts.protocols() for one in facts.find(name)]


class _Named:
    """As much of a node as a cast is asked for."""

    def __init__(self, name: str) -> None:
        self.name = name


async def _not_played(world: World) -> Sequence[Cast]:
    raise AssertionError("the views are planted")


PAYER = Fact("payer", "who pays", derivable=("B+M",), claims=(Claim("B", False, "1"),))
TABLE = Measurement(
    name="planted",
    protocol="planted",
    title="Planted views",
    roles=(Role("C", "pays", insider=True), Role("B", "a bank"), Role("M", "a merchant")),
    facts=(PAYER,),
    play=_not_played,
    peers=5,
    servers_of=(),
)


def planted(*, shared: bool = False, same_for_both: bool = False, silent: bool = False) -> Measured:
    """Two customers withdraw and pay. `shared`: both things bear one value."""
    world: Planted = parties(("one", "two", "bank", "merchant"))
    casts, all_alike = [], fresh()
    for customer in ("one", "two"):
        nonce = all_alike if same_for_both else fresh()
        leak = {"nonce": nonce} if shared else {}
        world.said("bank", {"nonce": nonce}, sender=customer)
        payment = world.said("merchant", {"reference": fresh()} | leak)
        if not silent:
            world.said(customer, {"receipt": fresh()}, sender="", transaction=payment)
        casts.append(_cast(customer, Tie.of(world.ids[customer], payment)))
    return judge(TABLE, casts, world.seen())


def _cast(customer: str, tie: Tie) -> Cast:
    nodes = {"C": customer, "B": "bank", "M": "merchant"}
    named = {symbol: cast(Node, _Named(name)) for symbol, name in nodes.items()}
    return Cast(named, ("C",), {"payer": tie})


# judging


def test_a_leak_is_found_where_it_is_planted_and_only_there() -> None:
    measured = planted(shared=True)
    assert measured.how["payer"] == {
        ("C",): How.READABLE,
        ("B",): How.NEVER,
        ("M",): How.NEVER,
        ("B", "M"): How.DERIVABLE,
    }
    assert measured.smallest(PAYER) == {How.DERIVABLE: {("B", "M")}}
    assert measured.as_expected


def test_less_than_expected_is_not_as_expected() -> None:
    measured = planted()
    assert measured.how["payer"]["B", "M"] is How.NEVER
    assert not measured.as_expected
    assert list(wrong(measured)) == ["payer: nobody; expected: derivable to B+M"]
    assert cell(measured, PAYER, ("B", "M")) == "never!"


def test_more_than_expected_is_not_as_expected() -> None:
    closed = replace(PAYER, derivable=())
    measured = replace(planted(shared=True), of=replace(TABLE, facts=(closed,)))
    assert not measured.as_expected
    assert cell(measured, closed, ("B", "M")) == "derivable!"


def test_a_value_that_both_customers_have_seen_joins_neither() -> None:
    measured = planted(shared=True, same_for_both=True)
    assert measured.how["payer"]["B", "M"] is How.NEVER
    assert measured.confusions == ()


def test_joining_strangers_is_no_knowledge_and_is_told() -> None:
    """The servers' own number stands in everything, and no customer ever saw it."""
    world: Planted = parties(("one", "two", "bank", "merchant"))
    number, casts = fresh(), []
    for customer in ("one", "two"):
        world.said("bank", {"about": customer, "batch": number})
        payment = world.said("merchant", {"batch": number})
        world.said(customer, {}, transaction=payment)
        casts.append(_cast(customer, Tie.of(world.ids[customer], payment)))
    measured = judge(TABLE, casts, world.seen())
    assert [(one.fact, one.coalition) for one in measured.confusions] == [("payer", ("B", "M"))]
    assert not measured.as_expected


def test_what_not_even_the_payer_could_read_proves_nothing() -> None:
    measured = planted(shared=True, silent=True)
    assert measured.unseen == ("payer",)
    assert not measured.as_expected


def test_a_claim_that_is_not_borne_out_is_marked_and_kept() -> None:
    claimed = replace(PAYER, claims=(Claim("B+M", False, "9"), Claim("B", False, "1")))
    measured = replace(planted(shared=True), of=replace(TABLE, facts=(claimed,)))
    assert [holds for _, _, holds in claims(measured)] == [False, True]
    assert cell(measured, claimed, ("B", "M")) == "derivable*"
    assert cell(measured, claimed, ("B",)) == "never"
    assert measured.as_expected, "the measurement stands, and the paper is contradicted"


@pytest.mark.asyncio
async def test_acts_are_played_by_turns_to_the_end_of_all() -> None:
    said: list[str] = []

    async def act(name: str, parts: int) -> Any:
        for part in range(parts):
            said.append(f"{name}{part}")
            yield

    await by_turns(act("a", 1), act("b", 3))
    assert said == ["a0", "b0", "b1", "b2"]


# telling


def test_the_page_holds_every_cell_and_nothing_from_outside() -> None:
    measured = planted(shared=True)
    page = render_privacy("planted", [measured])
    text = text_of(tree_of(page))
    for piece in (
        "B+M",
        "derivable",
        "who pays",
        "section 1: B cannot know who pays",
        "As expected",
    ):
        assert piece in text
    assert "http://" not in page
    assert "https://" not in page


def test_programs_get_every_coalition_and_what_was_expected() -> None:
    told = as_plain(planted(shared=True))
    (fact,) = told["facts"]
    assert fact["how"] == {"C": "readable", "B": "never", "M": "never", "B+M": "derivable"}
    assert fact["smallest"] == fact["expected"] == {"derivable": ["B+M"]}
    assert fact["claims"] == [{"coalition": "B", "can": False, "section": "1", "holds": True}]


def test_the_command_lists_what_can_be_measured() -> None:
    listed = jangteo("privacy", "--json")
    assert {row["protocol"] for row in listed.json} == set(facts.protocols())
    assert jangteo("privacy").out.count("\n") >= len(facts.protocols())


def test_the_command_names_the_protocol_that_was_meant() -> None:
    failed = jangteo("privacy", "electronic_cahs")
    assert failed.code == 3
    assert "electronic_cash" in failed.err
    with pytest.raises(NoSuchMeasurement):
        facts.find("nothing")


# what is declared


@pytest.mark.parametrize("measurement", DECLARED, ids=lambda one: one.name)
def test_every_coalition_that_is_named_is_measured(measurement: Measurement) -> None:
    measured = set(measurement.coalitions())
    for fact in measurement.facts:
        expected = {one for ones in fact.expected().values() for one in ones}
        claimed = {facts.parts(claim.coalition) for claim in fact.claims}
        assert expected | claimed <= measured, fact.name


@pytest.mark.parametrize("measurement", DECLARED, ids=lambda one: one.name)
def test_names_of_facts_and_parties_are_given_once(measurement: Measurement) -> None:
    for names in ([fact.name for fact in measurement.facts], [r.symbol for r in measurement.roles]):
        assert len(names) == len(set(names))
