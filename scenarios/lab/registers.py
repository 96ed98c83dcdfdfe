"""What the registers of a world say, put together from every replica and every certificate."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from crypto.documents import content_digest
from dht.records import TERMINAL, Body, RegisterName
from nodes.protocols.dht_micropayment.coin import NAMESPACE, chain_of
from scenarios.lab.books import Books, body_of

Place = tuple[str, bytes, int]
"""(namespace, chain, index)."""


@dataclass(frozen=True)
class Value:
    """One body seen at one place, and who shows it."""

    place: Place
    digest: bytes
    kind: str
    payer: bytes
    payee: bytes
    certified: bool
    holders: frozenset[str]
    """Names of the replicas that hold it."""
    voters: frozenset[bytes] = frozenset()
    """Whose votes stand in a certificate of it that somebody shows."""

    @property
    def name(self) -> RegisterName:
        return RegisterName(*self.place)


@dataclass(frozen=True)
class Life:
    """Where one (U, sn) stands: its open generation, or the one whose redemption closed it."""

    owner: bytes
    serial: int
    generation: int
    newest: Value | None
    """The newest certified step of that generation; None while none is written."""

    @property
    def closed(self) -> bool:
        return self.newest is not None and self.newest.kind in TERMINAL


class Registers:
    def __init__(self, books: Books) -> None:
        self._serials = _serials(books)
        self._values: dict[Place, dict[bytes, Value]] = defaultdict(dict)
        self.conflicts: set[Place] = set()
        for replica, row in books.registers():
            place = (row.namespace, bytes.fromhex(row.chain), row.index)
            if row.conflict:
                self.conflicts.add(place)
            value = Value(
                place=place,
                digest=bytes.fromhex(row.digest),
                kind=row.kind,
                payer=bytes.fromhex(row.payer),
                payee=bytes.fromhex(row.payee),
                certified=row.certified,
                holders=frozenset({replica}),
            )
            self._add(value)
        for shown in {shown.text: shown for shown in books.certificates()}.values():
            certificate = shown.certificate
            if certificate is not None:
                body = body_of(certificate)
                voters = frozenset(vote.voter for vote in certificate.votes)
                self._add(_certified(body, certificate.record.signed.content, voters))

    def _add(self, value: Value) -> None:
        known = self._values[value.place].get(value.digest)
        if known is not None:
            value = Value(
                place=value.place,
                digest=value.digest,
                kind=value.kind,
                payer=value.payer,
                payee=value.payee,
                certified=value.certified or known.certified,
                holders=value.holders | known.holders,
                voters=value.voters | known.voters,
            )
        self._values[value.place][value.digest] = value

    def called(self, name: RegisterName) -> str:
        """With its coin, as far as somebody shows that."""
        serial = self._serials.get(name.chain)
        coin = "" if serial is None else f"coin {serial}'s "
        return f"{coin}register ({name.chain.hex()[:8]}, {name.index})"

    def places(self) -> Mapping[Place, Mapping[bytes, Value]]:
        return self._values

    def certified(self, place: Place) -> list[Value]:
        return [value for value in self._values.get(place, {}).values() if value.certified]

    def all_certified(self) -> list[Value]:
        return [
            value
            for values in self._values.values()
            for value in values.values()
            if value.certified
        ]

    def chain(self, chain: bytes) -> list[Value]:
        """The certified steps of one generation of one coin, in order."""
        return self.chains.get((NAMESPACE, chain), [])

    @cached_property
    def chains(self) -> dict[tuple[str, bytes], list[Value]]:
        """The certified steps by (namespace, chain), in order."""
        found: dict[tuple[str, bytes], list[Value]] = defaultdict(list)
        for value in sorted(self.all_certified(), key=lambda value: value.place):
            found[value.place[:2]].append(value)
        return found

    def of_chain(self, namespace: str, chain: bytes) -> list[Value]:
        """Every step of one generation that anybody shows, certified or not, in order."""
        found = [
            value
            for (place_namespace, place_chain, _), values in self._values.items()
            if (place_namespace, place_chain) == (namespace, chain)
            for value in values.values()
        ]
        return sorted(found, key=lambda value: (value.place, not value.certified))

    def life(self, owner: bytes, serial: int) -> Life:
        """Follow the certified reissues to the newest generation."""
        generation = 0
        while True:
            steps = self.chain(chain_of(owner, serial, generation))
            newest = steps[-1] if steps else None
            if newest is None or newest.kind != "reissue":
                return Life(owner, serial, generation, newest)
            generation += 1


def _serials(books: Books) -> dict[bytes, int]:
    """By chain: of the coins that were issued, and of those that somebody has or had."""
    found = {
        chain_of(bytes.fromhex(coin.owner), coin.serial, 0): coin.serial
        for ledger in books.ledgers.values()
        for coin in ledger.issued
    }
    return found | {bytes.fromhex(coin.chain): coin.serial for _, coin in books.coins()}


def _certified(body: Body, content: bytes, voters: frozenset[bytes]) -> Value:
    return Value(
        place=(body.namespace, body.chain, body.index),
        digest=content_digest(Body, content),
        kind=body.kind,
        payer=body.payer,
        payee=body.payee,
        certified=True,
        holders=frozenset(),
        voters=voters,
    )
