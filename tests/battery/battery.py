"""Everything that must be refused, said to running nodes; and what is left of it there."""

import asyncio
import fnmatch
from collections import Counter
from typing import Any

from nodes.protocols.envelope import identity, unseal_wire, unwrap
from nodes.protocols.message import Message, Received, answer_to
from tests.battery.letters import ACCEPTED, OWN, Case, Letter, Sample, cases
from tests.battery.stage import STREAMS, Ledgers, Stage, Told


async def refuses_whatever_is_wrong(stage: Stage, sample: Sample) -> int:
    """Each case gets its code and one line of log, and not one row of any party changes.

    Returns how many cases there were. Afterwards the very message is accepted, once.
    """
    asked = list(cases(stage, sample))
    before, since = await stage.at_rest(), stage.said()
    told = await asyncio.gather(*(_post(stage, case) for case in asked))
    none(wrong(asked, told))
    none(changes(before, await stage.ledgers()))
    none(unlogged(stage, since, asked, told))
    none(stage.failures())
    return len(asked)


async def _post(stage: Stage, case: Case) -> Told:
    return await stage.post(case.to, case.declaration, case.wire, case.transaction)


def none(lines: list[str]) -> None:
    """What is wrong, line by line."""
    assert not lines, "\n".join(lines)


def wrong(asked: list[Case], told: list[Told]) -> list[str]:
    """A line for each case that was not refused as it should be."""
    lines = []
    for case, answer in zip(asked, told, strict=True):
        if not _fits(answer.code, case):
            lines.append(f"{case.name}: {answer.code} instead of {' or '.join(case.codes)}")
    return lines


def _fits(code: str, case: Case) -> bool:
    if OWN in case.codes:
        return fnmatch.fnmatchcase(code, f"{case.declaration.protocol}/*")
    return code in case.codes


def unlogged(stage: Stage, since: dict[str, int], asked: list[Case], told: list[Told]) -> list[str]:
    """Where a node's log has not one line for each time it refused with a code."""
    refused = Counter((case.to.name, answer.code) for case, answer in zip(asked, told, strict=True))
    logged = stage.refused(since)
    return [
        f"{node}: {logged[node, code]} lines of log for {count} times {code}"
        for (node, code), count in refused.items()
        if logged[node, code] != count
    ]


def changes(before: Ledgers, after: Ledgers) -> list[str]:
    """What is another than before: node, part, and the rows that came and went."""
    found = []
    for node, parts in before.items():
        for part, rows in parts.items():
            now = after[node][part]
            if rows != now:
                found.append(f"{node} {part}: {_difference(rows, now)}")
    return found


def _difference(rows: Any, now: Any) -> str:
    if not isinstance(rows, list):
        return f"{rows} -> {now}"
    gone, come = [r for r in rows if r not in now], [r for r in now if r not in rows]
    return f"- {gone} + {come}"


async def is_taken_once(stage: Stage, sample: Sample) -> None:
    """The message itself is accepted; whatever repeats it changes nothing and hears the same."""
    letter = Letter(sample)
    wire = letter.wire()
    first = await stage.post(sample.to, sample.declaration, wire, sample.transaction)
    assert first.code == "accepted", first
    if sample.declaration.name not in STREAMS:
        _read(sample, first.body)
    before = await stage.at_rest()
    fresh, now = Letter(sample), sample.sender.party.now()
    again = [wire, letter.sealed(letter.plain(letter.content())), fresh.wire()]
    if sample.stored:
        again += [fresh.wire(time=now - 3_600_000), fresh.wire(time=now + 3_600_000)]
    repeats = await asyncio.gather(
        *(stage.post(sample.to, sample.declaration, one, sample.transaction) for one in again)
    )
    none([answer.code for answer in repeats if answer.code != sample.repeated])
    if sample.stored:
        assert {answer.body for answer in repeats} == {first.body}
    elif sample.repeated == ACCEPTED and sample.declaration.name not in STREAMS:
        said = _read(sample, first.body)
        assert [_read(sample, answer.body) for answer in repeats] == [said] * len(repeats)
    none(changes(before, await stage.ledgers()))


def _read(sample: Sample, body: bytes) -> Message:
    """The answer, as its sender's own client reads it."""
    party, declaration = sample.sender.party, answer_to(type(sample.message))
    is_anonymous = sample.declaration.anonymous
    me = identity(Letter(sample).envelope) if is_anonymous else party.id
    if declaration.sealed:
        body = unseal_wire(body, declaration, me, sample.opens_with or party.sealing_key)
    opened = unwrap(body, declaration.type, me)
    assert opened.envelope.sender == (None if declaration.anonymous else sample.recipient)
    assert opened.transaction == sample.transaction
    assert declaration.type is not Received or opened.message == Received()
    return opened.message


async def hears(stage: Stage, sample: Sample) -> Message:
    """What a valid message is answered."""
    wire = Letter(sample).wire()
    told = await stage.post(sample.to, sample.declaration, wire, sample.transaction)
    assert told.code == "accepted", told
    return _read(sample, told.body)
