"""What can keep a command or a scenario from doing its work, in words that say what to do next."""

import difflib
import re
from collections.abc import Iterable


class LabFailure(Exception):
    """Something outside the protocols went wrong; the message is one for people."""

    code: str = "lab/failed"


class NoWorld(LabFailure):
    code = "lab/no-world"


class WorldIsDown(LabFailure):
    code = "lab/world-is-down"


class WorldIsUp(LabFailure):
    code = "lab/world-is-up"


class WorldIsBusy(LabFailure):
    code = "lab/world-is-busy"


class NotAWorldFolder(LabFailure):
    code = "lab/not-a-world-folder"


class CannotWrite(LabFailure):
    """A folder cannot be made or written to."""

    code = "lab/cannot-write"


class TooFewPeers(LabFailure):
    code = "lab/too-few-peers"


class PeersAreFixed(LabFailure):
    code = "lab/peers-are-fixed"


class PortTaken(LabFailure):
    code = "lab/port-taken"


class NoFreePorts(LabFailure):
    code = "lab/no-free-ports"


class NoSuchSetting(LabFailure):
    code = "lab/no-such-setting"


class InvalidSetting(LabFailure):
    code = "lab/invalid-setting"


class NoSuchGuard(LabFailure):
    code = "lab/no-such-guard"


class NoSuchNode(LabFailure):
    code = "lab/no-such-node"


class NodeIsDown(LabFailure):
    code = "lab/node-is-down"


class NodeEnded(LabFailure):
    """A node ended while it was waited for."""

    code = "lab/node-ended"


class NotReadyInTime(LabFailure):
    code = "lab/not-ready-in-time"


class KeeperFailed(LabFailure):
    code = "lab/keeper-failed"


class StillRunning(LabFailure):
    code = "lab/still-running"


class NotOnThisSystem(LabFailure):
    code = "lab/not-on-this-system"


class NotHere(LabFailure):
    """What was asked for cannot be done in this kind of world."""

    code = "lab/not-here"


class NoCompose(LabFailure):
    code = "lab/no-compose"


class Unanswered(LabFailure):
    """A node gave no answer: what was asked may have happened or not."""

    code = "lab/unanswered"


class NotReached(LabFailure):
    """A transaction did not reach the state waited for in time."""

    code = "lab/state-not-reached"


class ControlRefused(LabFailure):
    """A node refused what its owner asked; `code` is that of the node's refusal."""

    def __init__(
        self, code: str, title: str, detail: str = "", *, outcome: str = "unknown", node: str = ""
    ) -> None:
        words = f"{title} ({code})" + (f" {detail}" if detail and detail != title else "")
        super().__init__(f"{node}: {words}" if node else words)
        self.code = code
        self.title = title
        self.detail = detail
        self.outcome = outcome
        """`nothing-happened` or `unknown`."""
        self.node = node


def reason(error: OSError) -> str:
    """`no such file`, `permission denied`."""
    return (error.strerror or str(error)).lower().replace(" or directory", "")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` Did you mean X?` for the nearest known word, or nothing."""
    words = list(known)
    same = [each for each in words if _bare(each) == _bare(word)]
    near = same or difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    return f" Did you mean {near[0]}?" if near else ""


def _bare(word: str) -> str:
    """`Peer_03`, `peer-3` and `peer3` are the same to whoever types them."""
    return re.sub(r"(?<!\d)0+(?=\d)", "", re.sub(r"[-_ ]", "", word.lower()))
