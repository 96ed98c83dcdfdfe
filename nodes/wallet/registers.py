"""A coin's registers as this party works on them: probe, look up, write; a row of the trace each.

A row says which register it was, who voted and after how many milliseconds, who was silent, who
showed another record.
"""

import asyncio
from typing import Any

from dht.errors import DhtError
from dht.node import Reading, Written
from dht.records import Body, Put, RegisterName
from nodes.protocols.dht_micropayment.messages import REGISTER_STEPS
from nodes.protocols.dht_micropayment.step import read_step
from nodes.ring import Ring
from nodes.runtime.party import Party

PROTOCOL = "dht_micropayment"
AT_ONCE = 32
"""Registers that are worked on at the same time."""
PROBE_SECONDS = 2.0

OPERATIONS = {step.step: step.operation for step in REGISTER_STEPS}


class CoinRegisters:
    def __init__(self, party: Party, ring: Ring) -> None:
        self._party = party
        self._ring = ring
        self._gate = asyncio.Semaphore(AT_ONCE)

    async def ready(self) -> None:
        """Until this node has its place in the ring."""
        while not self._ring.dht.ready:
            await self._party.observer.changed()

    async def probe(self, name: RegisterName, transaction: bytes) -> bool:
        """P0: q synced witnesses answer, and none shows a step of this coin's holder.

        Only this party can write the step it is about to sign, so what else a witness shows is
        its own invention, and keeps nobody from paying.
        """
        reading = await self._read("P0", name, transaction, PROBE_SECONDS)
        if reading is None or reading.certificate is not None:
            return False
        mine = any(read_step(seen.record).payer == self._party.id for seen in reading.records)
        return reading.answered >= self._quorum and not mine

    @property
    def _quorum(self) -> int:
        roster = self._ring.dht.roster
        assert roster is not None, "there was something to read"
        return roster.q

    async def look_up(self, name: RegisterName, transaction: bytes) -> Reading | None:
        """P2. None where this node has no place in the ring yet."""
        return await self._read("P2", name, transaction, self._ring.write_seconds)

    async def write(self, step: str, body: Body, put: Put, transaction: bytes) -> Written | None:
        """W3, P3, R3, R5, D3: until certified, in conflict, refused, or out of time."""
        self._party.observer.reached("saved", PROTOCOL, step)
        async with self._gate:
            try:
                written = await self._ring.dht.put(put, seconds=self._ring.write_seconds)
            except DhtError:
                return None
        outcome = "ok" if written.certificate else "pending"
        if written.conflicts:
            outcome = "dht_micropayment/register-is-written"
        elif written.refusals and not written.certificate:
            outcome = written.refusals[0].code
        self._row(step, body.name, transaction, outcome, kind=body.kind, **_votes(written))
        return written

    async def _read(
        self, step: str, name: RegisterName, transaction: bytes, seconds: float
    ) -> Reading | None:
        async with self._gate:
            try:
                reading = await self._ring.dht.read(name, seconds=seconds)
            except DhtError:
                return None
        self._row(
            step,
            name,
            transaction,
            {True: "ok", False: "found", None: "no-quorum"}[reading.absent],
            answered=reading.answered,
            silent=[member.hex() for member in reading.silent],
        )
        return reading

    def _row(
        self, step: str, name: RegisterName, transaction: bytes, outcome: str, **note: Any
    ) -> None:
        party = self._party
        party.observer.row(
            kind="register",
            direction="here",
            protocol=PROTOCOL,
            step=step,
            message=f"{OPERATIONS[step]} register",
            transaction=transaction.hex(),
            sender=party.name,
            outcome=outcome,
            note={
                "namespace": name.namespace,
                "chain": name.chain.hex(),
                "index": name.index,
                "key": name.key.hex(),
                **note,
            },
        )
        party.observer.reached("sent", PROTOCOL, step)


def _votes(written: Written) -> dict[str, Any]:
    return {
        "votes": [
            {"voter": vote.voter.hex(), "milliseconds": round(vote.milliseconds, 2)}
            for vote in written.votes
        ],
        "certified": written.certificate is not None,
        "conflicts": len(written.conflicts),
        "silent": [member.hex() for member in written.silent],
    }
