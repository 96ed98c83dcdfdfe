"""Step F1: a coin spent twice is proven by two records of one holder for one register.

Anyone can check the proof offline. An honest holder cannot be framed: it signs one body for each
place, ever. A stranger who signs two bodies convicts nobody, for no certified step made it holder.
"""

from crypto.documents import document_digest
from dht.records import Body, Certificate, FraudProof, Record, check_fraud_proof
from nodes.protocols.dht_micropayment.coin import Coin, Evidence, Generation, Serial, Trust, chain
from nodes.protocols.dht_micropayment.genuine import check_coin
from nodes.protocols.dht_micropayment.messages import ReportFraud
from nodes.protocols.dht_micropayment.moves import Kept
from nodes.protocols.dht_micropayment.refusals import NoFraudShown, PredecessorNotCertified
from nodes.protocols.dht_micropayment.step import certified_body
from nodes.protocols.message import PartyId


class Freeze(Kept, frozen=True):
    """The broker's note on a coin that was spent twice: where, and by whom."""

    owner: PartyId
    serial: Serial
    generation: Generation
    index: int
    culprit: PartyId

    def holds_back(self, generation: int, index: int, payer: PartyId) -> bool:
        """Whether a redemption at this step is refused.

        A certified step behind the double one belongs to its payee, who is honest as far as
        anyone can tell: it is honoured. What the culprit hands in is not.
        """
        return payer == self.culprit or (generation, index) <= (self.generation, self.index)


def earlier(known: Freeze | None, found: Freeze) -> Freeze:
    """Of two double steps of one coin the first."""
    if known is None:
        return found
    return min(known, found, key=lambda freeze: (freeze.generation, freeze.index))


def make_report(
    first: Record, second: Record, predecessor: Certificate, evidence: Evidence
) -> ReportFraud:
    """F1, whoever saw the conflict."""
    return ReportFraud(FraudProof(first, second), predecessor, evidence)


def check_report(report: ReportFraud, trust: Trust) -> Freeze:
    """F1, broker. Raises NoFraudShown, or what is wrong with the coin."""
    coin = check_coin(report.evidence, trust)
    body = _double_step(report, coin)
    try:
        previous = certified_body(report.predecessor, trust, PredecessorNotCertified)
    except PredecessorNotCertified as error:
        raise NoFraudShown("the step before is not certified") from error
    if not _is_before(previous, body):
        raise NoFraudShown("the step shown is not the one before")
    if previous.subject != document_digest(coin) or previous.payee != body.payer:
        raise NoFraudShown("who signed twice was not the holder")
    return Freeze(coin.owner, coin.serial, coin.generation, body.index, body.payer)


def _double_step(report: ReportFraud, coin: Coin) -> Body:
    try:
        first, second = check_fraud_proof(report.proof)
    except ValueError as error:
        raise NoFraudShown(str(error)) from error
    subject = document_digest(coin)
    if first.chain != chain(coin) or (first.subject, second.subject) != (subject, subject):
        raise NoFraudShown("the records are another coin's")
    return first


def _is_before(previous: Body, body: Body) -> bool:
    return (previous.namespace, previous.chain, previous.index + 1) == (
        body.namespace,
        body.chain,
        body.index,
    )
