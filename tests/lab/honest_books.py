"""A small honest market as its ledgers tell it, with real signatures, votes and certificates.

`Market().ledgers()` is what the auditor would read; a test doctors it and sees who notices.
"""

from typing import Any

from crypto import codec
from crypto.documents import document_digest, sign_document
from crypto.signing import SigningKey
from dht.records import Body, Certificate, Record, Roster, Vote, cast_vote
from nodes.protocols.dht_micropayment.coin import Coin, chain, opening, opening_record
from scenarios.lab.books import Books, read_entries, read_ledger

PEERS, K, Q = 16, 8, 6
OPENING = 1000
HOUR = 3_600_000


def key(name: str) -> SigningKey:
    return SigningKey(name.encode().ljust(32, b".")[:32])


class Market:
    """One broker, one escrow server, sixteen peers; every step is certified by q replicas."""

    def __init__(self) -> None:
        self.peers = [f"peer-{n:02}" for n in range(1, PEERS + 1)]
        self.names = ["certificate-authority", "broker", "escrow-server", *self.peers]
        self.keys = {name: key(name) for name in self.names}
        authority = self.keys["certificate-authority"]
        self.roster = Roster(
            epoch=1,
            authority=authority.public_key,
            k=K,
            q=Q,
            members=tuple(sorted(self.keys[name].public_key for name in self.peers)),
            previous=b"",
        )
        self.signed_roster = sign_document(self.roster, authority)
        self.raw: dict[str, dict[str, Any]] = {
            name: {"party": self.id(name), "name": name} for name in self.names
        }
        self.raw["certificate-authority"]["roster"] = {
            "content": self.signed_roster.content.hex(),
            "signatures": [signature.hex() for signature in self.signed_roster.signatures],
        }
        self.raw["broker"] |= {
            "accounts": [
                {"owner": self.id(name), "balance": OPENING}
                for name in ["escrow-server", *self.peers]
            ],
            "issued": [],
            "redeemed": [],
        }
        self.raw["escrow-server"] |= {"sales": [], "coins": []}
        for name in self.peers:
            self.raw[name] |= {"coins": [], "registers": []}
        self.entries: dict[str, list[dict[str, Any]]] = {name: [] for name in self.names}
        self._serial = 0
        self._bodies: dict[bytes, Body] = {}

    def id(self, name: str) -> str:
        return self.keys[name].public_key.hex()

    def voters(self, body: Body) -> list[str]:
        """Names of the k peers closest to a register, nearest first."""
        named = {self.keys[name].public_key: name for name in self.peers}
        return [named[member] for member in self.roster.closest(body.name.key)]

    # what is done

    def withdraw(self, owner: str) -> Coin:
        """Steps W1 to W3: one coin, debited, its first register written."""
        self._serial += 1
        broker = self.keys["broker"].public_key
        coin = Coin(
            owner=self.keys[owner].public_key,
            serial=self._serial,
            generation=0,
            expires=24 * HOUR,
            validity=24 * HOUR,
            window=HOUR,
            issuer=broker,
            signed_by=broker,
            holder=self.keys[owner].public_key,
            previous=b"",
        )
        self.raw["broker"]["issued"].append({"owner": self.id(owner), "serial": self._serial})
        self._account(owner)["balance"] -= 1
        certificate = self._write(opening(coin), opening_record(coin))
        self._hold(owner, coin, 0, certificate)
        return coin

    def pay(self, coin: Coin, payer: str, payee: str, *, transaction: str = "") -> Certificate:
        """Steps P1 to P3."""
        body = self.next_body(coin, payer, payee, "pay")
        certificate = self._write(body, self.record(body, payer))
        self._let_go(payer, coin, body.index - 1)
        self._hold(payee, coin, body.index, certificate, transaction)
        return certificate

    def redeem(self, coin: Coin, holder: str) -> None:
        """Steps D1, D2."""
        body = self.next_body(coin, holder, "broker", "redeem")
        self._write(body, self.record(body, holder))
        self._let_go(holder, coin, body.index - 1)
        self.raw["broker"]["redeemed"].append(
            {"owner": coin.owner.hex(), "serial": coin.serial, "to": self.id(holder)}
        )
        self._account(holder)["balance"] += 1

    def reissue(self, coin: Coin, holder: str) -> Coin:
        """Steps R1 to R5."""
        renewed = Coin(
            owner=coin.owner,
            serial=coin.serial,
            generation=coin.generation + 1,
            expires=coin.expires + coin.validity,
            validity=coin.validity,
            window=coin.window,
            issuer=coin.issuer,
            signed_by=self.keys[holder].public_key,
            holder=self.keys[holder].public_key,
            previous=document_digest(coin),
        )
        body = self.next_body(coin, holder, holder, "reissue", document_digest(renewed))
        self._write(body, self.record(body, holder))
        self._let_go(holder, coin, body.index - 1)
        certificate = self._write(opening(renewed), opening_record(renewed))
        self._hold(holder, renewed, 0, certificate)
        return renewed

    def sell(self, buyer: str, seller: str, coins: list[Coin], *, paid: bool = True) -> str:
        """A sale that ended: released to the seller or refunded to the buyer."""
        sale = f"{len(self.raw['escrow-server']['sales']) + 1:032x}"
        for coin in coins:
            self.pay(coin, buyer, "escrow-server", transaction=sale)
            self.pay(coin, "escrow-server", seller if paid else buyer)
        self.raw["escrow-server"]["sales"].append(
            {
                "sale": sale,
                "state": "closed" if paid else "refunded",
                "decision": "release" if paid else "refund",
                "finding": None if paid else "wrong-content",
                "amount": len(coins),
                "buyer": self.id(buyer),
                "seller": self.id(seller),
                "instrument": "dht-coins",
            }
        )
        for side, name, state in (
            ("buyer", buyer, "accepted" if paid else "refunded"),
            ("seller", seller, "paid" if paid else "refunded"),
        ):
            self.entries[name].append(
                {"id": sale, "protocol": "escrow_commerce", "side": side, "state": state}
            )
        return sale

    # how

    def next_body(
        self, coin: Coin, payer: str, payee: str, kind: Any, terms: bytes = b"order"
    ) -> Body:
        before = self._bodies[chain(coin)]
        return Body(
            namespace="coin",
            chain=chain(coin),
            index=before.index + 1,
            kind=kind,
            payer=self.keys[payer].public_key,
            payee=self.keys[payee].public_key,
            previous=document_digest(before),
            subject=document_digest(coin),
            terms=terms,
        )

    def record(self, body: Body, payer: str) -> Record:
        return Record(sign_document(body, self.keys[payer]))

    def certify(self, body: Body, record: Record, voters: list[str] | None = None) -> Certificate:
        """The record with the votes of `voters`; q of the k closest where none are named."""
        roster_digest = document_digest(self.roster)
        chosen = self.voters(body)[:Q] if voters is None else voters
        votes: list[Vote] = [
            cast_vote(self.keys[name], body.name, record.digest, 1, roster_digest)
            for name in chosen
        ]
        return Certificate(record, 1, roster_digest, tuple(votes))

    def row(self, body: Body, *, certified: bool = True) -> dict[str, Any]:
        return {
            "namespace": body.namespace,
            "chain": body.chain.hex(),
            "index": body.index,
            "digest": document_digest(body).hex(),
            "kind": body.kind,
            "payer": body.payer.hex(),
            "payee": body.payee.hex(),
            "certified": certified,
            "conflict": False,
        }

    def _write(self, body: Body, record: Record) -> Certificate:
        self._bodies[body.chain] = body
        for name in self.voters(body):
            self.raw[name]["registers"].append(self.row(body))
        return self.certify(body, record)

    def _hold(
        self, party: str, coin: Coin, index: int, certificate: Certificate, transaction: str = ""
    ) -> None:
        self.raw[party]["coins"].append(
            {
                "owner": coin.owner.hex(),
                "serial": coin.serial,
                "generation": coin.generation,
                "chain": chain(coin).hex(),
                "index": index,
                "state": "held",
                "transaction": transaction,
                "certificate": codec.encode(certificate).hex(),
            }
        )

    def _let_go(self, party: str, coin: Coin, index: int) -> None:
        for row in self.raw[party]["coins"]:
            if (row["chain"], row["index"]) == (chain(coin).hex(), index):
                row["state"] = "spent"

    def _account(self, owner: str) -> dict[str, Any]:
        accounts: list[dict[str, Any]] = self.raw["broker"]["accounts"]
        return next(row for row in accounts if row["owner"] == self.id(owner))

    def books(self, *, silent: tuple[str, ...] = ()) -> Books:
        return Books(
            ledgers={n: read_ledger(raw) for n, raw in self.raw.items() if n not in silent},
            silent=dict.fromkeys(silent, "it is down"),
            entries={n: read_entries(rows) for n, rows in self.entries.items() if n not in silent},
            opening_balance=OPENING,
        )
