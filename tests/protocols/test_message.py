"""Declarations: what follows from one, and what two of them may not share."""

import pytest

from nodes.protocols.message import (
    ANYONE,
    RECEIVED,
    Message,
    Received,
    Role,
    answer,
    answer_to,
    declaration_of,
    declarations,
    message,
)
from tests.greeting.messages import Greet, Greeting, Hush, Note, Whisper


def test_path_name_and_sentence_follow_from_the_declaration() -> None:
    declaration = declaration_of(Greet)
    assert declaration.protocol == "greeting"
    assert declaration.step == "1"
    assert declaration.path == "/greeting/greet"
    assert declaration.sentence == "Somebody says hello."
    assert declaration.senders == (Role.PEER, Role.BROKER)
    assert declaration.receivers == ANYONE
    assert declaration.answers is None
    assert not declaration.sealed
    assert declaration_of(Note).senders == ANYONE


@pytest.mark.parametrize(
    ("type_name", "name"),
    [("Query", "query"), ("KeyRelease", "key_release"), ("AskForNewCoin", "ask_for_new_coin")],
)
def test_a_name_in_paths_is_in_small_letters(type_name: str, name: str) -> None:
    type_ = type(
        type_name,
        (Message,),
        {"__module__": "nodes.protocols.names.messages", "__doc__": "Only asks."},
    )
    declared = message(f"name {type_name}", sender=Role.PEER, receiver=Role.PEER)(type_)
    assert declaration_of(declared).path == f"/names/{name}"


def test_an_answer_goes_the_other_way() -> None:
    declaration = answer_to(Greet)
    assert declaration.type is Greeting
    assert declaration.answers is Greet
    assert declaration.senders == declaration_of(Greet).receivers
    assert declaration.receivers == declaration_of(Greet).senders
    assert answer_to(Whisper).type is Hush
    assert answer_to(Whisper).sealed


def test_a_message_without_an_answer_of_its_own_is_answered_by_its_arrival() -> None:
    assert answer_to(Note) is RECEIVED
    assert declaration_of(Received) is RECEIVED


def test_declarations_stand_in_step_order_and_once() -> None:
    assert [declaration.step for declaration in declarations("greeting")] == list("12345")
    assert declarations("no such protocol") == []
    assert set(declarations("greeting")) <= set(declarations())


def test_a_step_declared_twice_is_refused_and_changes_nothing() -> None:
    class Again(Message):
        """The step of another message."""

    Again.__module__ = Greet.__module__
    before = declarations()
    with pytest.raises(TypeError, match="step 1 of greeting is declared twice"):
        message("1", sender=Role.PEER, receiver=Role.PEER)(Again)
    assert declarations() == before
    with pytest.raises(KeyError):
        declaration_of(Again)


def test_a_second_answer_to_a_message_is_refused_and_changes_nothing() -> None:
    class Other(Message):
        """Another answer."""

    with pytest.raises(TypeError, match="Greet has two answers"):
        answer("99", to=Greet)(Other)
    assert answer_to(Greet).type is Greeting
    with pytest.raises(KeyError):
        declaration_of(Other)


def test_an_answer_to_what_is_no_message_is_refused() -> None:
    class Undeclared(Message):
        """Nobody sends it."""

    with pytest.raises(KeyError):
        answer("98", to=Undeclared)(Undeclared)
