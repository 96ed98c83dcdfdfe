"""The table of contents: steps, sizes, codes and guards as they are declared."""

import inspect

import msgspec
import pytest

from crypto import codec
from crypto.codec import MalformedEncoding
from nodes.protocols.dht_micropayment import guards as rules
from nodes.protocols.dht_micropayment import messages, refusals
from nodes.protocols.dht_micropayment.coin import MAX_COINS
from nodes.protocols.dht_micropayment.messages import (
    REGISTER_STEPS,
    AskQuote,
    GiveBack,
    Redeem,
    Withdraw,
)
from nodes.protocols.errors import Refused
from nodes.protocols.guard import declared_guards
from nodes.protocols.message import declarations
from tests.protocols.dht_micropayment.market import ORDER, U, V, held, transfer

STEPS = ["W1", "W2", "Q1", "Q1r", "P1", "P1r", "B1", "D1", "D2", "F1"]


def test_the_messages_stand_in_step_order() -> None:
    assert [d.step for d in declarations("dht_micropayment")] == STEPS


def test_register_operations_have_steps_of_their_own() -> None:
    names = [step.step for step in REGISTER_STEPS]
    assert len(set(names) | set(STEPS)) == len(names) + len(STEPS)
    assert {"W3", "P2", "P3", "R3", "R5"} <= set(names)


@pytest.mark.parametrize("count", [0, MAX_COINS + 1])
def test_a_number_of_coins_out_of_bounds_is_no_message(count: int) -> None:
    for message in (Withdraw(count), AskQuote(ORDER, count)):
        with pytest.raises(MalformedEncoding):
            codec.decode(codec.encode(message), type(message))


@pytest.mark.parametrize("type_", [GiveBack, Redeem])
def test_no_coin_or_too_many_are_no_message(type_: type[messages.GiveBack]) -> None:
    sent = transfer(held()[0], U, V)
    for count in (0, MAX_COINS + 1):
        with pytest.raises(MalformedEncoding):
            codec.decode(codec.encode(type_(ORDER, (sent,) * count)), type_)


def test_the_largest_payment_fits_a_message() -> None:
    sent = transfer(held()[0], U, V)
    assert len(codec.encode(sent)) * 4 * MAX_COINS < 1 << 20


def test_every_refusal_has_a_code_of_its_own_and_says_what_is_wrong() -> None:
    classes = [
        value
        for _, value in inspect.getmembers(refusals, inspect.isclass)
        if issubclass(value, Refused) and "code" in value.__dict__ and value is not Refused
    ]
    codes = [value.code for value in classes]
    assert len(set(codes)) == len(codes) > 25
    assert all(code.startswith("dht_micropayment/") for code in codes)
    assert all(value.sentence().endswith(".") for value in classes)


def test_every_guard_names_the_attacks_it_ends() -> None:
    ours = {
        name: rule
        for name, rule in declared_guards().items()
        if rule.holds.__module__ == rules.__name__
    }
    mended = [attack for rule in ours.values() for attack in rule.mends]
    assert len(ours) == 11
    assert len(set(mended)) == len(mended)
    assert all(attack.startswith("DC-A") for attack in mended)
    assert len({rule.refuses for rule in ours.values()}) == len(ours)


def test_unknown_fields_are_refused() -> None:
    more = msgspec.msgpack.encode({"count": 1, "gift": True})
    with pytest.raises(MalformedEncoding):
        codec.decode(more, Withdraw)
