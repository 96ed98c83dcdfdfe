"""A bad network: stands where a party is thought to be and does as the test says."""

from collections.abc import Awaitable, Callable

import aiohttp
import msgspec
from aiohttp import web

from nodes.protocols.errors import ProtocolError
from nodes.runtime.problem import problem_response
from tests.greeting.module import Greeter

Act = Callable[["Relay", web.Request], Awaitable[web.StreamResponse]]


class Relay:
    """Does `acts` in turn, the last one for ever after."""

    def __init__(self, target: Greeter, *acts: Act) -> None:
        self.target = target
        self.acts = list(acts)
        self.requests = 0

    async def __aenter__(self) -> "Relay":
        self.http = aiohttp.ClientSession()
        app = web.Application(client_max_size=1 << 24)
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._runner.cleanup()
        await self.http.close()

    def stand_before(self, target: Greeter, sender: Greeter) -> None:
        """From now on the sender believes that its target is here."""
        card = sender.party.directory.known(target.party.id)
        sender.party.directory._cards[card.id] = msgspec.structs.replace(card, url=self.url)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        act = self.acts.pop(0) if len(self.acts) > 1 else self.acts[0]
        return await act(self, request)

    async def forward(self, request: web.Request) -> tuple[int, bytes, str]:
        url = self.target.service.url + request.path
        async with self.http.post(url, data=await request.read()) as response:
            return response.status, await response.read(), response.content_type


async def passes(relay: Relay, request: web.Request) -> web.StreamResponse:
    status, body, content_type = await relay.forward(request)
    return web.Response(status=status, body=body, content_type=content_type)


async def loses_the_answer(relay: Relay, request: web.Request) -> web.StreamResponse:
    await relay.forward(request)
    return await drops(relay, request)


async def drops(relay: Relay, request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


def answers(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> Act:
    async def act(relay: Relay, request: web.Request) -> web.StreamResponse:
        await request.read()
        return web.Response(status=status, body=body, headers=headers)

    return act


def refuses(error: ProtocolError) -> Act:
    async def act(relay: Relay, request: web.Request) -> web.StreamResponse:
        await request.read()
        return problem_response(error)

    return act
