"""Writing and reading registers, over UDP and in memory with the same classes."""

import pytest

from tests.dht.worlds import World, key_of, opening

ALICE, BOB = key_of("alice"), key_of("bob")


@pytest.mark.asyncio
async def test_a_put_is_certified_by_all_k_and_read_back(sixteen: World) -> None:
    client = await sixteen.client()
    put = opening(1, ALICE)
    written = await client.put(put, seconds=5)
    assert written.accepted
    assert {vote.voter for vote in written.votes} == set(sixteen.closest(written.name))
    assert written.silent == ()
    assert client.check(written.certificate) == put.record.body()
    reading = await client.read(written.name, seconds=5)
    assert [seen.record for seen in reading.records] == [put.record]
    assert set(reading.records[0].holders) == set(sixteen.closest(written.name))
    assert reading.certificate is not None
    assert reading.absent is False
    assert reading.answered == 8
