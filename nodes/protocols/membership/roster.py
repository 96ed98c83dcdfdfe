"""Which peers vote: k replicas a register, q votes a certificate."""

from collections.abc import Collection, Iterable

from msgspec.structs import replace

from crypto.documents import document_digest
from dht.records import Roster
from nodes.protocols.membership.refusals import NotInTheRoster, NotWaiting, TooFewMembers
from nodes.protocols.message import PartyId

FEWEST_PEERS = 5
"""With fewer no register has replicas enough to outvote a liar."""


def replicas_and_quorum(peers: int) -> tuple[int, int]:
    """(k, q): 8 and 6 from 16 peers on, 5 and 4 below. Raises ValueError for too few."""
    if peers < FEWEST_PEERS:
        raise ValueError(f"a ring has at least {FEWEST_PEERS} peers")
    return (8, 6) if peers >= 16 else (5, 4)


def first_roster(peers: Iterable[PartyId], authority: PartyId) -> Roster:
    """The roster of epoch 1."""
    members = tuple(sorted(peers))
    k, q = replicas_and_quorum(len(members))
    return Roster(epoch=1, authority=authority, k=k, q=q, members=members, previous=b"")


def next_roster(
    before: Roster, *, leaving: Collection[PartyId], joining: Collection[PartyId]
) -> Roster:
    """The roster of the next epoch, with its predecessor's digest. k and q stay as they are."""
    members = set(before.members)
    if not members.issuperset(leaving):
        raise NotInTheRoster()
    if members.intersection(joining):
        raise NotWaiting()
    members = members.difference(leaving).union(joining)
    if len(members) < before.k:
        raise TooFewMembers(f"{len(members)} members, {before.k} voters a register")
    return replace(
        before,
        epoch=before.epoch + 1,
        members=tuple(sorted(members)),
        previous=document_digest(before),
    )
