"""A node as its owner sees it: operations, inspection and content over HTTP, with the token.

What a node refuses is `ControlRefused` with the node's own code; where no readable answer came it
is `Unanswered`, and then what was asked may have happened.
"""

import asyncio
import json
import os
from pathlib import Path
from typing import Any, Protocol

import aiohttp

from scenarios.lab.failures import (
    ControlRefused,
    NodeEnded,
    NotReached,
    NotReadyInTime,
    Unanswered,
)
from scenarios.lab.measure import Usage

CALL_SECONDS = 120.0
CONNECT_SECONDS = 5.0
READY_SECONDS = 60.0
STREAM_SILENCE_SECONDS = 60.0
LONGEST_WAIT_SECONDS = 25.0
"""One question waits no longer; `until` asks again."""
PAUSE_SECONDS = 0.05
PIECE_BYTES = 1 << 18
UNKNOWN_TRANSACTION = "http/no-such-transaction"

Json = dict[str, Any]


class Host(Protocol):
    """Where the processes of a world run, and how one is ended and started again."""

    def alive(self, name: str) -> bool: ...

    def pid(self, name: str) -> int | None:
        """None if the node does not run, or not as a process of this machine's own."""

    def usage(self, name: str) -> Usage | None: ...

    def uptime_seconds(self, name: str) -> float | None: ...

    async def kill(self, name: str) -> None: ...

    async def ended(self, name: str) -> None:
        """Returns when it does not run any more."""

    async def restart(self, name: str) -> str:
        """End it if it runs, start it; its url. It may not listen yet."""

    async def how_it_ended(self, name: str) -> str:
        """For people."""


class Node:
    """One node of a running world."""

    def __init__(
        self,
        *,
        name: str,
        role: str,
        url: str,
        id: str,
        session: aiohttp.ClientSession,
        token: str,
        host: Host,
    ) -> None:
        self.name = name
        self.role = role
        self.url = url
        self.id = id
        """Public key, hex."""
        self.session = session
        self._headers = {"Authorization": f"Bearer {token}"}
        self.host = host

    def __repr__(self) -> str:
        return f"<{self.name} {self.url}>"

    # its owner's decisions

    async def control(self, operation: str, /, **fields: Any) -> Json:
        """Ask for one of the operations that GET /control lists."""
        return await self._call("POST", f"/control/{operation}", json=fields)

    async def upload(self, path: Path, *, name: str = "") -> Json:
        """Give a peer content to sell: its content_id and size."""
        with path.open("rb") as file:
            return await self._call(
                "PUT",
                "/control/content",
                params={"name": name or path.name},
                data=file,
                timeout=_streaming(),
            )

    async def download(self, transaction: str, target: Path) -> int:
        """Write the opened content of a transaction to a file, whole or not at all; its size."""
        partial = target.with_name(f".{target.name}.partial")
        size = 0
        try:
            async with self.session.get(
                f"{self.url}/control/content/{transaction}",
                headers=self._headers,
                timeout=_streaming(),
            ) as response:
                if response.status != 200:
                    raise self._problem(response.status, await response.read())
                with partial.open("wb") as file:
                    async for piece in response.content.iter_chunked(PIECE_BYTES):
                        size += file.write(piece)
            os.replace(partial, target)
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
            raise self._unanswered(error) from error
        finally:
            partial.unlink(missing_ok=True)
        return size

    # what it shows

    async def get(self, path: str, /, **query: Any) -> Json:
        return await self._call("GET", path, params={k: str(v) for k, v in query.items()})

    async def trace(self, *, after: int = 0, transaction: str = "", wait: float = 0) -> list[Json]:
        """Rows of the trace after a row's number; waits for the first up to `wait` seconds."""
        query = {"after": after, "transaction": transaction, "wait": wait}
        rows: list[Json] = (await self.get("/inspect/trace", **query))["rows"]
        return rows

    async def until(self, transaction: str, *states: str, seconds: float = 30) -> Json:
        """The transaction's record as soon as it is in one of these states.

        A node that does not answer meanwhile, because it is started again, is asked again.
        Raises NotReached.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        seen = "nothing is known of it"
        while True:
            left = deadline - loop.time()
            try:
                found = await self._transaction(transaction, states, left)
            except Unanswered as error:
                seen = str(error)
                await asyncio.sleep(PAUSE_SECONDS)
            else:
                for record in found:
                    if record.get("state") in states:
                        return record
                states_seen = ", ".join(str(record.get("state")) for record in found)
                seen = f"it is {states_seen}" if found else "nothing is known of it"
            if loop.time() >= deadline:
                raise NotReached(
                    f"{self.name}: transaction {transaction} is not {' or '.join(states)} "
                    f"after {seconds:g} s; {seen}"
                )

    async def _transaction(self, id_: str, states: tuple[str, ...], left: float) -> list[Json]:
        wait = max(0.0, min(left, LONGEST_WAIT_SECONDS))
        try:
            answer = await self.get(
                f"/inspect/transactions/{id_}", until=",".join(states), wait=f"{wait:.3f}"
            )
        except ControlRefused as error:
            if error.code == UNKNOWN_TRANSACTION:
                return []
            raise
        found: list[Json] = answer["found"]
        return found

    # its process

    def alive(self) -> bool:
        return self.host.alive(self.name)

    @property
    def pid(self) -> int | None:
        return self.host.pid(self.name)

    def usage(self) -> Usage | None:
        """Processor time and memory of its process; None where this machine cannot tell."""
        return self.host.usage(self.name)

    def uptime_seconds(self) -> float | None:
        return self.host.uptime_seconds(self.name)

    async def missing(self) -> list[str]:
        """What it still waits for; empty when it is ready."""
        return list((await self._call("GET", "/readyz", expected=(200, 503)))["missing"])

    async def kill(self) -> None:
        """End its process at once (kill -9); returns when it has ended."""
        await self.host.kill(self.name)

    async def ended(self) -> None:
        """Wait until its process has ended, whoever ends it."""
        await self.host.ended(self.name)

    async def restart(self, *, ready: bool = True, seconds: float = READY_SECONDS) -> None:
        """Start it again on its data, ending it before if it runs; returns when it is ready.

        A DHT member is not ready before enough others hold its registers: while too many are
        down, ask with `ready=False`, which returns when it answers.
        """
        self.url = await self.host.restart(self.name)
        await self.until_ready(seconds, ready=ready)

    async def until_ready(self, seconds: float = READY_SECONDS, *, ready: bool = True) -> None:
        """Raises NodeEnded, or NotReadyInTime with what it waits for."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while True:
            try:
                missing = await self.missing()
                if not (ready and missing):
                    return
            except Unanswered:
                if not self.alive():
                    raise NodeEnded(await self.host.how_it_ended(self.name)) from None
                missing = ["an answer"]
            if loop.time() >= deadline:
                raise NotReadyInTime(
                    f"{self.name} runs, and after {seconds:g} s still waits for: "
                    f"{', '.join(missing)}      (jangteo status)"
                )
            await asyncio.sleep(PAUSE_SECONDS)

    # inside

    async def _call(
        self, method: str, path: str, *, expected: tuple[int, ...] = (200,), **given: Any
    ) -> Json:
        headers = self._headers | given.pop("headers", {})
        try:
            async with self.session.request(
                method, self.url + path, headers=headers, allow_redirects=False, **given
            ) as response:
                status, body = response.status, await response.read()
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
            raise self._unanswered(error) from error
        if status not in expected:
            raise self._problem(status, body)
        try:
            answer = json.loads(body)
        except ValueError as error:
            raise Unanswered(f"{self.name} answered {path} with what is no JSON") from error
        return dict(answer)

    def _unanswered(self, error: BaseException) -> Unanswered:
        why = str(error) or type(error).__name__
        how = "" if self.alive() else f" It does not run: jangteo restart {self.name}"
        return Unanswered(f"{self.name} gave no answer ({why}).{how}")

    def _problem(self, status: int, body: bytes) -> ControlRefused | Unanswered:
        """What a problem document (RFC 9457) says."""
        try:
            document = json.loads(body)
            return ControlRefused(
                str(document["code"]),
                str(document["title"]),
                str(document.get("detail", "")),
                outcome=str(document["outcome"]),
                node=self.name,
            )
        except (ValueError, KeyError, TypeError):
            return Unanswered(f"{self.name} answered with status {status} and nothing readable")


def open_session() -> aiohttp.ClientSession:
    """For all nodes of a world; as many connections as are wanted at once."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        timeout=aiohttp.ClientTimeout(total=CALL_SECONDS, connect=CONNECT_SECONDS),
    )


def _streaming() -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(connect=CONNECT_SECONDS, sock_read=STREAM_SILENCE_SECONDS)
