"""The documents of the e-cash, which stay checkable for ever, and what is sealed inside messages.

A field is optional (`| None`) where the paper does not have it and a mend adds it; a guard demands
it.
"""

import enum
from typing import Annotated, Literal

import msgspec

from crypto.documents import Document, Signed, document
from crypto.hashing import Digest
from crypto.signing import Signature
from nodes.protocols.electronic_cash.coin import (
    MAX_COINS,
    BlindValue,
    Coin,
    CoinAmount,
    DenominationKeys,
    Entropy,
    OneTimeKey,
    SealingPublicKey,
)
from nodes.protocols.message import Amount, Milliseconds, PartyId

MAX_PARCEL_BYTES = 1 << 16
MAX_BLOCK_BYTES = 1 << 14
MAX_CHANGE_BYTES = 1 << 15
MAX_DEBTS = 256

WithdrawalId = Digest
RequestId = Digest
"""Digest of an order that the holders of its coins signed."""
Reference = Digest
"""What a payment is for: the digest of an order, a deposit, a condition."""
Nonce = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
Handle = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
"""A fresh random name in the place of the account."""
Parcel = Annotated[bytes, msgspec.Meta(min_length=1, max_length=MAX_PARCEL_BYTES)]
"""Z = PEs(..): a `Spend`, sealed for the coins' home."""
Block = Annotated[bytes, msgspec.Meta(min_length=1, max_length=MAX_BLOCK_BYTES)]
"""X = PEs(SK, epk, hdl, denominations, keys): a `WithdrawalBlock`, sealed for the coin server."""
Sealed = Annotated[bytes, msgspec.Meta(min_length=1, max_length=MAX_CHANGE_BYTES)]
Number = Annotated[int, msgspec.Meta(ge=1, le=2**53)]
Denominations = Annotated[tuple[CoinAmount, ...], msgspec.Meta(min_length=1, max_length=MAX_COINS)]
OneTimeKeys = Annotated[tuple[OneTimeKey, ...], msgspec.Meta(min_length=1, max_length=MAX_COINS)]
Digests = Annotated[tuple[Digest, ...], msgspec.Meta(max_length=MAX_DEBTS)]
Evidence = Annotated[bytes, msgspec.Meta(max_length=MAX_PARCEL_BYTES)]
BlindValues = Annotated[tuple[BlindValue, ...], msgspec.Meta(min_length=1, max_length=MAX_COINS)]
Entropies = Annotated[tuple[Entropy, ...], msgspec.Meta(min_length=1, max_length=MAX_COINS)]
Coins = Annotated[tuple[Coin, ...], msgspec.Meta(min_length=1, max_length=MAX_COINS)]


class Part(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Base of what stands inside messages."""


# What is sealed inside messages for somebody other than the one who carries it


class WithdrawalBlock(Part, frozen=True):
    """X, for the coin server's eyes."""

    secret: Entropy
    """SK: the blinding factors follow from it."""
    reply_key: SealingPublicKey
    """epk, fresh."""
    handle: Handle
    denominations: Denominations
    keys: OneTimeKeys
    """pk_i, one for each coin."""


class Output(Part, frozen=True):
    """A coin that the holder orders for itself."""

    key: OneTimeKey
    amount: CoinAmount


class Condition(Part, frozen=True):
    """Who gets a pending coin: whoever the judge's word on the transaction says."""

    judge: PartyId
    transaction: Reference
    payee_key: OneTimeKey
    refund_key: OneTimeKey
    until: Milliseconds
    """From then on the judge may be asked to void the transaction; nothing happens by itself."""


Kind = Literal["pay", "exchange", "deposit", "pend"]


class SpendOrder(Part, frozen=True):
    """What the holder of coins wants done with them."""

    kind: Kind
    coin_server: PartyId
    """The coins' home."""
    coins: Coins
    amount: Amount
    """What leaves the holder; 0 in an exchange."""
    payee: PartyId | None
    """The merchant, or the bank of a deposit."""
    reference: Reference | None
    outputs: Annotated[tuple[Output, ...], msgspec.Meta(max_length=MAX_COINS)]
    """Change, or all of it in an exchange."""
    reply_key: SealingPublicKey
    valid_until: Milliseconds | None
    nonce: Nonce
    condition: Condition | None = None


class Spend(Part, frozen=True):
    """An order and, over its bytes, the signature of each coin's one-time key."""

    order: Annotated[bytes, msgspec.Meta(max_length=MAX_PARCEL_BYTES)]
    signatures: Annotated[tuple[Signature, ...], msgspec.Meta(max_length=MAX_COINS)]


class SalePayment(Part, frozen=True):
    """A parcel as the payment of a sale: what steps 7, 8b and 8r of the escrow carry."""

    coin_server: PartyId
    amount: CoinAmount
    reference: Reference
    parcel: Parcel


class ShownSecrets(Part, frozen=True):
    """What a user shows a judge of a withdrawal: whoever sees it can link its coins to it."""

    withdrawal: WithdrawalId
    secret: Entropy
    """SK."""
    keys: OneTimeKeys
    """pk_i."""
    entropies: Entropies
    """v_i."""
    denominations: Denominations


# Documents


@document("electronic_cash/withdrawal-receipt/1", signers=("bank",))
class WithdrawalReceipt(Document, frozen=True):
    """The bank took the amount from the account and owes the coins."""

    bank: PartyId
    account: PartyId
    coin_server: PartyId
    handle: Handle
    amount: CoinAmount
    denominations: Denominations
    withdrawal: WithdrawalId
    block: Digest


@document("electronic_cash/issue-order/1", signers=("bank",))
class IssueOrder(Document, frozen=True):
    """SDB(hdl, AMT, wid): this issue is paid for."""

    bank: PartyId
    coin_server: PartyId
    handle: Handle
    amount: CoinAmount
    denominations: Denominations
    withdrawal: WithdrawalId
    number: Number
    """Consecutive for each coin server: the coin server keeps the highest, not a list."""
    block: Digest
    keys: DenominationKeys
    """The key for each of these denominations."""


@document("electronic_cash/issue-receipt/1", signers=("coin_server",))
class IssueReceipt(Document, frozen=True):
    """What the coin server made: with the user's secrets it convicts whoever of B and S erred."""

    coin_server: PartyId
    bank: PartyId
    withdrawal: WithdrawalId
    block: Digest
    blinded: BlindValues
    keys: DenominationKeys
    entropies: Digest
    """MAC of all amounts, pk_i and v_i under SK."""


@document("electronic_cash/settlement/1", signers=("coin_server",))
class Settlement(Document, frozen=True):
    """The coin server did what the holder ordered. No serial stands in it."""

    coin_server: PartyId
    request: RequestId
    kind: Kind
    payee: PartyId | None
    amount: Amount
    reference: Reference | None


@document("electronic_cash/presentation/1", signers=("payee",))
class Presentation(Document, frozen=True):
    """The merchant presents a parcel, and gives a one-time key for the coin it will get."""

    payee: PartyId
    home: PartyId
    amount: CoinAmount
    reference: Reference
    parcel: Digest
    key: OneTimeKey


@document("electronic_cash/payment-receipt/1", signers=("payee",))
class PaymentReceipt(Document, frozen=True):
    """The merchant has the money for this order."""

    payee: PartyId
    amount: CoinAmount
    reference: Reference
    parcel: Digest


@document("electronic_cash/redemption/1", signers=("coin_server",))
class Redemption(Document, frozen=True):
    """The coin server took coins of this amount out of circulation for this deposit."""

    coin_server: PartyId
    bank: PartyId
    deposit: Reference
    amount: CoinAmount


@document("electronic_cash/deposit-receipt/1", signers=("bank",))
class DepositReceipt(Document, frozen=True):
    """The bank credited the deposit."""

    bank: PartyId
    account: PartyId
    deposit: Reference
    amount: CoinAmount


@document("electronic_cash/debt/1", signers=("debtor",))
class Debt(Document, frozen=True):
    """The debtor retired coins of this amount; the creditor issues as much."""

    debtor: PartyId
    creditor: PartyId
    bank: PartyId
    amount: CoinAmount
    request: RequestId


@document("electronic_cash/pending-coin/1", signers=("coin_server",))
class PendingCoin(Document, frozen=True):
    """Paid in, and waiting for the judge's word: the receipt in the place of money."""

    coin_server: PartyId
    request: RequestId
    amount: CoinAmount
    condition: Condition


class Outcome(enum.StrEnum):
    REGISTERED = "registered"
    VOID = "void"


@document("electronic_cash/verdict/1", signers=("judge",))
class Verdict(Document, frozen=True):
    """What became of a transaction, by its judge, who says it once."""

    judge: PartyId
    transaction: Reference
    outcome: Outcome


class ChangeBlock(Part, frozen=True):
    """Ssc(..): what an order brings its holder, sealed to the order's reply key."""

    coins: Annotated[tuple[Coin, ...], msgspec.Meta(max_length=MAX_COINS)]
    settlement: Signed[Settlement]
    pending: Signed[PendingCoin] | None = None


class OrderState(enum.StrEnum):
    SETTLED = "settled"
    OPEN = "open"
    """The coin is still in circulation."""
    FORGOTTEN = "forgotten"
    """Neither: it was settled, and everybody acknowledged or nobody asked for long."""
