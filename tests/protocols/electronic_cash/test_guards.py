"""Every row of the attacks is a guard, refused both ways, or open; codes and names are unique."""

import nodes.protocols.electronic_cash.guards as rules
from nodes.protocols.electronic_cash import refusals
from nodes.protocols.errors import Refused
from nodes.protocols.guard import Guard, declared_guards

GUARDED = {1, 2, 4, 5, 9, 10, 15, 17, 19}
INHERENT = {3, 6, 7, 8, 13, 16, 18}
OPEN = {11, 12, 14}


def own_guards() -> dict[str, Guard[...]]:
    mine = {g for g in vars(rules).values() if isinstance(g, Guard)}
    return {name: g for name, g in declared_guards().items() if g in mine}


def test_every_attack_is_guarded_refused_both_ways_or_open() -> None:
    mended = {int(row[4:]) for guard in own_guards().values() for row in guard.mends}
    assert mended == GUARDED
    assert {*GUARDED, *INHERENT, *OPEN} == set(range(1, 20))


def test_every_guard_has_a_sentence_and_a_refusal_of_this_protocol() -> None:
    for guard in own_guards().values():
        assert guard.sentence.endswith(".")
        assert guard.refuses.code.startswith("electronic_cash/")


def test_every_refusal_is_a_sentence_with_a_code_of_its_own() -> None:
    found = [c for c in vars(refusals).values() if isinstance(c, type) and issubclass(c, Refused)]
    own = [c for c in found if c is not Refused]
    assert len({c.code for c in own}) == len(own)
    for refusal in own:
        assert refusal.sentence().endswith(".")
