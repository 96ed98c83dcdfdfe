"""Connections and datagrams in memory, under aiohttp, which knows nothing of it."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from scenarios.simulation.faults import Fault, FaultKind, Planted, Weather
from scenarios.simulation.lives import Life
from scenarios.simulation.network import Network
from scenarios.simulation.simulation import Simulation, simulate

URL = "http://127.0.0.1:7000"
PATH = "/greeting/1"
BIG = 3_000_000


class Stage:
    """A server's node, a client's node, and what the server was asked."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self.network: Network = simulation.network
        self.server = simulation.new_life("server", 1)
        self.client = simulation.new_life("client", 1)
        self.asked: list[str] = []
        self.written = 0

    async def within(self, life: Life, work: Coroutine[Any, Any, Any]) -> Any:
        return await asyncio.get_running_loop().create_task(work, context=life.context.copy())

    async def serve(self) -> None:
        async def answer(request: web.Request) -> web.Response:
            text = await request.text()
            self.asked.append(text)
            return web.Response(text=f"heard {text}")

        async def stream(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse()
            await response.prepare(request)
            for _ in range(BIG // 1000):
                await response.write(bytes(1000))
                self.written += 1000
            return response

        app = web.Application()
        app.router.add_post(PATH, answer)
        app.router.add_get("/stream", stream)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 7000).start()

    async def ask(self, text: str) -> str:
        async with aiohttp.ClientSession() as session, session.post(URL + PATH, data=text) as got:
            return await got.text()

    def plant(self, kind: FaultKind) -> Planted:
        return self.network.faults.plant(Fault(kind, "client", "server", PATH))


def played(work: Callable[[Stage], Awaitable[Any]], seed: int = 1) -> Any:
    async def all_of_it(simulation: Simulation) -> Any:
        stage = Stage(simulation)
        await stage.within(stage.server, stage.serve())
        return await work(stage)

    return simulate(all_of_it, seed=seed)


def test_a_request_is_answered() -> None:
    assert played(lambda stage: stage.ask("hello")) == "heard hello"


def test_where_nobody_listens_a_connection_is_refused() -> None:
    async def work(stage: Stage) -> None:
        async with aiohttp.ClientSession() as session:
            await session.get("http://127.0.0.1:7999/")

    with pytest.raises(aiohttp.ClientConnectorError, match="refused"):
        played(work)


def test_a_long_answer_arrives_whole_and_its_writer_waits_for_its_reader() -> None:
    async def work(stage: Stage) -> tuple[int, int]:
        async with aiohttp.ClientSession() as session, session.get(f"{URL}/stream") as got:
            await asyncio.sleep(60)
            ahead = stage.written
            return ahead, len(await got.read())

    ahead, size = played(work)
    assert size == BIG
    assert 0 < ahead < BIG / 2


def test_a_lost_request_is_never_served() -> None:
    async def work(stage: Stage) -> list[str]:
        planted = stage.plant("lost request")
        with pytest.raises(aiohttp.ClientError):
            await stage.within(stage.client, stage.ask("hello"))
        assert planted.happened
        await stage.within(stage.client, stage.ask("again"))
        return stage.asked

    assert played(work) == ["again"]


def test_a_lost_answer_belongs_to_a_request_that_was_served() -> None:
    async def work(stage: Stage) -> list[str]:
        stage.plant("lost answer")
        with pytest.raises(aiohttp.ClientError):
            await stage.within(stage.client, stage.ask("hello"))
        return stage.asked

    assert played(work) == ["hello"]


def test_a_doubled_request_is_served_twice_and_answered_once() -> None:
    async def work(stage: Stage) -> list[str]:
        stage.plant("doubled")
        assert await stage.within(stage.client, stage.ask("hello")) == "heard hello"
        assert stage.asked == ["hello"]
        await asyncio.sleep(10)
        return stage.asked

    assert played(work) == ["hello", "hello"]


def test_a_late_request_is_served_when_nobody_waits_for_it() -> None:
    async def work(stage: Stage) -> list[str]:
        stage.plant("late")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await stage.within(stage.client, stage.ask("hello"))
        assert stage.asked == []
        await asyncio.sleep(10)
        return stage.asked

    assert played(work) == ["hello"]


def test_a_request_can_be_overtaken() -> None:
    async def work(stage: Stage) -> list[str]:
        stage.plant("overtaken")
        await asyncio.gather(
            stage.within(stage.client, stage.ask("first")),
            stage.within(stage.client, stage.ask("second")),
        )
        return stage.asked

    assert played(work) in (["first", "second"], ["second", "first"])
    assert any(played(work, seed) == ["second", "first"] for seed in range(1, 5))


def test_a_stream_breaks_off_in_its_middle() -> None:
    async def work(stage: Stage) -> int:
        async def read() -> int:
            size = 0
            async with aiohttp.ClientSession() as session, session.get(f"{URL}/stream") as got:
                try:
                    async for piece in got.content.iter_any():
                        size += len(piece)
                except aiohttp.ClientPayloadError:
                    return size
            raise AssertionError(f"all {size} bytes came")

        stage.network.faults.plant(Fault("broken off", "client", "server", "/"))
        size: int = await stage.within(stage.client, read())
        return size

    read = [played(work, seed) for seed in range(1, 6)]
    assert max(read) < BIG / 2
    assert max(read) > 0, "what was on its way arrives, unless the reader is too slow"


def test_a_fault_strikes_only_its_own_arrow_and_once() -> None:
    async def work(stage: Stage) -> list[str]:
        stage.network.faults.plant(Fault("lost request", "other", "server", PATH))
        stage.network.faults.plant(Fault("lost request", "client", "server", "/greeting/2"))
        for text in ("one", "two"):
            await stage.within(stage.client, stage.ask(text))
        await stage.ask("from the lab")
        return stage.asked

    assert played(work) == ["one", "two", "from the lab"]


def test_a_cut_keeps_two_nodes_apart_until_it_is_healed() -> None:
    async def work(stage: Stage) -> float:
        loop = asyncio.get_running_loop()
        stage.network.cut({"client"}, {"server"})
        asking = asyncio.create_task(stage.within(stage.client, stage.ask("hello")))
        await asyncio.sleep(20)
        assert not stage.asked
        assert await stage.ask("from the lab") == "heard from the lab"
        stage.network.heal()
        healed = loop.time()
        assert await asking == "heard hello"
        return loop.time() - healed

    assert played(work) < 1


def test_what_is_on_its_way_waits_for_the_cut_to_heal() -> None:
    async def work(stage: Stage) -> list[str]:
        async def two(ready: asyncio.Event, go: asyncio.Event) -> None:
            async with aiohttp.ClientSession() as session:
                await (await session.post(URL + PATH, data="one")).text()
                ready.set()
                await go.wait()
                await (await session.post(URL + PATH, data="two")).text()

        ready, go = asyncio.Event(), asyncio.Event()
        asking = asyncio.create_task(stage.within(stage.client, two(ready, go)))
        await ready.wait()
        stage.network.cut({"client"}, {"server"})
        go.set()
        await asyncio.sleep(20)
        assert stage.asked == ["one"]
        stage.network.heal()
        await asking
        return stage.asked

    assert played(work) == ["one", "two"]


def test_weather_strikes_about_its_share_of_all_messages() -> None:
    async def work(stage: Stage) -> int:
        stage.network.faults.weather = Weather(lost_requests=0.2)
        failed = 0
        for number in range(200):
            try:
                await stage.within(stage.client, stage.ask(str(number)))
            except aiohttp.ClientError:
                failed += 1
        assert stage.network.faults.counts == {"lost request": failed}
        assert len(stage.asked) == 200 - failed
        return failed

    assert 20 < played(work) < 60


class Heard(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.got: list[int] = []

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.got.append(int(data))


async def datagrams(stage: Stage) -> list[int]:
    """A hundred from the client to the server, a little apart."""
    loop = asyncio.get_running_loop()

    async def bind(port: int) -> tuple[Any, Any]:
        return await loop.create_datagram_endpoint(Heard, local_addr=("127.0.0.1", port))

    _, heard = await stage.within(stage.server, bind(8001))
    sender, _ = await stage.within(stage.client, bind(8002))
    for number in range(100):
        sender.sendto(str(number).encode(), ("127.0.0.1", 8001))
        await asyncio.sleep(0.0005)
    await asyncio.sleep(1)
    got: list[int] = heard.got
    return got


def test_datagrams_arrive_in_any_order() -> None:
    got = played(datagrams)
    assert sorted(got) == list(range(100))
    assert got != sorted(got)


def test_datagrams_are_lost_and_doubled_as_the_weather_is() -> None:
    async def work(stage: Stage) -> list[int]:
        stage.network.faults.weather = Weather(lost_datagrams=0.3, doubled_datagrams=0.3)
        return await datagrams(stage)

    got = played(work)
    assert 50 < len(set(got)) < 90
    assert len(set(got)) < len(got)


def test_no_datagram_crosses_a_cut() -> None:
    async def work(stage: Stage) -> list[int]:
        stage.network.cut({"server"}, {"client"})
        return await datagrams(stage)

    assert played(work) == []


def test_who_is_connected_to_a_node_that_ends_is_told() -> None:
    async def work(stage: Stage) -> None:
        stage.plant("late")
        asking = asyncio.create_task(stage.within(stage.client, stage.ask("hello")))
        await asyncio.sleep(1)
        stage.simulation.end_lives(stage.server)
        with pytest.raises(aiohttp.ClientError):
            await asking
        with pytest.raises(aiohttp.ClientConnectorError):
            await stage.ask("again")

    played(work)
