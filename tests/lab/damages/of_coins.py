"""Coins of the DHT, and the broker's accounts: issues, redemptions, holdings, registers."""

from typing import Any

import msgspec

from crypto import codec
from crypto.documents import Signed
from dht.records import Body, Certificate, Put, Record
from dht.registers import Entry
from nodes.protocols.accounts.account import Account
from nodes.protocols.dht_micropayment.coin import read_coin
from nodes.protocols.dht_micropayment.holding import CoinState, Holding
from nodes.protocols.dht_micropayment.redemption import RedeemedState, Redemption
from nodes.protocols.dht_micropayment.withdrawal import Issued
from tests.lab.damages.damage import Damage, Ids, but, flipped, gone, plus

LIVE = "issued minus redeemed is what lives"
TWICE = "nothing accepted twice"
VOTES = "nobody voted twice"
OFFLINE = "every certificate checks offline"
REPLICAS = "every register on its replicas"
ONE_HOLDER = "no coin held by two"
LOST = "nobody lost a coin"
VALUE = "value conserved"
ACCOUNT = "each account is what was moved"
FROZEN = "accounts are frozen for double spending only"


def owned_by(name: str) -> Any:
    return lambda row, ids: row.owner == ids[name]


def is_paid(row: Entry, ids: Ids) -> bool:
    return body_of(row.put.record).kind == "pay" and row.certificate is not None


def is_in_its_certificate(row: Entry, ids: Ids) -> bool:
    """A quorum is less than all: not every replica's vote stands in the certificate."""
    votes = row.certificate.votes if row.certificate else ()
    return ids["peer-04"] in {vote.voter for vote in votes}


def body_of(record: Record) -> Body:
    return codec.decode(record.signed.content, Body)


def paid_to(record: Record, payee: bytes) -> Record:
    """The same step with another payee, which nobody signed."""
    body = msgspec.structs.replace(body_of(record), payee=payee)
    return Record(Signed(codec.encode(body), record.signed.signatures))


def voted_for_another(row: Entry, ids: Ids) -> Entry:
    bare = Put(paid_to(row.put.record, ids["peer-05"]), None, b"")
    return msgspec.structs.replace(row, put=bare, certificate=None)


def certified_for_another(row: Entry, ids: Ids) -> Entry:
    assert row.certificate is not None, "it was looked for"
    record = paid_to(row.certificate.record, ids["peer-05"])
    other = msgspec.structs.replace(row.certificate, record=record)
    return msgspec.structs.replace(row, certificate=other)


def a_vote_short(row: Holding, ids: Ids) -> Holding:
    assert row.certificate is not None, "a held coin has one"
    fewer: Certificate = msgspec.structs.replace(row.certificate, votes=row.certificate.votes[:3])
    return msgspec.structs.replace(row, certificate=fewer)


def a_vote_altered(row: Holding, ids: Ids) -> Holding:
    assert row.certificate is not None, "a held coin has one"
    first, *others = row.certificate.votes
    vote = msgspec.structs.replace(first, signature=flipped(first.signature))
    votes = (vote, *others)
    certificate = msgspec.structs.replace(row.certificate, votes=votes)
    return msgspec.structs.replace(row, certificate=certificate)


def is_held(row: Holding, ids: Ids) -> bool:
    return row.state is CoinState.HELD


def is_spent(row: Holding, ids: Ids) -> bool:
    return row.state is CoinState.SPENT


def coin(row: Holding) -> str:
    return f"coin {read_coin(row.evidence.coin).serial}"


DAMAGES = (
    Damage(
        "an account with one more",
        "broker",
        "accounts",
        Account,
        ACCOUNT,
        lambda row, ids: ("peer-03 has", f"{row.balance + 1}", f"makes {row.balance}"),
        but(balance=plus(1)),
        owned_by("peer-03"),
    ),
    Damage(
        "an account with one less",
        "broker",
        "accounts",
        Account,
        VALUE,
        lambda row, ids: ("but 5006 was opened",),
        but(balance=plus(-1)),
        owned_by("peer-01"),
    ),
    Damage(
        "an account frozen for nothing",
        "broker",
        "accounts",
        Account,
        FROZEN,
        lambda row, ids: (f"peer-04 is frozen with {row.balance}",),
        but(frozen=True),
        owned_by("peer-04"),
    ),
    Damage(
        "an issued coin to somebody else",
        "broker",
        "issued",
        Issued,
        ACCOUNT,
        lambda row, ids: ("peer-01 has", "peer-03 has 1000, but what was moved makes 999"),
        lambda row, ids: but(owner=ids["peer-03"])(row, ids),
    ),
    Damage(
        "an issued coin forgotten",
        "broker",
        "issued",
        Issued,
        LIVE,
        lambda row, ids: ("of peer-01 is certified and comes from no issued coin",),
        gone,
    ),
    Damage(
        "a redeemed coin forgotten",
        "broker",
        "redemptions",
        Redemption,
        LIVE,
        lambda row, ids: (f"coin {row.serial} is on its way",),
        but(state=RedeemedState.REFUSED),
    ),
    Damage(
        "a redeemed coin credited to somebody else",
        "broker",
        "redemptions",
        Redemption,
        ACCOUNT,
        lambda row, ids: ("peer-02 has", "peer-03 has 1000, but what was moved makes 1001"),
        lambda row, ids: but(to=ids["peer-03"])(row, ids),
    ),
    Damage(
        "a coin that its holder believes spent",
        "peer-01",
        "holdings",
        Holding,
        LOST,
        lambda row, ids: (f"{coin(row)} is peer-01's, whose wallet lacks it",),
        but(state=CoinState.SPENT),
        is_held,
    ),
    Damage(
        "a coin that is gone from its wallet",
        "peer-02",
        "holdings",
        Holding,
        LOST,
        lambda row, ids: (f"{coin(row)} is peer-02's, whose wallet lacks it",),
        gone,
        is_held,
    ),
    Damage(
        "a spent coin that counts again",
        "peer-01",
        "holdings",
        Holding,
        ONE_HOLDER,
        lambda row, ids: (f"peer-01 still counts {coin(row)}",),
        but(state=CoinState.HELD),
        is_spent,
    ),
    Damage(
        "a certificate with a vote short",
        "peer-02",
        "holdings",
        Holding,
        OFFLINE,
        lambda row, ids: (f"peer-02, {coin(row)}: ",),
        a_vote_short,
        is_held,
    ),
    Damage(
        "a certificate with a vote altered",
        "peer-03",
        "holdings",
        Holding,
        OFFLINE,
        lambda row, ids: (f"peer-03, {coin(row)}: ",),
        a_vote_altered,
        is_held,
    ),
    Damage(
        "a replica's vote for another body",
        "peer-04",
        "dht_registers",
        Entry,
        VOTES,
        lambda row, ids: ("peer-04 voted for 2 bodies in coin", f", {row.name.index})"),
        voted_for_another,
        is_in_its_certificate,
    ),
    Damage(
        "a replica's certificate for another body",
        "peer-05",
        "dht_registers",
        Entry,
        TWICE,
        lambda row, ids: ("coin", f", {row.name.index}) is certified for", "peer-05"),
        certified_for_another,
        is_paid,
    ),
    Damage(
        "a replica without its register",
        "peer-03",
        "dht_registers",
        Entry,
        REPLICAS,
        lambda row, ids: ("coin", f", {row.name.index}) is missing on peer-03"),
        gone,
        is_paid,
    ),
)
