"""The table of contents: steps, what is signed and what is not, sizes, codes."""

import inspect
from typing import Any

import msgspec
import pytest

from crypto import codec
from crypto.codec import MalformedEncoding
from nodes.protocols.anonymous_micropayment import (
    deposit,
    disposal,
    guards,
    messages,
    numbers,
    order,
    pseudonym,
    question,
    refusals,
    settlement,
    shop,
    state,
    tracing,
    voucher,
)
from nodes.protocols.anonymous_micropayment.messages import (
    MAX_VOUCHERS,
    Blinded,
    BuyVouchers,
    PlaceOrder,
)
from nodes.protocols.errors import Refused
from nodes.protocols.message import Role, declarations
from tests.protocols.anonymous_micropayment.market import altered, funded, ordered

PROTOCOL = "anonymous_micropayment"
STEPS = [
    *("K1", "K2", "1", "2", "V1", "V2", "V3", "V4", "V5", "V6", "3", "4"),
    *("S1", "S2", "G1", "G2", "5", "6", "7", "8"),
    *("Q1", "Q1r", "Q2", "Q2r", "R1", "R2", "E1", "E2", "T0", "T1", "T2"),
]


def test_the_messages_stand_in_order() -> None:
    assert {d.step for d in declarations(PROTOCOL)} == set(STEPS)
    ours = [d.step for d in declarations(PROTOCOL)]
    assert ours.index("1") < ours.index("3") < ours.index("5") < ours.index("Q1")


def test_whatever_a_customer_says_after_step_2_is_anonymous_and_so_is_its_answer() -> None:
    shown = {"1", "2", "K1", "K2", "V3", "V4", "V5", "V6", "S1", "S2", "T0", "T1", "T2"}
    for declaration in declarations(PROTOCOL):
        assert declaration.anonymous is (declaration.step not in shown), declaration.step


def test_secrets_that_are_given_travel_sealed() -> None:
    sealed = {d.step for d in declarations(PROTOCOL) if d.sealed}
    assert sealed == {"K1", "K2", "1", "2", "S1", "S2", "T1", "T2"}


def test_the_authority_never_hears_of_an_order_but_in_a_trace() -> None:
    heard = {d.step for d in declarations(PROTOCOL) if Role.CERTIFICATE_AUTHORITY in d.receivers}
    assert heard == {"K1", "1", "T1"}


@pytest.mark.parametrize("count", [0, MAX_VOUCHERS + 1])
def test_no_voucher_or_too_many_are_no_message(count: int) -> None:
    many = BuyVouchers((Blinded(1, bytes(256)),) * count)
    with pytest.raises(MalformedEncoding):
        codec.decode(codec.encode(many), BuyVouchers)


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": 0},
        {"amount": -1},
        {"amount": 2**53 + 1},
        {"number": 0},
        {"number": 2**53 + 1},
        {"vendor": ""},
        {"vendor": "V 1"},
        {"pseudonym": bytes(15)},
        {"tag": bytes(31)},
        {"goods": b""},
    ],
)
def test_a_field_out_of_bounds_is_no_message(changes: dict[str, Any]) -> None:
    _, purchase = ordered(funded()[0])
    message = order.order_message(purchase)
    bad = altered(message, order=altered(message.order, **changes))
    with pytest.raises(MalformedEncoding):
        codec.decode(codec.encode(bad), PlaceOrder)


def test_unknown_fields_are_refused() -> None:
    _, purchase = ordered(funded()[0])
    fields = msgspec.msgpack.decode(codec.encode(order.order_message(purchase)))
    with pytest.raises(MalformedEncoding):
        codec.decode(msgspec.msgpack.encode(fields | {"from": "customer"}), PlaceOrder)


def test_every_refusal_has_a_code_of_its_own_and_says_what_is_wrong() -> None:
    classes = [
        value
        for _, value in inspect.getmembers(refusals, inspect.isclass)
        if issubclass(value, Refused) and "code" in value.__dict__ and value is not Refused
    ]
    codes = [value.code for value in classes]
    assert len(set(codes)) == len(codes) > 40
    assert all(code.startswith("anonymous_micropayment/") for code in codes)
    assert all(value.sentence().endswith(".") for value in classes)


def test_every_refusal_is_raised_somewhere() -> None:
    modules = (
        *(deposit, disposal, guards, messages, numbers, order, pseudonym, question),
        *(settlement, shop, state, tracing, voucher),
    )
    text = "".join(inspect.getsource(module) for module in modules)
    unused = [
        name
        for name, value in inspect.getmembers(refusals, inspect.isclass)
        if issubclass(value, Refused)
        and "code" in value.__dict__
        and value is not Refused
        and f"raise {name}(" not in text
        and f"refuses={name})" not in text
    ]
    assert unused == ["UnknownInstrument"]  # a broker's, which knows what it has installed
