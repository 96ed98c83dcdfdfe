"""The roster: whom it is believed from, who is closest in it, which ranges two members share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from crypto.documents import Signed, content_digest, open_document, sign_document
from crypto.hashing import digest
from crypto.meter import metering
from dht.errors import ForgedRoster, NoRoster, StaleRoster, TwoRosters, UnusableRoster
from dht.records import (
    Certificate,
    InvalidCertificate,
    Record,
    RegisterName,
    Roster,
    cast_vote,
)
from dht.rosters import Ring, Rosters, _sharing
from nodes.runtime.store import Store
from tests.dht.worlds import AUTHORITY, key_of, keys, opening, signed_roster

MEMBERS = keys(16)
FIRST = signed_roster(MEMBERS, 8, 6)
FIRST_DIGEST = content_digest(Roster, FIRST.content)


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    made = Store(tmp_path / "rosters.db")
    yield made
    await made.close()


def rosters(store: Store) -> Rosters:
    return Rosters(store, lambda: AUTHORITY.public_key, 16)


def ring(signed: Signed[Roster] = FIRST) -> Ring:
    return Ring(open_document(Roster, signed), content_digest(Roster, signed.content))


@given(st.binary(min_size=20, max_size=20))
def test_the_ring_finds_exactly_the_rosters_closest(key: bytes) -> None:
    assert ring().closest(key) == ring().roster.closest(key)


BITS = 7


@given(
    st.lists(st.integers(0, 2**BITS - 1), min_size=1, max_size=24, unique=True),
    st.integers(1, 6),
    st.data(),
)
def test_two_members_share_a_range_just_if_some_key_has_both(
    places: list[int], k: int, data: st.DataObject
) -> None:
    own = data.draw(st.sampled_from(places))
    together: set[int] = set()
    for key in range(2**BITS):
        closest = sorted(places, key=key.__xor__)[:k]
        if own in closest:
            together.update(closest)
    # With few bits a key cannot lie everywhere: what is found may be more, never less.
    assert together <= _sharing(places, own, k)


def test_with_many_bits_the_shared_ranges_are_exact() -> None:
    members = ring(signed_roster(keys(48), 5, 4))
    own = members.roster.members[0]
    together: set[bytes] = set()
    for number in range(20_000):
        closest = members.closest(digest("probe", number.to_bytes(4, "big"))[:20])
        if own in closest:
            together.update(closest)
    assert together - {own} == members.sharing(own)
    assert len(members.sharing(own)) < 47


@pytest.mark.asyncio
async def test_a_roster_is_kept_over_a_restart(store: Store) -> None:
    known = rosters(store)
    with pytest.raises(NoRoster):
        _ = known.current
    await known.adopt(FIRST)
    assert rosters(store).current.digest == FIRST_DIGEST
    await known.adopt(FIRST)
    assert known.current.roster == open_document(Roster, FIRST)


@pytest.mark.asyncio
async def test_a_roster_of_another_authority_is_refused(store: Store) -> None:
    known = rosters(store)
    with pytest.raises(ForgedRoster):
        await known.adopt(signed_roster(MEMBERS, 8, 6, authority=key_of("usurper")))
    with pytest.raises(ForgedRoster):
        await known.adopt(Signed(FIRST.content, (bytes(64),)))
    with pytest.raises(ForgedRoster):
        await known.adopt(Signed(b"no roster", FIRST.signatures))
    assert known.ring is None
    assert rosters(store).ring is None


@pytest.mark.asyncio
@pytest.mark.parametrize(("k", "q"), [(8, 4), (8, 9), (17, 12)])
async def test_a_roster_whose_quorums_need_not_meet_is_refused(
    store: Store, k: int, q: int
) -> None:
    with pytest.raises(UnusableRoster):
        await rosters(store).adopt(signed_roster(MEMBERS, k, q))


@pytest.mark.asyncio
async def test_a_roster_with_a_member_twice_is_refused(store: Store) -> None:
    with pytest.raises(UnusableRoster):
        await rosters(store).adopt(signed_roster([*MEMBERS, MEMBERS[0]], 8, 6))


@pytest.mark.asyncio
async def test_epochs_only_grow(store: Store) -> None:
    known = rosters(store)
    await known.adopt(FIRST)
    second = signed_roster(MEMBERS[1:], 8, 6, epoch=2, previous=FIRST_DIGEST)
    await known.adopt(second)
    assert known.current.roster.epoch == 2
    with pytest.raises(StaleRoster):
        await known.adopt(FIRST)
    assert known.current.roster.epoch == 2
    assert rosters(store).current.roster.epoch == 2


@pytest.mark.asyncio
async def test_a_roster_that_does_not_follow_from_the_one_before_is_refused(store: Store) -> None:
    known = rosters(store)
    await known.adopt(FIRST)
    with pytest.raises(StaleRoster):
        await known.adopt(signed_roster(MEMBERS, 8, 6, epoch=2, previous=bytes(32)))
    assert known.current.roster.epoch == 1


@pytest.mark.asyncio
async def test_two_rosters_with_one_number_convict_the_authority(store: Store) -> None:
    known = rosters(store)
    await known.adopt(FIRST)
    with pytest.raises(TwoRosters):
        await known.adopt(signed_roster(MEMBERS[:15], 8, 6))


def certificate(signed: Signed[Roster]) -> Certificate:
    record: Record = opening(1, key_of("alice")).record
    there = ring(signed)
    name: RegisterName = record.body().name
    by_key = {member.public_key: member for member in MEMBERS}
    voters = [by_key[key] for key in there.closest(name.key)[: there.roster.q]]
    epoch = there.roster.epoch
    votes = [cast_vote(v, name, record.digest, epoch, there.digest) for v in voters]
    made = there.certificate(record, votes)
    assert made is not None
    return made


@pytest.mark.asyncio
async def test_certificates_of_every_epoch_known_are_checked_once(store: Store) -> None:
    known = rosters(store)
    await known.adopt(FIRST)
    second = signed_roster(MEMBERS, 8, 6, epoch=2, previous=FIRST_DIGEST)
    await known.adopt(second)
    for signed in (FIRST, second):
        good = certificate(signed)
        with metering() as first:
            body = known.check(good)
        with metering() as again:
            assert known.check(good) == body
        assert first["verify"] == 6
        assert again["verify"] == 0


@pytest.mark.asyncio
async def test_a_certificate_of_an_unknown_epoch_or_roster_is_refused(store: Store) -> None:
    known = rosters(store)
    with pytest.raises(InvalidCertificate):
        known.check(certificate(FIRST))
    await known.adopt(FIRST)
    other = signed_roster(MEMBERS[::-1], 8, 6)
    with pytest.raises(InvalidCertificate):
        known.check(certificate(other))
    with pytest.raises(InvalidCertificate):
        known.check(replace(certificate(FIRST), epoch=2))


@pytest.mark.asyncio
async def test_checked_certificates_are_remembered_in_bounded_number(store: Store) -> None:
    known = Rosters(store, lambda: AUTHORITY.public_key, 4)
    await known.adopt(FIRST)
    good = certificate(FIRST)
    for number in range(10):
        votes = (*good.votes[number % 6 :], *good.votes[: number % 6])
        known.check(replace(good, votes=votes))
    assert len(known._certified) == 4


def test_too_few_votes_make_no_certificate() -> None:
    good = certificate(FIRST)
    assert ring().certificate(good.record, list(good.votes[:5])) is None
    assert ring().certificate(good.record, list(good.votes)) == good


def test_the_roster_is_a_document_of_its_authority() -> None:
    roster = open_document(Roster, FIRST)
    assert sign_document(roster, AUTHORITY) == FIRST
