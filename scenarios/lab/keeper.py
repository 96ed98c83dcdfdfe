"""The keeper of a local world: imports everything once, forks each node, fetches its exit code.

Started by the launcher in a session of its own, so that it and the nodes outlive the command. It
takes orders on a socket in the world's folder, one JSON line each way. It restarts nothing by
itself. It ends its nodes when it is told to end, when whoever holds the other end of its lifeline
is gone, and when the world's folder is gone.
"""

import argparse
import gc
import importlib
import os
import random
import resource
import selectors
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import NoReturn

import msgspec

from nodes.runtime.settings import PREFIX, read_settings
from scenarios.lab.plan import known_guards
from scenarios.lab.processes import end, identify
from scenarios.lab.world_folder import NodeRecord, WorldFolder, WorldRecord

END_SECONDS = 10.0
"""From asking a node to end to killing it."""
WATCH_SECONDS = 2.0
"""How often the keeper looks whether the world's folder is still there."""
ORDER_SECONDS = 5.0
ORDER_BYTES = 1 << 20
FAILED_TO_START = 70
WARM = (
    "aiohttp.web",
    "cryptography.hazmat.bindings._rust",
    "encodings.idna",
    "nacl.bindings",
    "nodes.runtime.service",
    "sqlite3",
    "uvloop",
)
"""What every node imports sooner or later, beside its own modules."""


class Order(msgspec.Struct):
    start: list[str] = []
    """Names of nodes that do not run."""


class Report(msgspec.Struct):
    failure: str = ""
    """Why nothing was started."""
    ended: dict[str, int] = {}
    """Exit code of each node that has ended; the negative number of a signal that killed it."""


class Keeper:
    def __init__(
        self, folder: WorldFolder, listener: socket.socket, lifeline: int, temporary: bool
    ) -> None:
        self._folder = folder
        self._listener = listener
        self._lifeline = lifeline
        self._temporary = temporary
        self._children: dict[int, str] = {}
        self._ended: dict[str, int] = {}
        self._stopping = False

    def run(self) -> None:
        """Serve until there is a reason to end; then end every node."""
        selector = selectors.DefaultSelector()
        selector.register(self._listener, selectors.EVENT_READ, self._take_order)
        selector.register(self._wake_on_signals(), selectors.EVENT_READ, self._drain)
        if self._lifeline >= 0:
            selector.register(self._lifeline, selectors.EVENT_READ, self._owner_is_gone)
        while not self._stopping:
            for key, _ in selector.select(WATCH_SECONDS):
                key.data()
            self._fetch_exit_codes()
            if not self._folder.exists():
                self._stopping = True
        self._end_all()

    # reasons to end

    def _wake_on_signals(self) -> int:
        self._woken, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._told_to_end)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        return self._woken

    def _drain(self) -> None:
        with suppress(BlockingIOError):
            os.read(self._woken, 1024)

    def _told_to_end(self, number: int, frame: object) -> None:
        self._stopping = True

    def _owner_is_gone(self) -> None:
        if not os.read(self._lifeline, 1):
            self._stopping = True

    def _end_all(self) -> None:
        processes = [process for pid in self._children if (process := identify(pid))]
        end(processes, END_SECONDS)
        self._fetch_exit_codes()
        self._folder.keeper_socket.unlink(missing_ok=True)
        if self._temporary and self._folder.exists():
            self._folder.forget()

    def _fetch_exit_codes(self) -> None:
        while self._children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            name = self._children.pop(pid)
            self._ended[name] = os.waitstatus_to_exitcode(status)

    # orders

    def _take_order(self) -> None:
        connection, _ = self._listener.accept()
        with connection, suppress(OSError):
            connection.settimeout(ORDER_SECONDS)
            report = self._obey(msgspec.json.decode(_read_line(connection), type=Order))
            connection.sendall(msgspec.json.encode(report) + b"\n")

    def _obey(self, order: Order) -> Report:
        self._fetch_exit_codes()
        failure = ""
        if order.start:
            try:
                self._start(order.start)
            except Exception as error:
                traceback.print_exc()
                failure = f"{type(error).__name__}: {error}"
        return Report(failure, dict(self._ended))

    def _start(self, names: list[str]) -> None:
        """Fork, record, release: no node runs that is not in world.json."""
        record = self._folder.read()
        chosen = [record.node(name) for name in names]
        programs = [_import_program(node) for node in chosen]
        _share_memory()
        gate, opener = os.pipe()
        for node, program in zip(chosen, programs, strict=True):
            pid = os.fork()
            if pid == 0:
                os.close(opener)
                self._become(record, node, program.build, gate)
            self._children[pid] = node.name
            self._ended.pop(node.name, None)
            node.process = identify(pid)
        self._folder.write(record)
        os.close(gate)
        os.write(opener, bytes(len(chosen)))
        os.close(opener)

    def _become(
        self, record: WorldRecord, node: NodeRecord, build: Callable[..., object], gate: int
    ) -> NoReturn:
        """In the child: be this node until it ends."""
        code = FAILED_TO_START
        try:
            self._leave_keeper(node, gate)
            if os.read(gate, 1):
                os.close(gate)
                code = _run_node(self._folder, record, node, build, self._lifeline)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _leave_keeper(self, node: NodeRecord, gate: int) -> None:
        """A session, signals, log and descriptors of its own."""
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        log = os.open(
            self._folder.log(node.name), os.O_WRONLY | os.O_CREAT | os.O_APPEND, mode=0o600
        )
        os.dup2(log, 1)
        os.dup2(log, 2)
        keep = {0, 1, 2, gate, self._lifeline}
        for descriptor in [int(name) for name in os.listdir("/proc/self/fd")]:
            if descriptor not in keep:
                with suppress(OSError):
                    os.close(descriptor)
        random.seed()


def _run_node(
    folder: WorldFolder,
    record: WorldRecord,
    node: NodeRecord,
    build: Callable[..., object],
    lifeline: int,
) -> int:
    from nodes.runtime.process import run

    with suppress(OSError):
        Path("/proc/self/comm").write_text(node.name[:15])
    environment = node_environment(folder, record, node, lifeline)
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        del os.environ[name]
    os.environ.update(environment)
    return run(build, read_settings(environment))  # type: ignore[arg-type]


def node_environment(
    folder: WorldFolder, record: WorldRecord, node: NodeRecord, lifeline: int
) -> dict[str, str]:
    """All that tells a node who it is; the same names configure it in a container."""
    own = {
        "name": node.name,
        "data": str(folder.data(node.name)),
        "world": str(folder.path),
        "ca_url": record.node("certificate-authority").url,
        "host": node.host,
        "port": str(node.port),
        "udp_port": str(node.udp_port),
        "url": node.url,
        "lab": "1" if record.lab else "0",
        "without": ",".join(record.without),
        "lifeline": str(lifeline),
        "expected_peers": str(record.peers),
    }
    return {PREFIX + name.upper(): value for name, value in (record.settings | own).items()}


def _import_program(node: NodeRecord) -> ModuleType:
    try:
        return importlib.import_module(node.program)
    except Exception as error:
        raise ImportError(f"{node.program}, which {node.name} runs, fails: {error!r}") from error


def _share_memory() -> None:
    """Leave nothing for the children's collectors to touch, or every page would be copied."""
    gc.collect()
    gc.freeze()


def _read_line(connection: socket.socket) -> bytes:
    line = b""
    while not line.endswith(b"\n") and len(line) < ORDER_BYTES:
        piece = connection.recv(65_536)
        if not piece:
            break
        line += piece
    return line


def _warm(folder: WorldFolder) -> None:
    for module in WARM:
        importlib.import_module(module)
    # Every guard of every protocol has a name, also to nodes that do not speak the protocol.
    known_guards()
    for program in {node.program for node in folder.read().nodes}:
        # A program that cannot be imported is reported when its node is to be started.
        with suppress(Exception):
            importlib.import_module(program)


def _allow_many_connections() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--listener", type=int, required=True, help="descriptor of the socket")
    parser.add_argument("--lifeline", type=int, default=-1, help="descriptor; -1 for none")
    parser.add_argument("--temporary", action="store_true", help="delete the world at the end")
    options = parser.parse_args()
    folder = WorldFolder(options.folder)
    for descriptor in (options.listener, options.lifeline):
        if descriptor >= 0:
            os.set_inheritable(descriptor, False)
    _allow_many_connections()
    gc.disable()
    _warm(folder)
    gc.enable()
    os.chdir("/")
    listener = socket.socket(fileno=options.listener)
    Keeper(folder, listener, options.lifeline, options.temporary).run()


if __name__ == "__main__":
    main()
