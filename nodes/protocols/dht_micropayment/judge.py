"""Who paid whom, and who spent a coin twice: decided offline from signed steps and votes (DC-24).

A step bears its payer's signature and a certificate the votes of a quorum, so payer, payee and
witnesses cannot deny them. A certificate counts by a roster that the certificate authority signed;
without the authority's key no certificate can be believed.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from crypto import codec
from crypto.codec import MalformedEncoding
from crypto.documents import document_digest
from crypto.signing import InvalidSignature
from dht.records import (
    Body,
    Certificate,
    FraudProof,
    InvalidCertificate,
    Record,
    RegisterName,
    Roster,
    check_certificate,
    check_fraud_proof,
    check_vote,
)
from nodes.protocols.dht_micropayment.coin import NAMESPACE, Coin, Evidence
from nodes.protocols.dht_micropayment.messages import Quote, Receipt
from nodes.protocols.evidence import (
    Denial,
    Keys,
    Papers,
    Ruled,
    convicted,
    read_pieces,
    undecidable,
)
from nodes.protocols.message import PartyId, Role

PROTOCOL = "dht_micropayment"
SPENT_TWICE = "the payer denies having spent a coin twice"
PAID = "the payer denies having paid"
WAS_PAID = "the payee denies having been paid"
AGREED = "the payee denies what it promised"
VOTED_TWICE = "a witness denies having voted twice"
ISSUED = "the broker denies having issued the coin"
DENIALS = (
    Denial(
        SPENT_TWICE,
        "two steps that one payer signed for one register, and the certified step before",
        "the payer (DC-24)",
    ),
    Denial(
        PAID,
        "the step that the payer signed, and its certificate",
        "the payer",
    ),
    Denial(
        WAS_PAID,
        "the certificate of a step to the payee, or its receipt",
        "the payee",
    ),
    Denial(
        AGREED,
        "the quote that the payee signed",
        "the payee",
    ),
    Denial(
        VOTED_TWICE,
        "two votes of one witness for two bodies of one register",
        "the witness",
    ),
    Denial(
        ISSUED,
        "the coin that the broker signed",
        "the broker",
    ),
)


def judge(pieces: Iterable[bytes], keys: Keys) -> list[Ruled]:
    """Read the pieces of one transaction in any order."""
    papers = read_pieces(
        pieces,
        protocols=(PROTOCOL,),
        documents=(Coin, Quote, Receipt, Roster),
        values=(Certificate, FraudProof, Evidence, Record),
    )
    certified = list(_certified(papers, keys))
    return [
        *_spent_twice(papers, certified),
        *_paid(papers, certified),
        *_promised(papers),
        *_voted_twice(papers),
        *_issued(papers, keys),
    ]


def _certified(papers: Papers, keys: Keys) -> Iterator[Body]:
    """What the certificates shown certify, by rosters of the authority that the judge knows."""
    known = keys.get(Role.CERTIFICATE_AUTHORITY, frozenset())
    rosters = {
        document_digest(roster): roster
        for roster in papers.all(Roster)
        if roster.authority in known
    }
    for certificate in papers.of(Certificate):
        roster = rosters.get(certificate.roster)
        if roster is None:
            continue
        try:
            body = check_certificate(certificate, roster, certificate.roster)
        except InvalidCertificate:
            continue
        if body.namespace == NAMESPACE:
            yield body


def _signed_steps(papers: Papers) -> dict[tuple[RegisterName, PartyId], dict[bytes, Record]]:
    """By place and payer: every body that this payer signed for it."""
    found: dict[tuple[RegisterName, PartyId], dict[bytes, Record]] = defaultdict(dict)
    for record in papers.of(Record):
        try:
            body = record.body()
        except ValueError:
            continue
        if body.namespace == NAMESPACE and body.index > 0:
            found[body.name, body.payer][record.digest] = record
    return found


def _spent_twice(papers: Papers, certified: list[Body]) -> Iterator[Ruled]:
    holders = {(body.name, body.payee, body.subject) for body in certified}
    for (name, payer), records in _signed_steps(papers).items():
        if len(records) < 2:
            continue
        first, second, *_ = records.values()
        step, other = check_fraud_proof(FraudProof(first, second))
        before = RegisterName(name.namespace, name.chain, name.index - 1)
        place = f"register {name.index} of coin {name.chain.hex()[:8]}"
        if step.subject != other.subject or (before, payer, step.subject) not in holders:
            missing = f"the certified step that made it the holder before {place}"
            yield undecidable(SPENT_TWICE, missing)
            continue
        payees = f"{step.payee.hex()[:8]} and {other.payee.hex()[:8]}"
        yield convicted(SPENT_TWICE, payer, f"it signed {place} over to {payees}")


def _paid(papers: Papers, certified: list[Body]) -> Iterator[Ruled]:
    """Coins of one payment have the same terms."""
    payments: dict[tuple[PartyId, PartyId, bytes], set[RegisterName]] = defaultdict(set)
    for body in certified:
        if body.kind == "pay":
            payments[body.payer, body.payee, body.terms].add(body.name)
    for (payer, payee, _), coins in payments.items():
        what = f"{len(coins)} certified to {payee.hex()[:8]}"
        yield convicted(PAID, payer, f"it signed {what}")
        yield convicted(WAS_PAID, payee, f"a quorum voted for {what}")
    for receipt in papers.all(Receipt):
        yield convicted(WAS_PAID, receipt.payee, f"it signed a receipt for {receipt.count}")
    done = {name for coins in payments.values() for name in coins}
    signed = [
        payer
        for (name, payer), records in _signed_steps(papers).items()
        if name not in done and any(_kind(record) == "pay" for record in records.values())
    ]
    for _ in signed:
        yield undecidable(PAID, "a quorum's votes: a step that is signed alone moves nothing")
        yield undecidable(WAS_PAID, "a quorum's votes, or the payee's receipt")
    if papers.all(Quote) and not (payments or signed or papers.all(Receipt)):
        yield undecidable(PAID, "a step that the payer signed, and its certificate")
        yield undecidable(WAS_PAID, "the certificate of a step to the payee, or its receipt")


def _kind(record: Record) -> str:
    return codec.decode(record.signed.content, Body).kind


def _promised(papers: Papers) -> Iterator[Ruled]:
    for quote in papers.all(Quote):
        what = f"it signed: {quote.count} for this order, and {quote.gives_back} if it fails"
        yield convicted(AGREED, quote.payee, what)


def _voted_twice(papers: Papers) -> Iterator[Ruled]:
    votes: dict[tuple[PartyId, RegisterName], set[bytes]] = defaultdict(set)
    for certificate in papers.of(Certificate):
        try:
            name = codec.decode(certificate.record.signed.content, Body).name
        except MalformedEncoding:
            continue
        value, epoch, roster = certificate.record.digest, certificate.epoch, certificate.roster
        for vote in certificate.votes:
            try:
                check_vote(vote, name, value, epoch, roster)
            except InvalidSignature:
                continue
            votes[vote.voter, name].add(value)
    for (voter, name), values in votes.items():
        if len(values) > 1:
            place = f"register {name.index} of coin {name.chain.hex()[:8]}"
            yield convicted(VOTED_TWICE, voter, f"it signed {len(values)} votes for {place}")


def _issued(papers: Papers, keys: Keys) -> Iterator[Ruled]:
    known = keys.get(Role.BROKER, frozenset())
    for coin in papers.all(Coin):
        if coin.generation == 0 and coin.signed_by == coin.issuer and coin.issuer in known:
            yield convicted(ISSUED, coin.issuer, f"it signed coin {coin.serial}")
