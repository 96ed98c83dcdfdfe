"""A broker, four peers and seven witnesses, with real keys and real votes, for these tests."""

from collections.abc import Iterable

import msgspec

from crypto import codec
from crypto.documents import Signed, document_digest, sign_document
from crypto.hashing import digest
from crypto.signing import SigningKey
from dht.records import Body, Certificate, Record, Roster, cast_vote, check_certificate
from nodes.protocols.dht_micropayment import holding as holdings
from nodes.protocols.dht_micropayment.coin import Coin, Evidence, Trust
from nodes.protocols.dht_micropayment.holding import Holding
from nodes.protocols.dht_micropayment.messages import Withdraw
from nodes.protocols.dht_micropayment.transfer import Receiver, Transfer, terms_of
from nodes.protocols.dht_micropayment.withdrawal import IssueTerms, issue
from nodes.protocols.guard import ALL_ON, Guard, Guards

NOW = 1_700_000_000_000
VALIDITY = 24 * 3_600_000
WINDOW = 3_600_000
QUORUM_TIME = 5_000
ORDER = b"order"
TX = b"transaction 0001"


def key(name: str) -> SigningKey:
    return SigningKey(digest("test key", name.encode()))


B, U, V, W, X = (key(name) for name in ("broker", "U", "V", "W", "X"))
AUTHORITY = key("authority")
WITNESSES = [key(f"witness {n}") for n in range(7)]
STRANGERS = [key(f"stranger {n}") for n in range(7)]
ROSTER = Roster(
    epoch=1,
    authority=AUTHORITY.public_key,
    k=5,
    q=4,
    members=tuple(w.public_key for w in WITNESSES),
    previous=b"",
)
ROSTER_DIGEST = document_digest(ROSTER)
BY_ID = {w.public_key: w for w in WITNESSES}


def certify(record: Record, *, votes: int = 4, voters: Iterable[SigningKey] = ()) -> Certificate:
    """The votes of the members closest to the register, or of `voters`, whoever they are."""
    body = codec.decode(record.signed.content, Body)
    chosen = list(voters) or [BY_ID[m] for m in ROSTER.closest(body.name.key)][:votes]
    return Certificate(
        record,
        1,
        ROSTER_DIGEST,
        tuple(cast_vote(w, body.name, record.digest, 1, ROSTER_DIGEST) for w in chosen),
    )


def trust(guards: Guards = ALL_ON) -> Trust:
    return Trust(
        frozenset({B.public_key}), lambda c: check_certificate(c, ROSTER, ROSTER_DIGEST), guards
    )


def without(*rules: Guard[...]) -> Guards:
    return Guards(frozenset(rule.name for rule in rules))


def issued(owner: SigningKey = U, count: int = 1, after: int = 0) -> list[Evidence]:
    answer, _ = issue(
        Withdraw(count), owner.public_key, after, NOW, IssueTerms(VALIDITY, WINDOW), B
    )
    return [Evidence(coin) for coin in answer.coins]


def hold(evidence: Evidence) -> Holding:
    """A coin its first holder has opened."""
    coming = holdings.opened(evidence, TX)
    return holdings.certified(coming, certify(coming.record))


def held(owner: SigningKey = U, count: int = 1, after: int = 0) -> list[Holding]:
    return [hold(evidence) for evidence in issued(owner, count, after)]


def committed(
    coin: Holding,
    payer: SigningKey,
    payee: SigningKey,
    *,
    kind: str = "pay",
    terms: bytes | None = None,
    guards: Guards = ALL_ON,
) -> Holding:
    """`coin` with its next step decided, for ORDER and this coin alone unless told otherwise."""
    return holdings.commit(
        coin,
        kind,  # type: ignore[arg-type]
        payee.public_key,
        terms or terms_of(ORDER, [coin.chain]),
        TX,
        payer.public_key,
        guards,
    )


def transfer(coin: Holding, payer: SigningKey, payee: SigningKey, **how: object) -> Transfer:
    return holdings.sign_committed(committed(coin, payer, payee, **how), payer)  # type: ignore[arg-type]


def passed_on(coin: Holding, payer: SigningKey, payee: SigningKey) -> Holding:
    """The coin as `payee` holds it, certified."""
    sent = transfer(coin, payer, payee)
    return holdings.certified(holdings.received(sent, TX), certify(sent.record))


def to(me: SigningKey, now: int = NOW) -> Receiver:
    return Receiver(me.public_key, now, QUORUM_TIME)


def resigned(sent: Transfer, signer: SigningKey, **changes: object) -> Transfer:
    """The transfer with fields of its body changed and signed anew."""
    body = codec.decode(sent.record.signed.content, Body)
    altered = msgspec.structs.replace(body, **changes)
    return Transfer(Record(sign_document(altered, signer)), sent.predecessor, sent.evidence)


def re_signed_coin(coin: Coin, signer: SigningKey, **changes: object) -> Signed[Coin]:
    return sign_document(msgspec.structs.replace(coin, **changes), signer)
