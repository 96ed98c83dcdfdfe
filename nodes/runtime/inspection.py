"""What a node shows: to anyone who it is, to its owner what it did, holds and read."""

import asyncio
import contextlib
import math
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

from nodes.protocols.guard import declared_guards
from nodes.runtime import openapi, pages
from nodes.runtime.app import json_response, lab_only, owner_only, read_body
from nodes.runtime.control import Request
from nodes.runtime.refusals import InvalidRequest, NoSuchTransaction, NotInALab

if TYPE_CHECKING:
    from nodes.runtime.service import Service

LONGEST_WAIT_SECONDS = 30.0


def add_inspection(app: web.Application, service: "Service") -> None:
    """Every path of a node that is not a protocol's message."""
    views = _Views(service)
    add = app.router.add_get
    add("/", views.front)
    add("/healthz", views.health)
    add("/readyz", views.ready)
    add("/metrics", views.metrics)
    add("/.well-known/node", views.node)
    add("/openapi.json", views.openapi)
    add("/docs", views.docs)
    add("/docs/{file}", views.docs_file)
    for path, view in {
        "/inspect/trace": views.trace,
        "/inspect/counters": views.counters,
        "/inspect/ledger": views.ledger,
        "/inspect/transactions": views.transactions,
        "/inspect/transactions/{id}": views.transaction,
        "/control": views.operations,
    }.items():
        add(path, owner_only(service, view))
    add("/inspect/view", owner_only(service, lab_only(service, views.view)))
    app.router.add_post("/control/{operation}", owner_only(service, views.operate))


def _number(request: web.Request, name: str, default: float) -> float:
    try:
        number = float(request.query.get(name, default))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InvalidRequest(f"{name} is a number")
    return number


class _Views:
    def __init__(self, service: "Service") -> None:
        self._service = service
        self._party = service.party

    # anyone

    async def front(self, request: web.Request) -> web.Response:
        if "text/html" in request.headers.get("Accept", ""):
            return web.Response(text=pages.front_html(self._service), content_type="text/html")
        return web.Response(text=pages.front_text(self._service))

    async def health(self, request: web.Request) -> web.Response:
        return json_response({"status": "alive"})

    async def ready(self, request: web.Request) -> web.Response:
        missing = self._service.missing()
        return json_response(
            {"status": "waiting" if missing else "ready", "missing": missing},
            status=503 if missing else 200,
        )

    async def metrics(self, request: web.Request) -> web.Response:
        return web.Response(
            body=self._service.metrics.render(),
            headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
        )

    async def node(self, request: web.Request) -> web.Response:
        return json_response(self._service.well_known())

    async def openapi(self, request: web.Request) -> web.Response:
        return json_response(openapi.describe(self._service))

    async def docs(self, request: web.Request) -> web.Response:
        return web.Response(text=openapi.viewer_page(), content_type="text/html")

    async def docs_file(self, request: web.Request) -> web.StreamResponse:
        return openapi.viewer_file(request.match_info["file"])

    # the owner

    async def trace(self, request: web.Request) -> web.Response:
        """Rows after number `after`, of one `transaction` where named; waits `wait` seconds."""
        after = int(_number(request, "after", 0))
        transaction = request.query.get("transaction", "")
        observer = self._party.observer
        rows = observer.rows(after=after, transaction=transaction)
        wait = min(_number(request, "wait", 0), LONGEST_WAIT_SECONDS)
        if not rows and wait > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    while not rows:
                        await observer.changed()
                        rows = observer.rows(after=after, transaction=transaction)
        return json_response({"rows": [msgspec.to_builtins(row) for row in rows]})

    async def counters(self, request: web.Request) -> web.Response:
        steps = [
            {"protocol": protocol, "step": step, **amounts}
            for (protocol, step), amounts in sorted(self._party.observer.counters.items())
        ]
        elsewhere = self._party.observer.elsewhere
        return json_response({"steps": steps, "node": self._service.totals(), **elsewhere})

    async def view(self, request: web.Request) -> web.Response:
        return json_response({"read": self._party.observer.view()})

    async def ledger(self, request: web.Request) -> web.Response:
        return json_response(self._service.ledger())

    async def transactions(self, request: web.Request) -> web.Response:
        rows = [row for provider in self._service.records for row in provider.summaries()]
        return json_response({"transactions": rows})

    async def transaction(self, request: web.Request) -> web.Response:
        """One transaction; with `until=A,B` and `wait=S`: as soon as its state is one of these."""
        wanted = {state for state in request.query.get("until", "").split(",") if state}
        wait = min(_number(request, "wait", 0), LONGEST_WAIT_SECONDS)
        found = self._find(request.match_info["id"])
        if wanted and wait > 0 and not (found and wanted & _states(found)):
            found = await self._found_later(request.match_info["id"], wanted, wait)
        if found is None:
            raise NoSuchTransaction()
        return json_response({"found": found})

    async def _found_later(
        self, id_: str, wanted: set[str], wait: float
    ) -> list[dict[str, Any]] | None:
        """Looked for again after each COMMIT, for what is shown is what is on disk."""
        store = self._party.store
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                while True:
                    seen = store.commits
                    while store.commits == seen:
                        await self._party.observer.changed()
                    found = self._find(id_)
                    if found and wanted & _states(found):
                        return found
        return self._find(id_)

    def _find(self, id_: str) -> list[dict[str, Any]] | None:
        try:
            key = bytes.fromhex(id_)
        except ValueError:
            raise InvalidRequest("a transaction's id is hex") from None
        providers = self._service.records
        with self._party.store.snapshot():
            return [record for provider in providers for record in provider.details(key)] or None

    async def operations(self, request: web.Request) -> web.Response:
        return json_response(
            {
                "operations": {
                    name: operation.sentence
                    for name, operation in sorted(self._service.control.operations.items())
                }
            }
        )

    async def operate(self, request: web.Request) -> web.Response:
        operation = self._service.control.find(request.match_info["operation"])
        if operation.lab_only and not self._party.settings.lab:
            raise NotInALab()
        settings = self._party.settings
        body = await read_body(request, settings.message_bytes, settings.body_seconds)
        asked: Request = self._service.control.read(operation, body)
        return json_response(await operation.operate(asked, self._party))


def _states(found: list[dict[str, Any]]) -> set[str]:
    return {str(record.get("state", "")) for record in found}


def guards_off(service: "Service") -> list[dict[str, str]]:
    """Each guard that is off, with what it would have refused."""
    declared = declared_guards()
    return [
        {"name": name, "sentence": declared[name].sentence}
        for name in sorted(service.party.guards.off)
    ]
