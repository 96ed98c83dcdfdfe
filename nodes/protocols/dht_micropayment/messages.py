"""Every message in step order, the documents they carry, and the register operations between.

A withdrawal's id, a payment's and a redemption's is the envelope's transaction.
"""

import enum
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec

from crypto.documents import Document, Signed, document
from crypto.hashing import Digest
from dht.records import Certificate, FraudProof
from nodes.protocols.dht_micropayment.coin import MAX_COINS, Coin, CoinCount, Evidence
from nodes.protocols.dht_micropayment.transfer import Order, Transfers
from nodes.protocols.message import (
    Message,
    Milliseconds,
    PartyId,
    Role,
    answer,
    message,
)

# Documents


class Promise(enum.StrEnum):
    """What a payee gives back if it does not deliver."""

    EVERY_CERTIFIED_COIN = "every-certified-coin"
    """Those certified by the deadline, and those certified later."""


@document("dht_micropayment/quote/1", signers=("payee",))
class Quote(Document, frozen=True):
    """What a payee asks for an order, and until when it decides."""

    payee: PartyId
    payer: PartyId
    order: Order
    count: CoinCount
    deadline: Milliseconds
    gives_back: Promise


@document("dht_micropayment/receipt/1", signers=("payee",))
class Receipt(Document, frozen=True):
    """The payee holds all coins of a payment and counts the order as paid."""

    payee: PartyId
    payer: PartyId
    order: Order
    count: CoinCount
    terms: Digest
    """The same digest that stands in each of the certified steps."""


# W1-W3: withdrawal


@message("W1", sender=Role.PEER, receiver=Role.BROKER)
class Withdraw(Message, frozen=True):
    """U asks the broker for coins, against its account."""

    count: CoinCount


@answer("W2", to=Withdraw)
class Withdrawn(Message, frozen=True):
    """The broker issues C = {U, sn, E} signed by B. Equation (1); (2) follows from C itself."""

    coins: Annotated[tuple[Signed[Coin], ...], msgspec.Meta(min_length=1, max_length=MAX_COINS)]


# Q1: before a payment; not in the paper


@message("Q1", sender=Role.PEER, receiver=Role.PEER)
class AskQuote(Message, frozen=True):
    """U asks V how many coins an order takes, and what becomes of them if it fails."""

    order: Order
    count: CoinCount


@answer("Q1r", to=AskQuote)
class QuoteGiven(Message, frozen=True):
    """V signs what it asks and what it promises to give back."""

    quote: Signed[Quote]


# P1-P3: payment


@message("P1", sender=Role.PEER, receiver=Role.PEER)
class Payment(Message, frozen=True):
    """U pays V: T_U for each coin, all for one order. Equation (4)."""

    quote: Signed[Quote]
    transfers: Transfers


class Outcome(enum.StrEnum):
    """How a payment stands with its payee."""

    PENDING = "pending"
    """Taken in and kept, not certified yet: ask again with the same message."""
    DELIVERED = "delivered"
    CANCELLED = "cancelled"


class CancelReason(enum.StrEnum):
    """Why a payee gives back what it got."""

    CONFLICT = "conflict"
    """A coin's register holds another record: it was spent before."""
    DEADLINE = "deadline"


@answer("P1r", to=Payment)
class Taken(Message, frozen=True):
    """V has the payment on its disk, and says how it stands."""

    outcome: Outcome
    receipt: Signed[Receipt] | None
    """Of a delivered payment."""
    reason: CancelReason | None
    """Of a cancelled one."""


@message("B1", sender=(Role.PEER, Role.ESCROW_SERVER), receiver=Role.PEER)
class GiveBack(Message, frozen=True):
    """A payee pays the coins of a cancelled payment back to who paid them."""

    order: Order
    transfers: Transfers


# D1, D2: redemption


@message("D1", sender=Role.PEER, receiver=Role.BROKER)
class Redeem(Message, frozen=True):
    """W pays coins to the broker, as the last step of each."""

    order: Order
    transfers: Transfers


class Credit(enum.StrEnum):
    """How one coin of a redemption stands."""

    PENDING = "pending"
    CREDITED = "credited"
    REFUSED = "refused"
    """Its register holds another record: it was spent before."""


@answer("D2", to=Redeem)
class Redeemed(Message, frozen=True):
    """The broker says which coins it has credited; asked again while some are pending."""

    credits: Annotated[tuple[Credit, ...], msgspec.Meta(min_length=1, max_length=MAX_COINS)]
    """In the order of the transfers."""


# F1: fraud


@message("F1", sender=(Role.PEER, Role.ESCROW_SERVER, Role.BROKER), receiver=Role.BROKER)
class ReportFraud(Message, frozen=True):
    """Whoever saw a coin spent twice shows the broker both records."""

    proof: FraudProof
    predecessor: Certificate
    """The step that made their payer the holder."""
    evidence: Evidence


# The register operations of the paper: no messages between two parties, but steps all the same.


@dataclass(frozen=True)
class RegisterStep:
    """A step that a party takes with the witnesses of a register."""

    step: str
    writer: str
    operation: Literal["probe", "look up", "write"]
    sentence: str


REGISTER_STEPS = tuple(
    RegisterStep(*row)
    for row in (
        ("W3", "U", "write", "U opens its coin: <C+0, T_BU>. Equation (3)."),
        ("P0", "U", "probe", "U makes sure that the register it is about to fill can answer."),
        ("P2", "V", "look up", "V looks whether the coin's next place is taken."),
        ("P3", "V", "write", "V has the payment certified: <C+(i+1), T_UV>. Equation (5)."),
        ("R3", "W", "write", "W has the reissue certified, in the coin's next place. (7)."),
        ("R5", "W", "write", "W opens the new coin: <C'+0, T_W>. Equation (9)."),
        ("D3", "B", "write", "B has the redemption certified, which ends the coin."),
    )
)
