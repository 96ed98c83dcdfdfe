"""An event loop on a virtual clock: where nothing is ready, time jumps to the next timer.

    loop = VirtualLoop(network, random.Random(7))
    loop.run_until_complete(work())

Everything that asyncio offers the nodes runs unmodified on it, in one thread, in an order that
depends on nothing but the seed. It opens no socket: a `Network` in memory carries what is sent.
Work given to threads (files, COMMITs, slow arithmetic) runs in this thread, a drawn moment later.

What belongs to a life that has ended (`lives.Life`) is never run.
"""

import asyncio
import contextlib
import heapq
import itertools
import random
import socket
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from typing import Any, Protocol, TypeVar

from scenarios.simulation.lives import Life, LifeEnded, life_here, life_in

T = TypeVar("T")

FIRST_MOMENT = 1000.0
WORK_SECONDS = (0.0001, 0.002)
"""How long work in another thread takes, a COMMIT above all."""
DAY_SECONDS = 86_400.0
MOST_CANCELLED = 1000
"""So many cancelled timers are swept away at once."""


class NothingToDo(RuntimeError):
    """Somebody waits, and no callback and no timer is left that could ever wake him."""


class TimeIsUp(RuntimeError):
    """The virtual clock has come to the end of the time this loop was given."""


class Carrier(Protocol):
    """What the loop asks of a network; see `network.Network`."""

    async def connect(self, sock: socket.socket | None, address: tuple[str, int]) -> None: ...

    def open_connection(self, factory: Callable[[], Any], sock: socket.socket) -> Any: ...

    def listen(
        self, factory: Callable[[], Any], host: str, port: int
    ) -> asyncio.AbstractServer: ...

    def open_endpoint(self, factory: Callable[[], Any], address: tuple[str, int]) -> Any: ...


class _Handle(asyncio.Handle):
    __slots__ = ()
    _context: Context

    def _run(self) -> None:
        life = life_in(self._context)
        if life is None or life.alive:
            super()._run()


class _TimerHandle(asyncio.TimerHandle):
    __slots__ = ()
    _context: Context
    _scheduled: bool

    def _run(self) -> None:
        life = life_in(self._context)
        if life is None or life.alive:
            super()._run()


class _Task(asyncio.Task[Any]):
    """Hashed by a number: sets of tasks have the same order in every run."""

    def __init__(
        self, coroutine: Any, *, number: int, context: Context | None = None, **more: Any
    ) -> None:
        self._number = number
        self.life = life_here() if context is None else life_in(context)
        super().__init__(coroutine, context=context, **more)

    def __hash__(self) -> int:
        return self._number


class VirtualLoop(asyncio.BaseEventLoop):
    """`seconds`: how much virtual time it may use; TimeIsUp beyond."""

    _ready: deque[Any]
    _scheduled: list[Any]
    _stopping: bool
    _timer_cancelled_count: int

    def __init__(
        self, network: Carrier, chance: random.Random, *, seconds: float = DAY_SECONDS
    ) -> None:
        super().__init__()
        self.network = network
        self.steps = 0
        """How many callbacks were run."""
        self._chance = chance
        self._now = FIRST_MOMENT
        self._end = FIRST_MOMENT + seconds
        self._numbers = itertools.count(1)
        self._remains: list[_Task] = []
        self._generators: dict[int, Life | None] = {}
        """Whose each asynchronous generator is, by its identity."""
        self.set_task_factory(self._make_task)
        self.set_exception_handler(_tell)

    # time and order

    def time(self) -> float:
        return self._now

    def _run_once(self) -> None:
        self._drop_cancelled()
        if not self._ready and not self._stopping:
            self._jump()
        while self._scheduled and self._scheduled[0]._when <= self._now:
            timer = heapq.heappop(self._scheduled)
            timer._scheduled = False
            self._ready.append(timer)
        for _ in range(len(self._ready)):
            handle = self._ready.popleft()
            if not handle._cancelled:
                self.steps += 1
                handle._run()

    def _jump(self) -> None:
        if not self._scheduled:
            raise NothingToDo(f"nothing is left that could happen: {_waiting(self)}")
        self._now = max(self._now, self._scheduled[0]._when)
        if self._now > self._end:
            raise TimeIsUp(f"after {self._now - FIRST_MOMENT:g} virtual seconds: {_waiting(self)}")

    def _drop_cancelled(self) -> None:
        timers = self._scheduled
        if self._timer_cancelled_count > MOST_CANCELLED:
            for timer in timers:
                timer._scheduled = not timer._cancelled
            timers[:] = [timer for timer in timers if not timer._cancelled]
            heapq.heapify(timers)
            self._timer_cancelled_count = 0
        while timers and timers[0]._cancelled:
            self._timer_cancelled_count -= 1
            heapq.heappop(timers)._scheduled = False

    def call_at(  # type: ignore[override]
        self, when: float, callback: Any, *args: Any, context: Any = None
    ) -> Any:
        timer = _TimerHandle(when, callback, args, self, context or copy_context())
        heapq.heappush(self._scheduled, timer)
        timer._scheduled = True
        return timer

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Any, *args: Any, context: Any = None
    ) -> Any:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def _call_soon(self, callback: Any, args: Any, context: Any) -> Any:
        handle = _Handle(callback, args, self, context or copy_context())
        self._ready.append(handle)
        return handle

    def _make_task(self, loop: Any, coroutine: Any, **more: Any) -> _Task:
        return _Task(coroutine, number=next(self._numbers), loop=self, **more)

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., T], *args: Any
    ) -> Any:
        """In this thread, a moment later: who is killed before has not done it."""
        future: asyncio.Future[T] = self.create_future()
        self.call_later(self._chance.uniform(*WORK_SECONDS), _work, future, func, args)
        return future

    # nothing of the operating system

    def _process_events(self, events: Any) -> None:
        pass

    def _write_to_self(self) -> None:
        pass

    async def getaddrinfo(self, host: Any, port: Any, **more: Any) -> Any:
        """Of addresses in digits; there are no names."""
        more["flags"] = more.get("flags", 0) | socket.AI_NUMERICHOST
        return socket.getaddrinfo(host, port, **more)

    async def sock_connect(self, sock: socket.socket, address: Any) -> None:
        await self.network.connect(sock, address)

    async def create_connection(
        self, protocol_factory: Any, host: Any = None, port: Any = None, *, sock: Any = None,
        **more: Any,
    ) -> Any:  # fmt: skip
        """To an address, or over a socket that is connected."""
        if sock is None:
            sock = socket.socket()
            await self.network.connect(sock, (host, port))
        return self.network.open_connection(protocol_factory, sock)

    async def create_server(
        self, protocol_factory: Any, host: Any = None, port: Any = None, **more: Any
    ) -> Any:
        return self.network.listen(protocol_factory, host, port)

    async def create_datagram_endpoint(  # type: ignore[override]
        self, protocol_factory: Any, local_addr: Any = None, **more: Any
    ) -> Any:
        return self.network.open_endpoint(protocol_factory, local_addr)

    async def sendfile(self, *args: Any, **more: Any) -> Any:
        """Whoever is told so reads the file and writes it."""
        raise NotImplementedError

    # ends

    def _asyncgen_firstiter_hook(self, agen: Any) -> None:
        """A node's own are its own matter: at the end of the loop only the lab's are closed."""
        self._generators[id(agen)] = life_here()
        if life_here() is None:
            super()._asyncgen_firstiter_hook(agen)  # type: ignore[misc]

    def _asyncgen_finalizer_hook(self, agen: Any) -> None:
        """One was left before its end, and the collector closes it: in its own life, if that
        goes on."""
        life = self._generators.pop(id(agen), None)
        if life is None:
            super()._asyncgen_finalizer_hook(agen)  # type: ignore[misc]
        elif life.alive and not self.is_closed():
            self.call_soon(self.create_task, agen.aclose(), context=life.context)

    def bury(self, *lives: Life) -> None:
        """Keep the tasks of lives that have ended as they are.

        Collected, their coroutines would be closed, and what stands behind `finally` would run.
        """
        for task in asyncio.all_tasks(self):
            if isinstance(task, _Task) and task.life in lives:
                task._log_destroy_pending = False  # type: ignore[attr-defined]
                self._remains.append(task)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What `work` returns; then whatever still runs is cancelled, and the loop is closed."""
        try:
            return self.run_until_complete(work)
        finally:
            try:
                self._end += DAY_SECONDS  # time to end in
                self._cancel_the_rest()
                self.run_until_complete(self.shutdown_asyncgens())
            finally:
                self.close()
                self._dissolve()

    def _cancel_the_rest(self) -> None:
        running = [
            task
            for task in asyncio.all_tasks(self)
            if isinstance(task, _Task) and (task.life is None or task.life.alive)
        ]
        for task in running:
            task.cancel()
        if running:
            self.run_until_complete(asyncio.gather(*running, return_exceptions=True))

    def _dissolve(self) -> None:
        """Close what was kept: it holds files open. Its node is long gone."""
        for task in self._remains:
            coroutine: Any = task.get_coro()
            with contextlib.suppress(BaseException):
                coroutine.close()
        self._remains.clear()


def _work(future: "asyncio.Future[T]", func: Callable[..., T], args: tuple[Any, ...]) -> None:
    """Done also if whoever asked has given up waiting: a thread would not stop either."""
    try:
        result = func(*args)
    except LifeEnded:
        raise
    except BaseException as error:
        if not future.done():
            future.set_exception(error)
    else:
        if not future.done():
            future.set_result(result)


def _waiting(loop: VirtualLoop) -> str:
    names = sorted(
        f"{task.life or 'the lab'}: {getattr(task.get_coro(), '__qualname__', '')}"
        for task in asyncio.all_tasks(loop)
        if isinstance(task, _Task) and (task.life is None or task.life.alive)
    )
    return "; ".join(names) or "no task is left"


def _tell(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Not of frames that ended with their node, nor of what the collector finds of it later."""
    if not (loop.is_closed() or isinstance(context.get("exception"), LifeEnded)):
        loop.default_exception_handler(context)
