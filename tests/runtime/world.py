"""A small world in one event loop: a certificate authority and a few greeters, over real HTTP."""

from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from nodes.certificate_authority.service import build as build_authority
from nodes.protocols.envelope import Opened
from nodes.protocols.message import Message, Role
from nodes.runtime.service import Service
from nodes.runtime.settings import Settings
from tests.greeting.messages import Greet, Greeting
from tests.greeting.module import Greeter

TOKEN = "t" * 32
TRANSACTION = bytes(range(16))


class World:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "world").mkdir()
        (folder / "world" / "secret").write_text("ab" * 32)
        (folder / "world" / "token").write_text(TOKEN)
        self.services: list[Service] = []
        self.authority: Service
        self.http: aiohttp.ClientSession

    async def __aenter__(self) -> "World":
        self.http = aiohttp.ClientSession()
        self.authority = build_authority(self.settings("authority"))
        await self._start(self.authority)
        return self

    async def __aexit__(self, *exception: object) -> None:
        for service in reversed(self.services):
            await service.stop()
        await self.http.close()

    def settings(self, name: str, **changed: Any) -> Settings:
        made = Settings(
            name=name,
            data=self.folder / name,
            world=self.folder / "world",
            ca_url=self.authority.url if self.services else "http://unused",
        )
        return msgspec.structs.replace(made, **changed)

    async def _start(self, service: Service) -> None:
        self.services.append(service)
        await service.start()

    async def greeter(self, name: str, role: Role = Role.PEER, **changed: Any) -> Greeter:
        """A started node that speaks the greeting protocol."""
        greeter = Greeter(Service(role, self.settings(name, **changed), purpose="Greets <you>."))
        await self._start(greeter.service)
        return greeter

    async def stop(self, greeter: Greeter) -> None:
        self.services.remove(greeter.service)
        await greeter.service.stop()

    async def post(
        self, greeter: Greeter, body: Any, path: str = "/greeting/greet", **asked: Any
    ) -> tuple[int, bytes, aiohttp.ClientResponse]:
        async with self.http.post(greeter.service.url + path, data=body, **asked) as response:
            return response.status, await response.read(), response

    async def get(
        self, greeter: Greeter, path: str, *, owner: bool = False, **asked: Any
    ) -> tuple[int, bytes, aiohttp.ClientResponse]:
        headers = asked.pop("headers", {})
        if owner:
            headers["Authorization"] = f"Bearer {TOKEN}"
        async with self.http.get(greeter.service.url + path, headers=headers, **asked) as response:
            return response.status, await response.read(), response


def wrapped(
    sender: Greeter, to: Greeter, message: Message, transaction: bytes = TRANSACTION
) -> Any:
    """A message ready to travel."""
    return sender.party.wrap(message, to.party.id, transaction)


async def greet(
    sender: Greeter, to: Greeter, words: str = "hi", transaction: bytes = TRANSACTION, **asked: Any
) -> Opened[Greeting]:
    return await sender.party.send(to.party.id, Greet(words=words), transaction, Greeting, **asked)
