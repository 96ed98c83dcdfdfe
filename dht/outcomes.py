"""What a put or a read comes back with."""

from dataclasses import dataclass

from dht.records import Certificate, Record, RegisterName


@dataclass(frozen=True)
class CountedVote:
    voter: bytes
    milliseconds: float
    """Since the put began."""


@dataclass(frozen=True)
class Refusal:
    voter: bytes
    code: str
    detail: str


@dataclass(frozen=True)
class Written:
    """What became of a put. `silent`: closest members without a final answer."""

    name: RegisterName
    votes: tuple[CountedVote, ...]
    certificate: Certificate | None
    conflicts: tuple[Record, ...]
    refusals: tuple[Refusal, ...]
    silent: tuple[bytes, ...]

    @property
    def accepted(self) -> bool:
        """Certified, and nobody showed another record in time."""
        return self.certificate is not None and not self.conflicts


@dataclass(frozen=True)
class SeenRecord:
    record: Record
    holders: tuple[bytes, ...]


@dataclass(frozen=True)
class Reading:
    """What the replicas of a register hold. `answered`: synced members that did answer."""

    name: RegisterName
    records: tuple[SeenRecord, ...]
    certificate: Certificate | None
    answered: int
    silent: tuple[bytes, ...]
    absent: bool | None
    """True: q synced members answered and none has a record; None: it cannot be told."""
