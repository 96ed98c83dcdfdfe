"""Where a coin's registers lie, for scenarios that choose who is to be away."""

from collections.abc import Iterable

from dht.records import RegisterName, Roster
from nodes.protocols.dht_micropayment.coin import NAMESPACE
from scenarios.lab.failures import LabFailure
from scenarios.lab.live import LiveRun
from scenarios.lab.registers import Registers
from scenarios.lab.world import Node


class NoRoster(LabFailure):
    code = "lab/no-roster"


class Witnesses:
    """The replicas of every register, by the roster that is in force."""

    def __init__(self, peers: list[Node], roster: Roster) -> None:
        self.k = roster.k
        self.q = roster.q
        self._roster = roster
        self._peers = {bytes.fromhex(node.id): node for node in peers}

    @classmethod
    async def of(cls, run: LiveRun) -> "Witnesses":
        rosters = (await run.books()).rosters()
        if not rosters:
            raise NoRoster("The certificate authority shows no roster.")
        return cls(run.world.peers, rosters[max(rosters)].roster)

    def of_register(self, chain: str, index: int) -> list[Node]:
        """The k peers that keep register (chain, index), nearest first."""
        key = RegisterName(NAMESPACE, bytes.fromhex(chain), index).key
        return [self._peers[member] for member in self._roster.closest(key)]

    def some_of(self, chain: str, index: int, count: int, *, but: Iterable[Node]) -> list[Node]:
        """`count` replicas of a register that are none of `but`: they may be killed."""
        spared = {node.name for node in but}
        free = [node for node in self.of_register(chain, index) if node.name not in spared]
        return free[:count]


async def written_steps(run: LiveRun, chain: str) -> list[str]:
    """The certified steps of one generation of a coin, in order: open, pay, pay ..."""
    registers = Registers(await run.books())
    return [value.kind for value in registers.chain(bytes.fromhex(chain))]
