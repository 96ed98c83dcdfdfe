"""Which peers vote, in the first epoch and in the next."""

import pytest

from crypto.documents import document_digest
from crypto.hashing import digest
from nodes.protocols.membership.refusals import NotInTheRoster, NotWaiting, TooFewMembers
from nodes.protocols.membership.roster import first_roster, next_roster

PEERS = [digest("peer", bytes([number])) for number in range(18)]
AUTHORITY = digest("authority")


def test_a_register_of_sixteen_peers_has_eight_voters_and_one_of_fewer_five() -> None:
    assert (first_roster(PEERS[:16], AUTHORITY).k, first_roster(PEERS[:16], AUTHORITY).q) == (8, 6)
    assert (first_roster(PEERS[:15], AUTHORITY).k, first_roster(PEERS[:15], AUTHORITY).q) == (5, 4)
    with pytest.raises(ValueError, match="at least 5"):
        first_roster(PEERS[:4], AUTHORITY)


def test_the_next_roster_follows_from_the_one_before() -> None:
    first = first_roster(PEERS[:16], AUTHORITY)
    second = next_roster(first, leaving=PEERS[:1], joining=PEERS[16:])
    assert second.epoch == 2
    assert second.previous == document_digest(first)
    assert set(second.members) == set(PEERS[1:])
    assert (second.k, second.q, second.authority) == (8, 6, AUTHORITY)


def test_who_is_no_member_cannot_leave() -> None:
    with pytest.raises(NotInTheRoster):
        next_roster(first_roster(PEERS[:16], AUTHORITY), leaving=PEERS[16:17], joining=[])


def test_a_member_cannot_join_again() -> None:
    with pytest.raises(NotWaiting):
        next_roster(first_roster(PEERS[:16], AUTHORITY), leaving=[], joining=PEERS[:1])


def test_a_register_keeps_as_many_voters_as_it_has() -> None:
    first = first_roster(PEERS[:5], AUTHORITY)
    assert next_roster(first, leaving=PEERS[:1], joining=PEERS[5:6]).k == 5
    with pytest.raises(TooFewMembers):
        next_roster(first, leaving=PEERS[:1], joining=[])
