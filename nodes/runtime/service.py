"""A node: one party with its storage, its HTTP side and the protocols installed on it.

    service = Service(Role.BROKER, settings, purpose="...")
    dht_micropayment.install(service)
    run(service)

A module's `install` registers handlers of messages, operations of the owner, records to inspect,
rows of the ledger, and what is to be resumed at a start.
"""

import asyncio
import contextlib
import fcntl
import os
import resource
import socket
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from importlib.metadata import version
from typing import Any, Protocol, TypeVar

import msgspec
from aiohttp import web

from crypto.meter import meter_from_here
from crypto.sealing import SealingKey
from crypto.signing import SigningKey
from nodes.protocols.guard import Guards
from nodes.protocols.message import Declaration, Message, Role, declaration_of
from nodes.runtime.app import ROLE_SYMBOLS, build_app
from nodes.runtime.client import Client
from nodes.runtime.clock import Clock
from nodes.runtime.control import Control, Request
from nodes.runtime.directory import Directory
from nodes.runtime.enrolment import Membership, enrol
from nodes.runtime.inbound import Handler, Inbound
from nodes.runtime.inspection import add_inspection
from nodes.runtime.lab import add_lab_controls
from nodes.runtime.listener import Runner
from nodes.runtime.log import get_log
from nodes.runtime.metrics import Metrics
from nodes.runtime.observer import Observer
from nodes.runtime.outbox import Answered, Outbox, RefusedHandler
from nodes.runtime.party import Party, StoredAnswer
from nodes.runtime.refusals import Overloaded
from nodes.runtime.settings import InvalidSettings, Settings
from nodes.runtime.store import Store

M = TypeVar("M", bound=Message)
Hook = Callable[[], Awaitable[None]]


class Records(Protocol):
    """What a module shows of its transactions."""

    def summaries(self) -> list[dict[str, Any]]:
        """One dict a transaction: id (hex), protocol, side, state."""

    def details(self, transaction: bytes) -> list[dict[str, Any]]:
        """The same and all else that is known of one, with signed messages as evidence (hex)."""


class LedgerProvider(Protocol):
    def __call__(self) -> dict[str, Any]: ...


class _Keys(msgspec.Struct, frozen=True):
    signing_seed: bytes
    sealing: bytes


class AnotherProcessRuns(RuntimeError):
    """Another process holds this node's folder."""


class Service:
    def __init__(self, role: Role, settings: Settings, *, purpose: str) -> None:
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = _lock_folder(settings)
        self.purpose = purpose
        self.token = settings.token
        clock = Clock(settings.data / "clock")
        store = Store(settings.data / "node.db")
        keys = _load_keys(store)
        self.party = Party(
            name=settings.name,
            role=role,
            key=SigningKey(keys.signing_seed),
            sealing_key=SealingKey(keys.sealing),
            settings=settings,
            clock=clock,
            store=store,
            observer=Observer(settings.data, clock.now, lab=settings.lab),
            guards=_guards(settings),
            answers=store.table("answers", StoredAnswer),
        )
        store.on_commit = self.party.observer.notify
        self.party.directory = Directory(self.party)
        self.party.outbox = Outbox(self.party)
        self.memberships = store.table("membership", Membership)
        self.inbound = Inbound(self.party)
        self.control = Control()
        self.metrics = Metrics(self)
        self.records: list[Records] = []
        self.membership: Membership | None = None
        self.enrol_with: Callable[[Service], Awaitable[Membership]] = enrol
        """The certificate authority certifies itself."""
        self._ledger: list[LedgerProvider] = []
        self._routes: list[Callable[[web.Application], None]] = []
        self._waiting_for: dict[str, Callable[[], bool]] = {}
        self._early_hooks: list[Hook] = []
        self._start_hooks: list[Hook] = []
        self._stop_hooks: list[Hook] = []
        self._protocols: dict[str, None] = {}
        self._clock_hooks: list[Callable[[], None]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._in_hand = 0
        self._turned_away = 0
        self._url = settings.url
        self.udp: tuple[str, int] | None = None
        """Where this node's DHT listens, once it does; stands on its card."""
        self._running = False
        self.awaits("certificate", lambda: self.membership is not None)
        add_lab_controls(self)

    # what modules register

    def handles(
        self, type_: type[Message], handler: Handler, *, from_strangers: bool = False
    ) -> None:
        """`handler` serves messages of this type."""
        self._protocols[declaration_of(type_).protocol] = None
        self.inbound.add(type_, handler, from_strangers=from_strangers)

    def on_answer(self, type_: type[Message], handler: Answered) -> None:
        """Hear of the answer to a message that went through the outbox."""
        self.party.outbox.on_answer(type_, handler)

    def on_refusal(self, type_: type[Message], handler: RefusedHandler) -> None:
        """Hear of the refusal of a message that went through the outbox."""
        self.party.outbox.on_refusal(type_, handler)

    def operation(
        self,
        name: str,
        request: type[Request],
        operate: Callable[[Any, Party], Awaitable[dict[str, Any]]],
        sentence: str,
        *,
        lab_only: bool = False,
    ) -> None:
        self.control.add(name, request, operate, sentence, lab_only=lab_only)

    def shows(self, records: Records) -> None:
        self.records.append(records)

    def accounts_for(self, ledger: LedgerProvider) -> None:
        self._ledger.append(ledger)

    def awaits(self, what: str, there: Callable[[], bool]) -> None:
        """Not ready before `there()` holds."""
        self._waiting_for[what] = there

    def routes(self, add: Callable[[web.Application], None]) -> None:
        """Paths beside the messages (streams of content)."""
        self._routes.append(add)

    def before_enrolment(self, hook: Hook) -> None:
        """Runs once this node's HTTP side listens: what must stand on its card."""
        self._early_hooks.append(hook)

    def at_start(self, hook: Hook) -> None:
        """Runs once this node is enrolled: resume what was left."""
        self._start_hooks.append(hook)

    def at_stop(self, hook: Hook) -> None:
        self._stop_hooks.append(hook)

    def when_clock_moves(self, hook: Callable[[], None]) -> None:
        """A lab has moved this node's time forward: look at the deadlines again."""
        self._clock_hooks.append(hook)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run beside everything else; cancelled when the node stops, a failure is logged."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            get_log().error("background_work_failed", exc_info=task.exception())

    def clock_moved(self) -> None:
        for hook in self._clock_hooks:
            hook()

    # what others ask

    @property
    def url(self) -> str:
        return self._url

    @property
    def reachable_host(self) -> str:
        """What others know this machine by: its own address where it listens on every one."""
        host = self.party.settings.host
        if host in ("0.0.0.0", "::"):
            return socket.gethostbyname(socket.gethostname())
        return host

    def missing(self) -> list[str]:
        """What this node still waits for; empty when it is ready."""
        return [what for what, there in self._waiting_for.items() if not there()]

    def accepts_messages(self, declaration: Declaration) -> bool:
        return self.membership is not None or declaration.protocol == "membership"

    def protocols(self) -> list[str]:
        return list(self._protocols)

    def ledger(self) -> dict[str, Any]:
        """All rows, by what each module accounts for, with this party's id."""
        merged: dict[str, Any] = {"party": self.party.id.hex(), "name": self.party.name}
        for provider in self._ledger:
            merged.update(provider())
        return merged

    def totals(self) -> dict[str, float]:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "cpu_seconds": usage.ru_utime + usage.ru_stime,
            "peak_memory_bytes": usage.ru_maxrss * 1024,
            "outbox_waiting": self.party.outbox.waiting(),
            "commits": self.party.store.commits,
            "commits_waiting": int(self.party.store.is_behind),
            "messages_in_hand": self._in_hand,
            "turned_away": self._turned_away,
        }

    def well_known(self) -> dict[str, Any]:
        party = self.party
        certificate = self.membership.certificate.hex() if self.membership else None
        return {
            "name": party.name,
            "role": party.role.value,
            "symbol": ROLE_SYMBOLS[party.role],
            "id": party.id.hex(),
            "sealing_key": party.sealing_key.public_key.hex(),
            "certificate": certificate,
            "url": self._url,
            "protocols": self.protocols(),
            "version": version("jangteo"),
            "guards_off": sorted(party.guards.off),
            "lab": party.settings.lab,
            "ready": not self.missing(),
        }

    @contextlib.contextmanager
    def hand(self) -> Iterator[None]:
        """One message in hand; Overloaded when there are too many."""
        if self._in_hand >= self.party.settings.work_in_hand:
            self._turned_away += 1
            raise Overloaded()
        self._in_hand += 1
        try:
            yield
        finally:
            self._in_hand -= 1

    # life

    async def start(self) -> None:
        """Listen, enrol, resume. Returns when enrolled; readiness may come later."""
        party = self.party
        meter_from_here(party.observer.elsewhere["background"])
        party.client = Client(party)
        app = build_app(self)
        for add in self._routes:
            add(app)
        add_inspection(app, self)
        self._runner = Runner(
            app,
            connections=party.settings.connections,
            access_log=None,
            keepalive_timeout=party.settings.idle_seconds,
            handle_signals=False,
            shutdown_timeout=2.0,
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, party.settings.host, party.settings.port, backlog=1024)
        await site.start()
        port = self._runner.addresses[0][1]
        self._url = party.settings.url or f"http://{self.reachable_host}:{port}"
        self._running = True
        for hook in self._early_hooks:
            await hook()
        self.membership = await self.enrol_with(self)
        for hook in self._start_hooks:
            await hook()
        party.outbox.start()
        party.observer.notify()
        get_log().info("started", url=self._url, id=party.id.hex())

    async def stop(self) -> None:
        """Let running work end, then close everything. What is on disk is complete anyway."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for hook in reversed(self._stop_hooks):
            await hook()
        await self.party.outbox.stop()
        if self._running:
            await self._runner.cleanup()
            await self.party.client.close()
        await self.party.store.close()
        self.party.observer.close()
        os.close(self._lock)

    def abandon(self) -> None:
        """Let go of the folder as the end of a process does: nothing is finished, nothing saved.

        For those who run many nodes in one process and end one of them.
        """
        self.party.store.abandon()
        self.party.observer.close()
        os.close(self._lock)


def _guards(settings: Settings) -> Guards:
    try:
        return Guards.without(settings.without)
    except ValueError as error:
        raise InvalidSettings(str(error)) from error


def _load_keys(store: Store) -> _Keys:
    """The node's keys live in its database: a lost disk is a lost key, never an old vote again."""
    table = store.table("keys", _Keys)
    keys = table.get(store.committed, b"node")
    if keys is not None:
        return keys
    keys = _Keys(SigningKey.generate().seed, SealingKey.generate().private_bytes)
    with store.setup() as tx:
        table.put(tx, b"node", keys)
    return keys


def _lock_folder(settings: Settings) -> int:
    """One process a folder: two writers of one party's records would sign twice."""
    lock = os.open(settings.data / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise AnotherProcessRuns(f"{settings.data} is in use by another process") from None
    return lock
