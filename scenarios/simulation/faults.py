"""What goes wrong with messages: planted for one, or as the weather is for all.

    planted = faults.plant(Fault("lost answer", "peer-01", "escrow-server", "/escrow_commerce/7"))
    planted.happened                                # whether a message came that it struck
    faults.weather = Weather(lost_requests=0.01)

A message is a POST from one node to another; what an owner or the lab asks is none. The weather
does not touch streams (GET, PUT), what is planted for them does.
"""

import random
from collections import Counter
from dataclasses import dataclass
from typing import Literal, get_args

MessageFault = Literal["lost request", "lost answer", "doubled", "late", "overtaken"]
FaultKind = MessageFault | Literal["broken off"]
MESSAGE_FAULTS: tuple[MessageFault, ...] = get_args(MessageFault)
STREAM_FAULTS: tuple[FaultKind, ...] = ("lost request", "lost answer", "broken off")


@dataclass(frozen=True)
class Fault:
    """What happens to the next message of one path from one node to another.

    lost request   the connection breaks before the message arrives
    lost answer    the message is served, the connection breaks before the answer comes back
    doubled        the message arrives once more, later, on a connection of its own
    late           the message arrives when its sender no longer waits for the answer
    overtaken      the message arrives after others that were sent later
    broken off     the connection breaks in the middle of what is streamed, whichever way it flows
    """

    kind: FaultKind
    sender: str
    receiver: str
    path: str
    """Where it is posted; of a stream, the beginning of its path up to a `/`."""
    late_seconds: float = 8.0


@dataclass
class Planted:
    """A fault that waits for its message."""

    fault: Fault
    happened: bool = False


@dataclass(frozen=True)
class Weather:
    """Shares (0 to 1) of all messages, and of all datagrams, that something happens to."""

    lost_requests: float = 0.0
    lost_answers: float = 0.0
    doubled: float = 0.0
    late: float = 0.0
    overtaken: float = 0.0
    lost_datagrams: float = 0.0
    doubled_datagrams: float = 0.0


class Faults:
    def __init__(self, chance: random.Random) -> None:
        self.weather = Weather()
        self.counts: Counter[str] = Counter()
        """What happened to messages so far, by kind."""
        self._chance = chance
        self._planted: list[Planted] = []

    def plant(self, fault: Fault) -> Planted:
        planted = Planted(fault)
        self._planted.append(planted)
        return planted

    def withdraw(self, planted: Planted) -> None:
        """It is not to happen any more."""
        self._planted = [other for other in self._planted if other is not planted]

    def strikes(self, sender: str, receiver: str, path: str, *, message: bool) -> Fault | None:
        """What happens to this request: what was planted, else what the weather brings."""
        if not (sender and receiver):
            return None
        fault = self._planted_for(sender, receiver, path)
        if fault is None and message and (kind := self._weather_now()):
            fault = Fault(kind, sender, receiver, path)
        if fault is not None:
            self.counts[fault.kind] += 1
        return fault

    def _planted_for(self, sender: str, receiver: str, path: str) -> Fault | None:
        for planted in self._planted:
            fault = planted.fault
            fits = path.startswith(fault.path) if fault.path[-1] == "/" else path == fault.path
            if fits and (fault.sender, fault.receiver) == (sender, receiver):
                planted.happened = True
                self.withdraw(planted)
                return fault
        return None

    def _weather_now(self) -> MessageFault | None:
        now = self.weather
        shares = (now.lost_requests, now.lost_answers, now.doubled, now.late, now.overtaken)
        if not any(shares):
            return None
        drawn = self._chance.random()
        for kind, share in zip(MESSAGE_FAULTS, shares, strict=True):
            drawn -= share
            if drawn < 0:
                return kind
        return None

    def datagram_copies(self) -> int:
        """How often a datagram arrives: not, once or twice."""
        now = self.weather
        if not (now.lost_datagrams or now.doubled_datagrams):
            return 1
        drawn = self._chance.random()
        if drawn < now.lost_datagrams:
            return 0
        return 2 if drawn < now.lost_datagrams + now.doubled_datagrams else 1
