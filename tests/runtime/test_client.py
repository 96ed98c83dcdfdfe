"""Sending: what is not known stays unknown, and whatever comes back, nothing else is believed."""

import asyncio
from typing import Any

import pytest

from nodes.protocols.envelope import WrongRecipient
from nodes.protocols.errors import MalformedMessage, OutcomeUnknown, ProtocolError, Refused
from nodes.protocols.message import Received
from nodes.runtime.problem import read_problem
from nodes.runtime.refusals import (
    BodyTooSlow,
    CannotCheckSender,
    NoSuchPath,
    NotReady,
    Overloaded,
    UnknownSender,
    Unreachable,
    UnreadableAnswer,
)
from tests.greeting.messages import Greet, Greeting
from tests.greeting.module import Greeter, NoOneHome
from tests.runtime.relay import Act, Relay, answers, drops, loses_the_answer, passes, refuses
from tests.runtime.world import TRANSACTION, World, greet, wrapped

pytestmark = pytest.mark.asyncio

SHORT = 0.4
"""Seconds for a call that shall find its deadline."""


async def two(world: World) -> tuple[Greeter, Greeter]:
    """Alice and Bob, who have met."""
    alice, bob = await world.greeter("alice"), await world.greeter("bob")
    await alice.party.directory.card(bob.party.id)
    return alice, bob


async def outcome(world: World, *acts: Act, seconds: float = SHORT) -> tuple[Any, Greeter, Relay]:
    """How a greeting ends that goes through a relay doing these acts."""
    alice, bob = await two(world)
    async with Relay(bob, *acts) as relay:
        relay.stand_before(bob, alice)
        started = asyncio.get_running_loop().time()
        try:
            result: Any = (await greet(alice, bob, seconds=seconds)).message
        except ProtocolError as error:
            result = error
        assert asyncio.get_running_loop().time() - started < seconds + 1.0
    return result, bob, relay


async def test_a_lost_answer_is_asked_for_again_and_is_the_same(world: World) -> None:
    result, bob, relay = await outcome(world, loses_the_answer, loses_the_answer, passes)
    assert result == Greeting(words="hello", count=1)
    assert (bob.handled["greet"], relay.requests) == (1, 3)


async def test_without_an_answer_the_outcome_is_unknown(world: World) -> None:
    result, bob, relay = await outcome(world, loses_the_answer)
    assert type(result) is Unreachable
    assert (bob.handled["greet"], bob.total) == (1, 1)
    assert relay.requests > 1


@pytest.mark.parametrize(
    "error", [Overloaded(), NotReady(), CannotCheckSender(), BodyTooSlow(), WrongRecipient(),
              NoSuchPath()]
)  # fmt: skip
async def test_an_unknown_outcome_never_turns_into_a_refusal(
    world: World, error: ProtocolError
) -> None:
    result, bob, _ = await outcome(world, loses_the_answer, refuses(error))
    assert type(result) is Unreachable
    assert bob.total == 1


@pytest.mark.parametrize("error", [Overloaded(), NotReady(), CannotCheckSender(), BodyTooSlow()])
async def test_a_busy_party_is_asked_again_until_the_deadline(world: World, error: Refused) -> None:
    result, bob, relay = await outcome(world, refuses(error))
    assert type(result) is type(error)
    assert relay.requests > 1
    assert bob.total == 0


async def test_a_party_that_is_busy_for_a_while_answers_in_the_end(world: World) -> None:
    result, _, relay = await outcome(world, refuses(Overloaded()), refuses(NotReady()), passes)
    assert result == Greeting(words="hello", count=1)
    assert relay.requests == 3


@pytest.mark.parametrize("error", [NoOneHome("why"), WrongRecipient(), MalformedMessage()])
async def test_a_refusal_is_told_at_once(world: World, error: ProtocolError) -> None:
    result, _, relay = await outcome(world, refuses(error), seconds=5.0)
    assert (type(result), result.detail) == (type(error), error.detail)
    assert relay.requests == 1


@pytest.mark.parametrize(
    "act",
    [
        answers(b""),
        answers(b"\xc1nonsense"),
        answers(b"{}", headers={"Content-Type": "application/json"}),
        answers(b"<html>Bad gateway</html>", 502),
        answers(b"[" * 100_000, 409),
        answers(b'{"code": "greeting/no-one-home"}', 423),
        answers(b'{"code": "greeting/no-one-home", "outcome": "all is well"}', 423),
        answers(b'{"code": 1, "outcome": "unknown", "evidence": 7}', 400),
        answers(b"\xff\xfe", 404),
        answers(b"", 204),
        answers(bytes(3 << 20)),
        drops,
    ],
)
async def test_an_answer_that_cannot_be_read_is_an_unknown_outcome(world: World, act: Act) -> None:
    result, _, _ = await outcome(world, act)
    assert isinstance(result, OutcomeUnknown)


async def test_an_answer_that_never_comes_ends_at_the_deadline(world: World) -> None:
    async def holds(relay: Relay, request: Any) -> Any:
        await asyncio.Event().wait()

    result, _, relay = await outcome(world, holds)
    assert type(result) is Unreachable
    assert relay.requests == 1


async def test_a_redirect_is_not_followed(world: World) -> None:
    alice, bob = await two(world)
    carol = await world.greeter("carol")
    target = {"Location": carol.service.url + "/greeting/greet"}
    async with Relay(bob, answers(b"", 307, target)) as relay:
        relay.stand_before(bob, alice)
        with pytest.raises(OutcomeUnknown):
            await greet(alice, bob, seconds=SHORT)
    assert carol.service.inbound.handled()
    assert carol.party.observer.counters == {}


async def test_an_answer_by_another_party_is_not_believed(world: World) -> None:
    alice, bob = await two(world)
    carol = await world.greeter("carol")
    request = wrapped(alice, bob, Greet(words="hi")).opened
    answer = carol.party.reply(request, Greeting(words="bob says hello", count=9))
    async with Relay(bob, answers(answer.wire)) as relay:
        relay.stand_before(bob, alice)
        with pytest.raises(UnreadableAnswer, match="something else"):
            await greet(alice, bob, seconds=SHORT)


async def test_an_answer_to_another_request_is_not_believed(world: World) -> None:
    alice, bob = await two(world)
    _, earlier, _ = await world.post(bob, wrapped(alice, bob, Greet(words="hi")).wire)
    async with Relay(bob, answers(earlier)) as relay:
        relay.stand_before(bob, alice)
        with pytest.raises(UnreadableAnswer, match="something else"):
            await greet(alice, bob, words="another", seconds=SHORT)
        same = await greet(alice, bob, words="hi", seconds=SHORT)
    assert same.message.count == 1


async def test_an_answer_of_another_kind_is_our_own_mistake(world: World) -> None:
    alice, bob = await two(world)
    with pytest.raises(TypeError, match="Greet is not answered by"):
        await alice.party.send(bob.party.id, Greet(words="hi"), TRANSACTION, Received)


async def test_a_party_that_is_away_has_an_unknown_outcome(world: World) -> None:
    alice, bob = await two(world)
    await world.stop(bob)
    with pytest.raises(Unreachable):
        await greet(alice, bob, seconds=SHORT)


async def test_a_party_that_has_moved_is_followed(world: World) -> None:
    alice, bob = await two(world)
    await world.stop(bob)
    bob = await world.greeter("bob")
    assert (await greet(alice, bob, seconds=5.0)).message.count == 1


async def test_a_party_whose_place_another_took_is_followed(world: World) -> None:
    alice, bob = await two(world)
    port = int(bob.service.url.rpartition(":")[2])
    await world.stop(bob)
    carol = await world.greeter("carol", port=port)
    bob = await world.greeter("bob")
    assert (await greet(alice, bob, seconds=5.0)).message.count == 1
    assert carol.handled["greet"] == 0


async def test_nobody_can_send_to_a_key_that_no_party_has(world: World) -> None:
    alice, _ = await two(world)
    with pytest.raises(UnknownSender):
        await alice.party.send(bytes(32), Greet(words="hi"), TRANSACTION, Greeting)


async def test_a_recipient_that_cannot_be_looked_up_in_time_is_not_written_to(
    world: World,
) -> None:
    alice, bob = await world.greeter("alice"), await world.greeter("bob")
    world.services.remove(world.authority)
    await world.authority.stop()
    started = asyncio.get_running_loop().time()
    with pytest.raises(CannotCheckSender):
        await greet(alice, bob, seconds=SHORT)
    assert asyncio.get_running_loop().time() - started < SHORT + 1.0


async def test_a_call_that_failed_leaves_its_reason_in_the_trace(world: World) -> None:
    alice, bob = await two(world)
    async with Relay(bob, refuses(NoOneHome())) as relay:
        relay.stand_before(bob, alice)
        with pytest.raises(NoOneHome):
            await greet(alice, bob)
    last = alice.party.observer.rows()[-1]
    assert (last.direction, last.outcome) == ("in", "greeting/no-one-home")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"code": "greeting/no-one-home", "outcome": "nothing-happened"}', NoOneHome),
        (b'{"code": "new/rule", "outcome": "nothing-happened"}', Refused),
        (b'{"code": "new/rule", "outcome": "unknown"}', OutcomeUnknown),
        (b'{"code": "greeting/no-one-home", "outcome": "unknown"}', OutcomeUnknown),
        (b'{"outcome": "nothing-happened"}', OutcomeUnknown),
        (b"[]", OutcomeUnknown),
        (b"[" * 100_000, OutcomeUnknown),
        (b"", OutcomeUnknown),
    ],
)
async def test_problem_documents(body: bytes, expected: type[ProtocolError]) -> None:
    assert type(read_problem(body, 400)) is expected
