"""Is this a coin at all? Equations (1), (2), (6), (7).

Generation 0 is the broker's word. A later generation is the word of a quorum: the certified
reissue holds the digest of the new coin, and its witnesses saw that the old coin was genuine and
held by whoever renewed it. One record is checked, however long the history.
"""

from crypto.codec import MalformedEncoding
from crypto.documents import document_digest
from dht.records import Body
from nodes.protocols.dht_micropayment import guards as rules
from nodes.protocols.dht_micropayment.coin import (
    NAMESPACE,
    Coin,
    Evidence,
    Trust,
    chain,
    decode_evidence,
    open_coin,
)
from nodes.protocols.dht_micropayment.refusals import (
    BodyIsNotTheCoins,
    CoinIsNotGenuine,
    MalformedEvidence,
    ReissueDoesNotFollow,
    ReissueNotCertified,
    WrongKind,
)
from nodes.protocols.dht_micropayment.step import Step, certified_body, pointer_register
from nodes.protocols.guard import Guards


def read_evidence(data: bytes) -> Evidence:
    """Raises MalformedEvidence."""
    try:
        return decode_evidence(data)
    except MalformedEncoding as error:
        raise MalformedEvidence(str(error)) from error


def check_coin(evidence: Evidence, trust: Trust) -> Coin:
    """The coin, if its broker issued it or a quorum certified the reissue it comes from.

    Raises CoinIsNotGenuine, ReissueNotCertified, ReissueDoesNotFollow, ExpiryIsNotFixed,
    ReissueBesideTheChain or WitnessIsNotAMember.
    """
    coin = open_coin(evidence.coin)
    if coin.issuer not in trust.brokers:
        raise CoinIsNotGenuine("no broker of this world issued it")
    if coin.generation == 0:
        _check_issued(coin, evidence)
    else:
        _check_renewed(coin, evidence, trust)
    return coin


def _check_issued(coin: Coin, evidence: Evidence) -> None:
    """Step W2."""
    if coin.signed_by != coin.issuer:
        raise CoinIsNotGenuine("a first generation is signed by its broker")
    if coin.holder != coin.owner or coin.previous:
        raise CoinIsNotGenuine("a first generation is held by its owner and follows nothing")
    if evidence.parent is not None or evidence.reissue is not None:
        raise CoinIsNotGenuine("a first generation comes from no reissue")


def _check_renewed(coin: Coin, evidence: Evidence, trust: Trust) -> None:
    """Steps R2, R3."""
    trust.guards.require(rules.reissue_is_certified, evidence)
    parent, reissue = evidence.parent, evidence.reissue
    if parent is None or reissue is None:
        return
    check_successor(parent, coin, trust.guards)
    body = certified_body(reissue, trust, ReissueNotCertified)
    check_reissue_body(body, parent, coin, trust.guards)


def check_successor(old: Coin, new: Coin, guards: Guards) -> None:
    """C' is C's next generation, and nothing in it was chosen by who made it."""
    kept = ("owner", "serial", "validity", "window", "issuer")
    if any(getattr(old, field) != getattr(new, field) for field in kept):
        raise ReissueDoesNotFollow("the new coin changes what the broker fixed")
    if new.previous != document_digest(old) or new.signed_by != new.holder:
        raise ReissueDoesNotFollow("the new coin does not follow from the old, made by its holder")
    in_chain = guards.is_on(rules.reissue_takes_the_next_register)
    if new.generation <= old.generation or (in_chain and new.generation != old.generation + 1):
        raise ReissueDoesNotFollow(f"generation {new.generation} behind {old.generation}")
    guards.require(rules.expiry_is_fixed, old, new)


def check_reissue_body(body: Body, old: Coin, new: Coin, guards: Guards) -> None:
    """This step turns `old` into `new`, for its holder. Raises ReissueDoesNotFollow."""
    chains = (chain(old), pointer_register(old, new.generation).chain)
    if body.namespace != NAMESPACE or body.chain not in chains:
        raise BodyIsNotTheCoins("the reissue is another coin's")
    guards.require(rules.reissue_takes_the_next_register, body, old)
    if body.kind != "reissue" or body.subject != document_digest(old):
        raise ReissueDoesNotFollow("the step shown does not reissue the old coin")
    if body.terms != document_digest(new):
        raise ReissueDoesNotFollow("the step shown makes another coin")
    if not body.payer == body.payee == new.holder:
        raise ReissueDoesNotFollow("the new coin is held by who reissued the old one")


def check_purpose(step: Step, evidence: Evidence, trust: Trust) -> None:
    """What each kind of step must say, and be shown with, beside following the one before.

    A payee that took more than the witnesses take would hold a coin it can show to nobody.
    Raises ReissueDoesNotFollow or WrongKind.
    """
    body = step.body
    if (evidence.successor is not None) != (body.kind == "reissue"):
        raise ReissueDoesNotFollow("a new coin is shown with its reissue, and only there")
    if evidence.successor is not None:
        successor = open_coin(evidence.successor)
        check_successor(step.coin, successor, trust.guards)
        check_reissue_body(body, step.coin, successor, trust.guards)
    if body.kind == "redeem" and body.payee != step.coin.issuer:
        raise WrongKind("a redemption goes to the coin's broker")
