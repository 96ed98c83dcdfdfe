"""The rules the paper does not have, each with the attack it ends. All are on by default.

Where a mend changes what is made, the maker asks whether the guard is on and follows one of two
strategies: `step.payee_named_in` (DC-A4), `step.reissue_register` (DC-A7) and
`payment.is_good` (DC-A1).
"""

from crypto import codec
from crypto.documents import document_digest
from dht.records import TERMINAL, Body, Certificate, RegisterName, VoterIsNotAMember
from nodes.protocols.dht_micropayment.coin import (
    NAMESPACE,
    Certified,
    Coin,
    Evidence,
    chain,
    decode_evidence,
    opening,
)
from nodes.protocols.dht_micropayment.refusals import (
    BodyIsNotTheCoins,
    CoinHasExpired,
    ExpiryIsNotFixed,
    MalformedEvidence,
    NoQuorum,
    PayeeIsNotYou,
    PayerDoesNotHoldTheCoin,
    ReissueBesideTheChain,
    ReissueNotCertified,
    StepOutOfOrder,
    WitnessIsNotAMember,
)
from nodes.protocols.guard import guard
from nodes.protocols.message import Milliseconds, PartyId

ANYBODY: PartyId = bytes(32)
"""The payee of a transfer that names none, as in equation (4). Nobody can sign under this key."""


@guard("evidence-is-shown", mends=("DC-A17",), refuses=MalformedEvidence)
def evidence_is_shown(evidence: bytes) -> bool:
    """A record comes with what proves its coin, so witnesses store no garbage."""
    try:
        decode_evidence(evidence)
    except codec.MalformedEncoding:
        return False
    return True


@guard("body-belongs-to-the-coin", mends=("DC-A18",), refuses=BodyIsNotTheCoins)
def body_belongs_to_the_coin(body: Body, coin: Coin) -> bool:
    """A coin is opened to the holder its issuer named, and every step speaks of that coin."""
    if body.index == 0:
        return body == opening(coin)
    return body.namespace == NAMESPACE and body.subject == document_digest(coin)


@guard("payee-is-named", mends=("DC-A4",), refuses=PayeeIsNotYou)
def payee_is_named(body: Body, me: PartyId | None) -> bool:
    """A transfer names its payee, so nobody else can register it. Witnesses have no `me`."""
    return body.payee == me if me is not None else body.payee != ANYBODY


@guard("payer-holds-the-coin", mends=("DC-A2",), refuses=PayerDoesNotHoldTheCoin)
def payer_holds_the_coin(body: Body, holder: PartyId) -> bool:
    """Only the payee of the certified step before can write the next one."""
    return body.payer == holder


@guard("steps-follow-each-other", mends=("DC-A3",), refuses=StepOutOfOrder)
def steps_follow_each_other(body: Body, previous: Body, place: RegisterName) -> bool:
    """A step takes the next place behind the certified one, which was not the last."""
    return (
        body.name == place
        and body.previous == document_digest(previous)
        and previous.kind not in TERMINAL
    )


@guard("witnesses-are-members", mends=("DC-A6",), refuses=WitnessIsNotAMember)
def witnesses_are_members(certificate: Certificate, certified: Certified) -> bool:
    """Votes count only from the certified members closest to the register's key."""
    try:
        certified(certificate)
    except VoterIsNotAMember:
        return False
    return True


@guard("reissue-takes-the-next-register", mends=("DC-A7", "DC-A8"), refuses=ReissueBesideTheChain)
def reissue_takes_the_next_register(body: Body, coin: Coin) -> bool:
    """A reissue competes with a payment for one register, so only one of them happens."""
    return body.kind != "reissue" or body.chain == chain(coin)


@guard("reissue-is-certified", mends=("DC-A9",), refuses=ReissueNotCertified)
def reissue_is_certified(evidence: Evidence) -> bool:
    """A coin made by a peer comes with the certified reissue of a coin that peer held."""
    return evidence.parent is not None and evidence.reissue is not None


@guard("expiry-is-fixed", mends=("DC-A10",), refuses=ExpiryIsNotFixed)
def expiry_is_fixed(old: Coin, new: Coin) -> bool:
    """A renewed coin lasts as much longer as the broker fixed when it issued the first."""
    return new.expires == old.expires + old.validity


@guard("coin-has-not-expired", mends=("DC-A11",), refuses=CoinHasExpired)
def coin_has_not_expired(now: Milliseconds, until: Milliseconds) -> bool:
    """Nobody takes part in a step after the coin's time for it."""
    return now <= until


@guard("payment-is-certified", mends=("DC-A1", "DC-A5", "DC-A20"), refuses=NoQuorum)
def payment_is_certified(certified: bool) -> bool:
    """A payment is good when a quorum certified it, not when a look-up found nothing."""
    return certified
