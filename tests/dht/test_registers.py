"""The rules of one register, and its table."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from dht.errors import VotesOfAnotherKey
from dht.records import Certificate, Put, Vote
from dht.registers import Entry, Registers, place_of, with_certificate, with_put
from nodes.runtime.store import Store
from tests.dht.worlds import key_of, opening

ME = key_of("me").public_key
PUTS = [opening(1, key_of(name)) for name in ("alice", "bob", "carol")]
NAME = PUTS[0].record.body().name
CAST: list[Put] = []


def cast(put: Put) -> tuple[Vote, int]:
    CAST.append(put)
    return Vote(ME, bytes(64)), 1


def certificate(put: Put) -> Certificate:
    return Certificate(put.record, 1, bytes(32), ())


def digests(*puts: Put) -> tuple[bytes, ...]:
    return tuple(put.record.digest for put in puts)


def test_the_first_body_has_the_vote() -> None:
    entry = with_put(None, NAME, PUTS[0], cast)
    assert entry.put == PUTS[0]
    assert entry.vote == Vote(ME, bytes(64))
    assert entry.digests == digests(PUTS[0])


def test_the_same_body_again_changes_nothing() -> None:
    entry = with_put(None, NAME, PUTS[0], cast)
    votes = len(CAST)
    assert with_put(entry, NAME, PUTS[0], cast) is entry
    assert len(CAST) == votes


def test_another_body_is_evidence_and_a_third_is_not_kept() -> None:
    first = with_put(None, NAME, PUTS[0], cast)
    votes = len(CAST)
    second = with_put(first, NAME, PUTS[1], cast)
    assert second.digests == digests(PUTS[0], PUTS[1])
    assert second.put == first.put
    assert second.vote == first.vote
    assert with_put(second, NAME, PUTS[2], cast) is second
    assert len(CAST) == votes, "nobody votes twice"


def test_a_certificate_makes_the_body_final_and_drops_what_led_to_it() -> None:
    entry = with_certificate(with_put(None, NAME, PUTS[0], cast), NAME, certificate(PUTS[0]), cast)
    assert entry.certified == PUTS[0].record.digest
    assert entry.put == Put(PUTS[0].record, None, b"")
    assert with_certificate(entry, NAME, certificate(PUTS[0]), cast) is entry


def test_a_second_certificate_for_another_body_is_kept_as_evidence_and_a_third_is_not() -> None:
    entry = with_certificate(with_put(None, NAME, PUTS[0], cast), NAME, certificate(PUTS[0]), cast)
    both = with_certificate(entry, NAME, certificate(PUTS[1]), cast)
    assert both.certified == PUTS[0].record.digest
    assert both.rival_certificate == certificate(PUTS[1])
    assert both.digests == digests(PUTS[0], PUTS[1])
    assert with_certificate(both, NAME, certificate(PUTS[2]), cast) is both


def test_a_certificate_alone_is_a_body_like_any_other() -> None:
    entry = with_certificate(None, NAME, certificate(PUTS[0]), cast)
    assert entry.digests == digests(PUTS[0])
    later = with_put(entry, NAME, PUTS[1], cast)
    assert later.put.record == PUTS[0].record
    assert later.digests == digests(PUTS[0], PUTS[1])
    assert later.certified == PUTS[0].record.digest


def test_a_certificate_for_another_body_leaves_the_vote_where_it_is() -> None:
    voted = with_put(None, NAME, PUTS[0], cast)
    entry = with_certificate(voted, NAME, certificate(PUTS[1]), cast)
    assert entry.put == voted.put
    assert entry.vote == voted.vote
    assert entry.digests == digests(PUTS[0], PUTS[1])
    both = with_put(voted, NAME, PUTS[1], cast)
    assert with_certificate(both, NAME, certificate(PUTS[2]), cast).digests == digests(*PUTS)


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    made = Store(tmp_path / "registers.db")
    yield made
    await made.close()


async def filled(store: Store, count: int) -> Registers:
    registers = Registers(store, ME)
    await registers.load()
    for serial in range(count):
        put = opening(serial, key_of("alice"))
        name = put.record.body().name
        await registers.change(name, lambda held, n=name, p=put: with_put(held, n, p, cast))  # type: ignore[misc]
    return registers


@pytest.mark.asyncio
async def test_everything_is_read_back_after_a_restart(store: Store) -> None:
    before = await filled(store, 300)
    again = Registers(store, ME)
    await again.load()
    assert list(again.entries()) == list(before.entries())
    assert again.is_loaded
    assert again.after(b"", 1000) == before.after(b"", 1000)
    assert len(again) == 300


@pytest.mark.asyncio
async def test_what_is_shown_is_what_is_on_disk_also_of_a_change_nobody_waits_for_any_more(
    tmp_path: Path,
) -> None:
    store = Store(tmp_path / "slow.db", commit_delay=0.1)
    registers = await filled(store, 0)
    await registers.change(NAME, lambda held: with_put(held, NAME, PUTS[0], cast))
    late = asyncio.ensure_future(
        registers.change(NAME, lambda held: with_put(held, NAME, PUTS[1], cast))
    )
    await asyncio.sleep(0.02)
    assert store.is_behind
    assert registers.get(NAME) == with_put(None, NAME, PUTS[0], cast), "not before its COMMIT"
    late.cancel()
    with pytest.raises(asyncio.CancelledError):
        await late
    await store.close()
    store = Store(tmp_path / "slow.db")
    shown = registers.get(NAME)
    assert shown is not None
    assert shown.digests == digests(PUTS[0], PUTS[1])
    assert [shown] == list(Registers(store, ME).entries())
    await store.close()


@pytest.mark.asyncio
async def test_pages_follow_the_ring_and_leave_nothing_out(store: Store) -> None:
    registers = await filled(store, 50)
    seen, cursor = [], b""
    while page := registers.after(cursor, 7):
        seen += [summary.name for _, summary in page]
        cursor = page[-1][0]
    assert seen == sorted((e.name for e in registers.entries()), key=lambda n: n.key)
    assert len(seen) == 50


@pytest.mark.asyncio
async def test_votes_of_another_key_stop_the_node(store: Store) -> None:
    await filled(store, 1)
    other = Registers(store, key_of("another").public_key)
    with pytest.raises(VotesOfAnotherKey):
        await other.load()
    assert not other.is_loaded


@pytest.mark.asyncio
async def test_a_rule_that_fails_leaves_the_register_as_it_was(store: Store) -> None:
    registers = await filled(store, 1)
    [before] = registers.entries()

    def broken(held: Entry | None) -> Entry:
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError):
        await registers.change(before.name, broken)
    assert registers.get(before.name) == before


def test_a_place_in_the_table_starts_with_the_place_on_the_ring() -> None:
    assert place_of(NAME).startswith(NAME.key)
