"""The life of each coin that moved in a run: its registers, where they lie, who voted and when.

The ledgers say what became of each register, the certificates who voted, and the trace of the
party that wrote it when each vote came.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from dht.records import RegisterName, Roster, node_id
from nodes.protocols.dht_micropayment.coin import NAMESPACE, chain_of
from nodes.runtime.observer import Row
from scenarios.lab.books import Books
from scenarios.lab.recorder import Recorder
from scenarios.lab.registers import Place, Registers, Value
from scenarios.lab.run import CoinLife, CoinStep, RingPlace, VoteView

MOST_COINS = 200


@dataclass
class _Written:
    """One register operation as its writer traced it."""

    votes: dict[str, int] = field(default_factory=dict)
    """Milliseconds since the run's start, by voter's id (hex)."""


def ring_places(books: Books) -> list[RingPlace]:
    names = books.names
    roster = _roster(books)
    if roster is None:
        return []
    return [
        RingPlace(names.get(member.hex(), member.hex()[:8]), node_id(member).hex())
        for member in roster.members
    ]


def coin_lives(books: Books, recorder: Recorder) -> list[CoinLife]:
    """Every generation of a coin with a register that this run wrote, at most MOST_COINS."""
    written = _written(recorder)
    registers = Registers(books)
    roster = _roster(books)
    lives = []
    for ledger in books.ledgers.values():
        for issued in ledger.issued:
            owner = bytes.fromhex(issued.owner)
            newest = registers.life(owner, issued.serial).generation
            for generation in range(newest + 1):
                chain = chain_of(owner, issued.serial, generation)
                if not any((NAMESPACE, chain, index) in written for index in range(64)):
                    continue
                lives.append(
                    CoinLife(
                        cid=chain.hex(),
                        serial=issued.serial,
                        owner=books.called(issued.owner),
                        generation=generation,
                        steps=_steps(books, registers, roster, chain, written),
                    )
                )
                if len(lives) == MOST_COINS:
                    return lives
    return lives


def _steps(
    books: Books,
    registers: Registers,
    roster: Roster | None,
    chain: bytes,
    written: Mapping[Place, _Written],
) -> list[CoinStep]:
    return [
        _step(books, value, roster, written.get(value.place, _Written()), registers)
        for value in registers.of_chain(NAMESPACE, chain)
    ]


def _step(
    books: Books, value: Value, roster: Roster | None, written: _Written, registers: Registers
) -> CoinStep:
    key = value.name.key
    replicas = [books.called(m.hex()) for m in roster.closest(key)] if roster else []
    voters = written.votes or dict.fromkeys((v.hex() for v in value.voters), 0)
    return CoinStep(
        index=value.place[2],
        kind=value.kind,
        payer=books.called(value.payer.hex()),
        payee=books.called(value.payee.hex()),
        key=key.hex(),
        certified=value.certified,
        replicas=replicas,
        votes=[VoteView(books.called(voter), time) for voter, time in sorted(voters.items())],
        conflict=value.place in registers.conflicts,
    )


def _roster(books: Books) -> Roster | None:
    rosters = books.rosters()
    return rosters[max(rosters)].roster if rosters else None


def _written(recorder: Recorder) -> dict[Place, _Written]:
    found: dict[Place, _Written] = defaultdict(_Written)
    for node, row in _register_rows(recorder):
        place = place_in(row)
        if place is None or "votes" not in row.note:
            continue
        written = found[place]
        votes = votes_in(row)
        begun = recorder.moment(node, row) - max(votes.values(), default=0)
        for voter, milliseconds in votes.items():
            written.votes.setdefault(voter, begun + milliseconds)
    return dict(found)


def _register_rows(recorder: Recorder) -> Iterable[tuple[str, Row]]:
    for node, rows in recorder.rows.items():
        for row in rows:
            if row.kind == "register":
                yield node, row


def place_in(row: Row) -> Place | None:
    """The register a row of the trace speaks of."""
    note = row.note
    try:
        name = RegisterName(str(note["namespace"]), bytes.fromhex(note["chain"]), note["index"])
    except (KeyError, ValueError, TypeError):
        return None
    return (name.namespace, name.chain, name.index)


def votes_in(row: Row) -> dict[str, int]:
    """Milliseconds since the put began, by voter's id."""
    votes = row.note.get("votes", [])
    return {str(vote["voter"]): round(vote["milliseconds"]) for vote in votes}
