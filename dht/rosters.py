"""The rosters a node goes by: the epoch's ring, and every older one for old certificates."""

from collections import OrderedDict
from collections.abc import Callable, Collection
from functools import lru_cache

from crypto import codec
from crypto.documents import Signed, content_digest, open_document
from crypto.hashing import digest
from dht.errors import (
    ForgedRoster,
    NoRoster,
    RosterMissing,
    StaleRoster,
    TwoRosters,
    UnusableRoster,
)
from dht.records import (
    Body,
    Certificate,
    InvalidCertificate,
    Record,
    Roster,
    RosterNotKnown,
    Vote,
    check_certificate,
    node_id,
)
from dht.settings import MAX_BODY_BYTES
from dht.storage import Storage

FIRST_EPOCH = 1
MOST_ROSTER_BYTES = MAX_BODY_BYTES - 256
REMEMBERED_EPOCHS = 4
"""Whose members are still talked to: those who left hand over what they hold."""


class Ring:
    """One epoch: its members in their places. Who is closest is computed, never asked for."""

    def __init__(self, roster: Roster, roster_digest: bytes) -> None:
        self.roster = roster
        self.digest = roster_digest
        self.members = frozenset(roster.members)
        self._places = {int.from_bytes(node_id(key), "big"): key for key in roster.members}
        self.closest = lru_cache(maxsize=4096)(self._closest)
        self.sharing = lru_cache(maxsize=16)(self._sharing)

    def _closest(self, key: bytes) -> tuple[bytes, ...]:
        """Exactly the k members closest to a 20-byte key, nearest first."""
        target = int.from_bytes(key, "big")
        nearest = sorted(self._places, key=target.__xor__)[: self.roster.k]
        return tuple(self._places[place] for place in nearest)

    def voters(self, key: bytes) -> tuple[bytes, ...]:
        """Whose votes count for a register at this key."""
        return self.closest(key)

    def certificate(self, record: Record, votes: list[Vote]) -> Certificate | None:
        """From verified votes for `record` by distinct replicas of it; None if too few."""
        roster = self.roster
        if len(votes) < roster.q:
            return None
        return Certificate(record, roster.epoch, self.digest, tuple(votes[: roster.q]))

    def _sharing(self, member: bytes) -> frozenset[bytes]:
        """The other members that are, for some key, among the k closest together with this one.

        Nobody shares with a stranger.
        """
        if member not in self.members:
            return frozenset()
        place = int.from_bytes(node_id(member), "big")
        places = _sharing(list(self._places), place, self.roster.k)
        return frozenset(self._places[p] for p in places) - {member}


class OpenRing(Ring):
    """The paper's own membership: a register's replicas are the k closest one can reach.

    Whoever is silent is somebody else's place at once, so two sides of a partition each find a
    quorum of their own. For experiments.
    """

    def __init__(
        self, roster: Roster, roster_digest: bytes, reachable: Callable[[], Collection[bytes]]
    ) -> None:
        super().__init__(roster, roster_digest)
        self._reachable = reachable
        self.closest = self._closest_now  # type: ignore[assignment]  # nothing is remembered
        self.sharing = self._sharing_now  # type: ignore[assignment]

    def _here(self) -> dict[int, bytes]:
        here = self.members.intersection(self._reachable())
        return {int.from_bytes(node_id(key), "big"): key for key in here}

    def _closest_now(self, key: bytes) -> tuple[bytes, ...]:
        target, here = int.from_bytes(key, "big"), self._here()
        return tuple(here[p] for p in sorted(here, key=target.__xor__)[: self.roster.k])

    def _sharing_now(self, member: bytes) -> frozenset[bytes]:
        """Of those one can reach."""
        here, place = self._here(), int.from_bytes(node_id(member), "big")
        return frozenset(here[p] for p in _sharing([*here], place, self.roster.k)) - {member}

    def voters(self, key: bytes) -> tuple[bytes, ...]:
        """Nobody can check later whom somebody else could reach."""
        return self.roster.members


def _sharing(places: list[int], own: int, k: int) -> set[int]:
    """Of a subtree that holds `own`: who can be among the k closest to a key of it beside `own`.

    Split at the highest bit that tells the places apart. A key on our side finds its k there, or
    takes all of our side and anybody of the other; a key on the other side reaches ours only if
    that side is short of k, and then takes all of it.
    """
    if len(places) <= k:
        return set(places)
    bit = 0
    for place in places:
        bit = max(bit, (place ^ own).bit_length())
    ours = [p for p in places if (p ^ own).bit_length() < bit]
    theirs = [p for p in places if (p ^ own).bit_length() == bit]
    if len(ours) < k:
        return set(places)
    found = _sharing(ours, own, k)
    if len(theirs) < k:
        found |= set(theirs) | _sharing(ours, own, k - len(theirs))
    return found


def _opened(signed: Signed[Roster]) -> Roster:
    try:
        return open_document(Roster, signed)
    except ValueError as error:
        raise ForgedRoster(str(error)) from error


def fits_a_datagram(signed: Signed[Roster]) -> bool:
    """A larger one (some 230 members) is fetched from the authority."""
    return len(signed.content) < MOST_ROSTER_BYTES


class Rosters:
    """Adopted rosters, on disk before they are acted on. Epochs only grow.

    `reachable`: of open membership; then nobody is a replica who is not reached.
    """

    def __init__(
        self,
        storage: Storage,
        authority: Callable[[], bytes],
        cached_certificates: int,
        reachable: Callable[[], Collection[bytes]] | None = None,
    ) -> None:
        self._storage = storage
        self._authority = authority
        self._reachable = reachable
        self._table = storage.table("dht_rosters", Signed[Roster])
        self._rings: dict[int, Ring] = {}
        self._signed: dict[int, Signed[Roster]] = {}
        self._certified: OrderedDict[bytes, Body] = OrderedDict()
        self._cached_certificates = cached_certificates
        self.ring: Ring | None = None
        self.around: frozenset[bytes] = frozenset()
        """Members now, or in one of the last epochs."""
        for _, signed in self._table.items(storage.committed):
            self._use(_opened(signed), signed)  # its signer was checked when it came in

    @property
    def current(self) -> Ring:
        """Raises NoRoster."""
        if self.ring is None:
            raise NoRoster("no roster has been adopted yet")
        return self.ring

    @property
    def epoch(self) -> int:
        """0 while there is no roster."""
        return 0 if self.ring is None else self.ring.roster.epoch

    def of(self, epoch: int) -> Ring | None:
        return self._rings.get(epoch)

    def signed(self, epoch: int) -> Signed[Roster] | None:
        """As its authority signed it, for those who have not got it yet."""
        return self._signed.get(epoch)

    def first_with(self, member: bytes) -> int:
        """The first epoch known in which this is a member; 0 if none."""
        return min((e for e, ring in self._rings.items() if member in ring.members), default=0)

    def last_with(self, member: bytes) -> int:
        return max((e for e, ring in self._rings.items() if member in ring.members), default=0)

    async def adopt(self, signed: Signed[Roster]) -> bool:
        """Whether it is newer. Raises RosterRefused (one of its classes)."""
        roster = self._checked(signed)
        if not self._is_next(roster, content_digest(Roster, signed.content)):
            return False
        async with self._storage.transaction() as tx:
            self._table.put(tx, roster.epoch.to_bytes(8, "big"), signed)
        self._use(roster, signed)
        return True

    def _checked(self, signed: Signed[Roster]) -> Roster:
        roster = _opened(signed)
        if roster.authority != self._authority():
            raise ForgedRoster("signed by another authority")
        if len(set(roster.members)) != len(roster.members):
            raise UnusableRoster("a member stands in it twice")
        if not roster.k < 2 * roster.q <= 2 * roster.k or roster.k > len(roster.members):
            raise UnusableRoster(f"k = {roster.k}, q = {roster.q}, {len(roster.members)} members")
        return roster

    def _is_next(self, roster: Roster, roster_digest: bytes) -> bool:
        if self.ring is None:
            return True
        current = self.epoch
        known = self._rings.get(roster.epoch)
        if known is not None and known.digest != roster_digest:
            raise TwoRosters(f"two rosters of epoch {roster.epoch}")
        if known is not None and roster.epoch == current:
            return False
        if roster.epoch <= current:
            raise StaleRoster(f"epoch {roster.epoch} after epoch {current}")
        if roster.epoch > current + 1:
            raise RosterMissing(f"epoch {roster.epoch} after epoch {current}")
        if roster.previous != self.ring.digest:
            raise StaleRoster("it does not follow from the roster before")
        return True

    def _use(self, roster: Roster, signed: Signed[Roster]) -> None:
        roster_digest = content_digest(Roster, signed.content)
        if self._reachable is None:
            ring = Ring(roster, roster_digest)
        else:
            ring = OpenRing(roster, roster_digest, self._reachable)
        self._rings[roster.epoch] = ring
        self._signed[roster.epoch] = signed
        if self.ring is None or roster.epoch > self.epoch:
            self.ring = ring
        recent = range(self.epoch - REMEMBERED_EPOCHS + 1, self.epoch + 1)
        known = [self._rings[epoch] for epoch in recent if epoch in self._rings]
        self.around = frozenset().union(*(ring.members for ring in known))

    def check(self, certificate: Certificate, *, own: Vote | None = None) -> Body:
        """The certified body. Raises InvalidCertificate: RosterNotKnown for an epoch still to come.

        A certificate verified before costs one hash. `own` as in `check_certificate`.
        """
        key = _certificate_key(certificate)
        known = self._certified.get(key)
        if known is not None:
            self._certified.move_to_end(key)
            return known
        ring = self._rings.get(certificate.epoch)
        if ring is None:
            unknown = RosterNotKnown if certificate.epoch > self.epoch else InvalidCertificate
            raise unknown(f"the roster of epoch {certificate.epoch} is not known here")
        body = check_certificate(
            certificate, ring.roster, ring.digest, own=own, closest=ring.voters
        )
        self._remember(key, body)
        return body

    def remember(self, certificate: Certificate, body: Body) -> None:
        """Every vote in it has just been verified, one by one."""
        self._remember(_certificate_key(certificate), body)

    def _remember(self, key: bytes, body: Body) -> None:
        self._certified[key] = body
        if len(self._certified) > self._cached_certificates:
            self._certified.popitem(last=False)


def _certificate_key(certificate: Certificate) -> bytes:
    return digest("dht certificate", codec.encode(certificate))
