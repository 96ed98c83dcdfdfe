"""Ours and the library's, compared on equal terms."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from crypto import codec
from dht.rosters import Ring
from scenarios.lab.crowds import Looked
from scenarios.lab.crowds_in_memory import AGAIN, MEMBER, OurMemoryCrowd, StockMemoryCrowd
from scenarios.lab.two_rings import Membership

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(60)]
SIZE, K, Q = 100, 8, 6


@asynccontextmanager
async def crowds(folder: Path) -> AsyncIterator[tuple[OurMemoryCrowd, StockMemoryCrowd]]:
    members = Membership.of(SIZE, K, Q)
    seeds = [key.seed for key in members.keys]
    ours = OurMemoryCrowd(seeds, K, codec.encode(members.signed), folder)
    stock = StockMemoryCrowd(seeds, K)
    try:
        await ours.start()
        await stock.start()
        yield ours, stock
    finally:
        await ours.close()
        await stock.close()


async def test_both_start_with_the_same_contacts(tmp_path: Path) -> None:
    async with crowds(tmp_path) as (ours, stock):
        for mine, theirs in zip(ours._members, stock._members, strict=True):
            known = {contact.id for contact in mine.router}
            buckets = theirs.router.buckets
            assert known == {node.id for bucket in buckets for node in bucket.get_nodes()}
            assert len(known) >= K


async def test_who_shares_with_a_member_is_what_its_ring_says(tmp_path: Path) -> None:
    async with crowds(tmp_path) as (ours, _):
        ring = ours._rosters.current
        whole = Ring(ring.roster, ring.digest)
        for key in ring.roster.members:
            assert ring.sharing(key) == whole.sharing(key)
        assert ring.sharing(bytes(32)) == frozenset(), "nobody shares with a stranger"


async def test_ours_is_exact_and_who_was_met_shows_no_key_again(tmp_path: Path) -> None:
    async with crowds(tmp_path) as (ours, stock):
        found = {how: codec.decode(data, Looked) for how, data in (await ours.look(5, 1)).items()}
        theirs = codec.decode((await stock.look(5, 1))[MEMBER], Looked)

    assert {each.exact for each in found.values()} == {5}
    assert found[AGAIN].datagrams == 2 * found[AGAIN].asked
    assert theirs.datagrams == 2 * theirs.asked
