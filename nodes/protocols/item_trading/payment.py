"""Cyber money: what a trade knows of it, whatever the plug does to get and to spend it.

The buyer's e-cash waits at its coin server under a condition: the deal's digest, the game server
as judge, a one-time key of the seller's and one of the buyer's. The coin server's receipt takes
the place of money in steps 1.5 and 2.6 and of the notice in 2.7: nobody can forge it, no market
holds money. The word that the game server signs anyway gives the coin to one of the two keys.
"""

from collections.abc import Set
from typing import Protocol

from crypto import codec
from crypto.codec import MalformedEncoding
from crypto.documents import Signed, document_digest, open_document, sign_document
from crypto.signing import InvalidSignature, SigningKey
from nodes.protocols.electronic_cash.documents import Condition, Outcome, PendingCoin, Verdict
from nodes.protocols.item_trading.documents import Deal, OneTimeKey, Reference
from nodes.protocols.item_trading.refusals import NotPaidIn, WrongWord
from nodes.protocols.message import PartyId, TransactionId

__all__ = [
    "Condition",
    "Outcome",
    "PaidIn",
    "TradeMoney",
    "Word",
    "check_paid_in",
    "condition_of",
    "outcome_said",
    "read_word",
    "reference_of",
    "say",
]

PaidIn = Signed[PendingCoin]
"""The coin server has this much for this deal."""
Word = Signed[Verdict]
"""The game server says, once, how a deal ended."""


def reference_of(deal: Deal) -> Reference:
    return document_digest(deal)


def say(key: SigningKey, deal: Deal, outcome: Outcome) -> Word:
    return sign_document(Verdict(key.public_key, reference_of(deal), outcome), key)


def read_word(word: Word, deal: Deal) -> Outcome:
    """Raises WrongWord unless the deal's game server signed this word on this very deal."""
    try:
        verdict = open_document(Verdict, word)
    except (InvalidSignature, MalformedEncoding) as error:
        raise WrongWord(str(error)) from error
    if (verdict.judge, verdict.transaction) != (deal.game_server, reference_of(deal)):
        raise WrongWord("the word is on another deal, or another judge's")
    return verdict.outcome


def outcome_said(word: Word) -> Outcome:
    """What it says, whoever signed it. Raises WrongWord for bytes that are no word."""
    try:
        return codec.decode(word.content, Verdict).outcome
    except MalformedEncoding as error:
        raise WrongWord(str(error)) from error


def condition_of(deal: Deal, payee_key: OneTimeKey, refund_key: OneTimeKey) -> Condition:
    return Condition(deal.game_server, reference_of(deal), payee_key, refund_key, deal.until)


def check_paid_in(
    paid: PaidIn, deal: Deal, payee_key: OneTimeKey | None, coin_servers: Set[PartyId]
) -> PendingCoin:
    """Raises NotPaidIn unless a coin server signed that the price waits for this deal.

    `payee_key`: whose money it will be; None where that is not for the asker to say (model 2's
    market).
    """
    try:
        receipt = open_document(PendingCoin, paid)
    except (InvalidSignature, MalformedEncoding) as error:
        raise NotPaidIn(str(error)) from error
    condition = receipt.condition
    if receipt.coin_server not in coin_servers:
        raise NotPaidIn("no coin server of this world")
    if receipt.amount != deal.price:
        raise NotPaidIn(f"{receipt.amount} instead of {deal.price}")
    if (condition.judge, condition.transaction) != (deal.game_server, reference_of(deal)):
        raise NotPaidIn("the money waits for something else")
    if payee_key not in (None, condition.payee_key):
        raise NotPaidIn("the money is meant for somebody else")
    return receipt


class TradeMoney(Protocol):
    """A peer's wallet, as far as a trade needs it. Everything may be asked again."""

    async def payee_key(self, listing: TransactionId) -> OneTimeKey:
        """The key under which the proceeds of a listing are wanted: the same each time."""

    async def sign(self, trade: TransactionId, deal: Deal, payee_key: OneTimeKey) -> object:
        """Pledge the price to the deal's condition; durable, once for each trade.

        Raises Refused when there is not enough to pay with.
        """

    async def pay_in(self, trade: TransactionId) -> PaidIn:
        """Bring what was signed to its coin server. Raises NotPaidIn where that cannot be."""

    async def collect(self, trade: TransactionId, paid: PaidIn, word: Word) -> int:
        """Show the word to the coin server and take the coin if it is ours: the amount, or 0."""
