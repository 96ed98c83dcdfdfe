"""Calls over datagrams: what gets lost, repeated, forged or garbled on the way."""

import asyncio
from collections import Counter
from collections.abc import Awaitable

import pytest
import pytest_asyncio

from crypto import codec
from dht.errors import MessageTooLarge
from dht.network_in_memory import MemoryNetwork
from dht.records import Certificate, Put, Record
from dht.rpc import FRAME_BYTES, REPLY, REQUEST, Address, Rpc
from dht.settings import MAX_BODY_BYTES, DhtSettings
from dht.wire import FindNode, KeepRequest, Neighbours, Ping, Pong, PutRequest, ReadRequest
from tests.dht.worlds import key_of, opening, until

ME = key_of("me").public_key
PING = Ping(ME, bytes(16))
QUICK = DhtSettings(timeout_seconds=0.03, retries=2, max_requests_in_hand=4)
pytestmark = pytest.mark.asyncio


class Recorded(MemoryNetwork):
    """Keeps what was sent; `lost` says what does not arrive."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[bytes, Address, Address]] = []
        self.lose_first = 0

    def send(self, data: bytes, source: Address, target: Address) -> None:
        self.sent.append((data, source, target))
        if len(self.sent) > self.lose_first:
            super().send(data, source, target)


class Party(Rpc):
    """Answers pings; keeps reads waiting until `gate` opens."""

    def __init__(self) -> None:
        super().__init__(QUICK, Counter())
        self.served = 0
        self.gate = asyncio.Event()

    def rpc_ping(self, address: Address, ping: Ping) -> Pong:
        self.served += 1
        return Pong(ME, *address, bytes(64))

    def rpc_read(self, address: Address, request: ReadRequest) -> Awaitable[Pong]:
        async def later() -> Pong:
            self.served += 1
            await self.gate.wait()
            return Pong(ME, *address, bytes(64))

        return later()

    def rpc_find_node(self, address: Address, request: FindNode) -> Neighbours:
        raise RuntimeError("a bug in a handler")

    def rpc_store(self, address: Address, *arguments: object) -> None:
        raise AssertionError("no declared method")


class Pair:
    """Two parties on one network, and everything the loop complained about."""

    def __init__(self, network: Recorded, one: Party, two: Party) -> None:
        self.network, self.one, self.two = network, one, two
        self.first, self.second = ("10.0.0.1", 1), ("10.0.0.2", 2)
        self.complaints: list[object] = []


@pytest_asyncio.fixture
async def pair() -> "Pair":
    network = Recorded()
    _, one = await network.create_datagram_endpoint(Party, ("10.0.0.1", 1))
    _, two = await network.create_datagram_endpoint(Party, ("10.0.0.2", 2))
    made = Pair(network, one, two)
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: made.complaints.append(context))
    return made


def request_of(datagram: bytes) -> bytes:
    return datagram[1:FRAME_BYTES]


async def test_a_call_is_answered(pair: Pair) -> None:
    assert await pair.one.call(pair.second, PING, Pong) == Pong(ME, *pair.first, bytes(64))
    assert pair.one._outstanding == {}
    assert pair.one.counters["datagrams_out"] == 1
    assert pair.one.counters["datagrams_in"] == 1
    assert pair.one.counters["bytes_out"] == len(pair.network.sent[0][0])


async def test_a_lost_request_is_sent_again_with_the_same_id(pair: Pair) -> None:
    pair.network.lose_first = 2
    assert await pair.one.call(pair.second, PING, Pong) is not None
    requests = [data for data, source, _ in pair.network.sent if source == pair.first]
    assert len(requests) == 3
    assert len(set(requests)) == 1
    assert pair.one.counters["retries"] == 2


async def test_after_two_retries_a_call_ends_without_an_answer(pair: Pair) -> None:
    pair.network.lose_first = 100
    assert await pair.one.call(pair.second, PING, Pong) is None
    assert len(pair.network.sent) == 3
    assert pair.one._outstanding == {}


async def test_a_reply_from_another_address_is_no_reply(pair: Pair) -> None:
    pair.network.lose_first = 1
    call = asyncio.ensure_future(pair.one.call(pair.second, PING, Pong))
    await until(lambda: bool(pair.network.sent))
    forged = Pong(key_of("liar").public_key, "10.0.0.1", 1, bytes(64))
    call_id = request_of(pair.network.sent[0][0])
    pair.one.datagram_received(REPLY + call_id + codec.encode(forged), ("10.6.6.6", 2))
    answer = await call
    assert answer is not None
    assert answer.key == ME
    assert pair.one.counters["unexpected_replies"] == 1


async def test_a_replayed_reply_changes_nothing(pair: Pair) -> None:
    await pair.one.call(pair.second, PING, Pong)
    [reply] = [data for data, source, _ in pair.network.sent if source == pair.second]
    pair.one.datagram_received(reply, pair.second)
    assert pair.one.counters["unexpected_replies"] == 1
    call = asyncio.ensure_future(pair.one.call(pair.second, PING, Pong))
    await asyncio.sleep(0)
    pair.one.datagram_received(reply, pair.second)
    assert not call.done()
    assert await call is not None


@pytest.mark.parametrize("body", [b"", b"\xc1", b"\x93\x01\x02\x03", codec.encode("a pong")])
async def test_a_malformed_reply_is_not_raised_in_the_caller(pair: Pair, body: bytes) -> None:
    pair.network.lose_first = 1
    call = asyncio.ensure_future(pair.one.call(pair.second, PING, Pong))
    await until(lambda: bool(pair.network.sent))
    call_id = request_of(pair.network.sent[0][0])
    pair.one.datagram_received(REPLY + call_id + body, pair.second)
    assert pair.one.counters["malformed"] == 1
    assert await call is not None, "the true answer to the next try counts"
    assert pair.complaints == []


async def test_a_cancelled_call_leaks_nothing_and_a_late_reply_is_harmless(pair: Pair) -> None:
    call = asyncio.ensure_future(pair.one.call(pair.second, PING, Pong))
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert pair.one._outstanding == {}
    await until(lambda: pair.one.counters["unexpected_replies"] == 1)
    assert pair.complaints == []


async def test_a_misspelt_method_is_an_error_here_and_not_a_remote_call(pair: Pair) -> None:
    with pytest.raises(AttributeError, match="find_nodde"):
        pair.one.find_nodde(pair.second, b"")
    assert pair.network.sent == []


@pytest.mark.parametrize("method", ["store", "stun", "datagram_received", "close", "", "ping "])
async def test_only_declared_methods_are_served(pair: Pair, method: str) -> None:
    body = codec.encode((method, (ME, b"key", b"value")))
    pair.two.datagram_received(REQUEST + bytes(20) + body, pair.first)
    assert pair.two.counters["malformed"] == 1
    assert pair.network.sent == []


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"\x00",
        REQUEST + bytes(20),
        b"\x02" + bytes(20) + b"\xc0",
        REQUEST + bytes(20) + b"\xc0",
        REQUEST + bytes(20) + codec.encode(("ping",)),
        REQUEST + bytes(20) + codec.encode(("ping", (ME,))),
        REQUEST + bytes(20) + codec.encode(("ping", (ME, bytes(15)))),
        REQUEST + bytes(20) + codec.encode(("ping", (ME, bytes(16), "more"))),
        REQUEST + bytes(20) + codec.encode(("ping", (b"short", bytes(16)))),
        REQUEST + bytes(20) + codec.encode((7, (ME, bytes(16)))),
        REQUEST + bytes(20) + b"\x91" * 8000,
        REQUEST + bytes(20) + codec.encode(("ping", PING)) + b"\x00",
        REQUEST + bytes(20) + codec.encode(("ping", (ME, bytes(16), bytes(MAX_BODY_BYTES)))),
    ],
)
async def test_malformed_datagrams_are_counted_and_dropped(pair: Pair, datagram: bytes) -> None:
    pair.two.datagram_received(datagram, pair.first)
    assert pair.two.counters["malformed"] == 1
    assert pair.two.served == 0
    assert pair.network.sent == []
    assert pair.complaints == []


async def test_a_request_larger_than_the_limit_is_not_sent(pair: Pair) -> None:
    put = Put(opening(1, key_of("alice")).record, None, bytes(MAX_BODY_BYTES))
    with pytest.raises(MessageTooLarge):
        await pair.one.call(pair.second, PutRequest(ME, put), Pong)
    assert pair.network.sent == []
    assert pair.one._outstanding == {}


async def test_a_handler_that_fails_answers_nothing_and_does_no_harm(pair: Pair) -> None:
    assert await pair.one.call(pair.second, FindNode(ME, bytes(20)), Neighbours) is None
    assert await pair.one.call(pair.second, PING, Pong) is not None
    assert pair.complaints == []


async def test_a_request_sent_again_while_in_hand_is_served_once(pair: Pair) -> None:
    name = opening(1, key_of("alice")).record.body().name
    call = asyncio.ensure_future(pair.one.call(pair.second, ReadRequest(ME, name), Pong))
    await until(lambda: pair.one.counters["retries"] == 1)
    assert pair.two.served == 1
    pair.two.gate.set()
    assert await call is not None
    assert len(pair.two.tasks) == 0


async def test_requests_in_hand_are_bounded(pair: Pair) -> None:
    name = opening(1, key_of("alice")).record.body().name
    body = codec.encode(("read", ReadRequest(ME, name)))
    for number in range(100):
        call_id = number.to_bytes(20, "big")
        pair.two.datagram_received(REQUEST + call_id + body, pair.first)
    assert len(pair.two.tasks) == QUICK.max_requests_in_hand
    pair.two.gate.set()
    await until(lambda: len(pair.two.tasks) == 0)
    assert len(pair.network.sent) == QUICK.max_requests_in_hand


async def test_calls_end_unanswered_when_the_node_closes(pair: Pair) -> None:
    pair.network.lose_first = 100
    call = asyncio.ensure_future(pair.one.call(pair.second, PING, Pong))
    await asyncio.sleep(0)
    await pair.one.close()
    assert await call is None
    assert await pair.one.call(pair.second, PING, Pong) is None


async def test_when_the_way_out_is_blocked_datagrams_are_dropped_not_queued(pair: Pair) -> None:
    pair.one.pause_writing()
    assert await pair.one.call(pair.second, PING, Pong) is None
    assert pair.network.sent == []
    assert pair.one.counters["datagrams_dropped"] == 3
    pair.one.resume_writing()
    assert await pair.one.call(pair.second, PING, Pong) is not None


async def test_the_wire_carries_a_request_as_method_and_arguments(pair: Pair) -> None:
    await pair.one.call(pair.second, PING, Pong)
    data = pair.network.sent[0][0]
    assert data[:1] == REQUEST
    assert data[FRAME_BYTES:] == codec.encode(["ping", [ME, bytes(16)]])
    certificate = Certificate(Record(opening(1, key_of("a")).record.signed), 1, bytes(32), ())
    assert codec.decode(codec.encode(KeepRequest(ME, certificate)), KeepRequest)
