"""Every message of the e-cash in step order, and the documents they carry.

Steps bear the paper's numbers behind a letter for the protocol: W withdrawal (4.2), X exchange
(4.3), P payment (4.4), D deposit (4.5). Steps the paper does not have: K keys, A accounts, Q what
a coin server holds, J acknowledgements, F several coin servers, C coins under a condition.

The field names of the paper: Sid `coin_server`, Bid `bank` (the envelope's), Cid `handle`,
CA `amount`, EC a coin's amount, PEs(sn#) `parcel`, SDB(x) a coin's `signature`.
"""

from typing import Annotated

import msgspec

from crypto.documents import Signed
from crypto.hashing import Digest
from crypto.signing import Signature
from nodes.protocols.electronic_cash.coin import (
    MAX_COINS,
    Coin,
    CoinAmount,
    DenominationKeys,
    Entropy,
    KeyList,
    OneTimeKey,
    Period,
    SealingPublicKey,
)
from nodes.protocols.electronic_cash.documents import (
    MAX_DEBTS,
    BlindValues,
    Block,
    Debt,
    Denominations,
    DepositReceipt,
    Digests,
    Evidence,
    Handle,
    IssueOrder,
    IssueReceipt,
    Nonce,
    OrderState,
    Parcel,
    PaymentReceipt,
    Presentation,
    Redemption,
    Reference,
    RequestId,
    Sealed,
    Spend,
    Verdict,
    WithdrawalId,
    WithdrawalReceipt,
)
from nodes.protocols.message import (
    Amount,
    Message,
    Milliseconds,
    PartyId,
    Role,
    ShortText,
    answer,
    message,
)

BANK, COINS, HOLDER = Role.BANK_ACCOUNT_SERVER, Role.COIN_SERVER, Role.PEER
PAYEE = (Role.PEER, Role.ESCROW_SERVER, Role.BROKER)
AUTHORITY = Role.CERTIFICATE_AUTHORITY

# Keys (not in the paper)


@message("K1", sender=BANK, receiver=AUTHORITY)
class PublishKeys(Message, frozen=True):
    """The bank asks for its keys to be listed: all of them, old and new."""

    keys: DenominationKeys


@answer("K2", to=PublishKeys)
class KeysPublished(Message, frozen=True):
    """The list, signed by the authority."""

    listed: Signed[KeyList]


@message("K3", sender=(HOLDER, BANK, COINS, Role.ESCROW_SERVER), receiver=AUTHORITY)
class KeysQuery(Message, frozen=True):
    """Which keys has this bank? Everybody is told the same."""

    bank: PartyId


@answer("K4", to=KeysQuery)
class Keys(Message, frozen=True):
    """The newest list, or none."""

    listed: Signed[KeyList] | None


# Accounts (not in the paper)


@message("A1", sender=HOLDER, receiver=BANK)
class AccountQuery(Message, frozen=True):
    """What is in my account? The first question opens it."""


@answer("A2", to=AccountQuery, sealed=True)
class AccountStatement(Message, frozen=True):
    """The account's balance."""

    balance: Amount
    opened_with: Amount


# Withdrawal (4.2)


@message("W1", sender=HOLDER, receiver=BANK, sealed=True)
class Withdraw(Message, frozen=True):
    """E'cb(Sid, Bid, Cid, Ecb(..)): the user asks for coins; X is for the coin server."""

    coin_server: PartyId
    handle: Handle
    amount: CoinAmount
    denominations: Denominations
    nonce: Nonce | None
    block: Block


@answer("W1r", to=Withdraw)
class WithdrawalAccepted(Message, frozen=True):
    """The amount has left the account."""

    receipt: Signed[WithdrawalReceipt]


@message("W2", sender=BANK, receiver=COINS, sealed=True)
class Issue(Message, frozen=True):
    """Ebs(.., hdl, AMT, SDB(hdl, AMT, wid), X): the bank orders coins for somebody."""

    order: Signed[IssueOrder]
    block: Block


@answer("W3", to=Issue, sealed=True)
class Issued(Message, frozen=True):
    """Esb(.., {b_i}, Scs(..)): blinded values for the bank, the rest for the user."""

    receipt: Signed[IssueReceipt]
    entropies: Sealed
    """Scs: all v_i, sealed to epk."""


@message("W4", sender=BANK, receiver=HOLDER, sealed=True)
class Deliver(Message, frozen=True):
    """Ebc(.., SDB, Scs(..)): the bank's blind signatures, and what came from the coin server."""

    withdrawal: WithdrawalId
    signatures: BlindValues
    receipt: Signed[IssueReceipt]
    entropies: Sealed


@message("W5", sender=HOLDER, receiver=BANK, sealed=True)
class WithdrawalQuery(Message, frozen=True):
    """What became of my withdrawal with this nonce?"""

    nonce: Nonce


@answer("W6", to=WithdrawalQuery, sealed=True)
class WithdrawalState(Message, frozen=True):
    """How it stands; W4 once more where the bank has signed."""

    state: ShortText
    delivery: Deliver | None
    denominations: Annotated[tuple[CoinAmount, ...], msgspec.Meta(max_length=MAX_COINS)]
    coin_server: PartyId | None


# Exchange (4.3)


@message("X1", sender=HOLDER, receiver=COINS, sealed=True, anonymous=True)
class Exchange(Message, frozen=True):
    """E'cs(..): old coins for new ones, by nobody in particular."""

    spend: Spend


@answer("X2", to=Exchange)
class Exchanged(Message, frozen=True):
    """Esc(..): the new coins; the old serials are gone."""

    request: RequestId
    change: Sealed


# Payment (4.4)


@message("P1", sender=HOLDER, receiver=HOLDER, sealed=True, anonymous=True)
class Pay(Message, frozen=True):
    """E'cm(EC, AMT, Z): coins that only their home can read, for this merchant and order."""

    coin_server: PartyId
    amount: CoinAmount
    reference: Reference
    parcel: Parcel
    reply_key: SealingPublicKey


@answer("P4", to=Pay, sealed=True)
class Paid(Message, frozen=True):
    """Emc(..): the receipt and the change."""

    receipt: Signed[PaymentReceipt]
    change: Sealed


@message("P2", sender=PAYEE, receiver=COINS, sealed=True)
class Present(Message, frozen=True):
    """Ems(..): are these coins good? Then make them mine."""

    presentation: Signed[Presentation]
    parcel: Parcel


@answer("P3", to=Present, sealed=True)
class Accepted(Message, frozen=True):
    """Esm(.., Ssc(change), Ssm(coin)): they were, and the merchant has a coin of its own."""

    coin: Coin
    change: Sealed
    entry: Digest
    """What to acknowledge."""


@message("P5", sender=PAYEE, receiver=COINS, anonymous=True)
class ChangeQuery(Message, frozen=True):
    """What became of my order? Signed by its first coin's one-time key."""

    request: RequestId
    key: OneTimeKey
    signature: Signature


@answer("P6", to=ChangeQuery)
class ChangeAnswer(Message, frozen=True):
    """How it stands; the change, which only its holder can open."""

    state: OrderState
    change: Sealed | None


# Deposit (4.5)


@message("D1", sender=HOLDER, receiver=BANK, sealed=True)
class Deposit(Message, frozen=True):
    """Emb(Bid, Sid, .., AMT, PEs(sn#)): coins for the account."""

    coin_server: PartyId
    amount: CoinAmount
    deposit: Reference
    parcel: Parcel
    nonce: Nonce | None
    """Opens `deposit`, which is made of the account and this."""


@message("D2", sender=BANK, receiver=COINS, sealed=True)
class Redeem(Message, frozen=True):
    """Ebs(dep_id, ..): are these coins good? Then take them out of circulation."""

    deposit: Reference
    amount: CoinAmount
    parcel: Parcel


@answer("D3", to=Redeem, sealed=True)
class Redeemed(Message, frozen=True):
    """Esb(CA, .., Ack): they were, and are gone."""

    receipt: Signed[Redemption]
    change: Sealed
    entry: Digest
    """What to acknowledge."""


@message("D4", sender=BANK, receiver=HOLDER, sealed=True)
class Deposited(Message, frozen=True):
    """Ebm(result): credited, or why not."""

    deposit: Reference
    receipt: Signed[DepositReceipt] | None
    change: Sealed | None
    refusal: ShortText | None
    evidence: Evidence


# What a coin server holds (not in the paper)


@message("Q1", sender=PAYEE, receiver=COINS, sealed=True, anonymous=True)
class CoinQuery(Message, frozen=True):
    """Is a coin in circulation under this one-time key? Signed by it."""

    key: OneTimeKey
    at: Milliseconds
    signature: Signature
    reply_key: SealingPublicKey


@answer("Q2", to=CoinQuery, sealed=True)
class CoinAnswer(Message, frozen=True):
    """What is needed to spend it; the bank's signature the coin server does not have."""

    entropy: Entropy | None
    amount: Amount
    period: Period | None
    signature: Signature | None


@message("J1", sender=(*PAYEE, BANK, COINS), receiver=COINS)
class Acknowledge(Message, frozen=True):
    """The answer is kept here and will not be asked for again."""

    entry: Digest


@message("J2", sender=PAYEE, receiver=COINS, anonymous=True)
class AcknowledgeChange(Message, frozen=True):
    """The holder of an order has its change. Signed by the first coin's one-time key."""

    request: RequestId
    signature: Signature


# Several coin servers (4.7; the paper only says that they call each other)


@message("F1", sender=COINS, receiver=COINS, sealed=True)
class Retire(Message, frozen=True):
    """A merchant presented coins whose home is the receiver."""

    presentation: Signed[Presentation]
    parcel: Parcel


@answer("F2", to=Retire, sealed=True)
class Retired(Message, frozen=True):
    """They are gone, and the home owes their amount."""

    debt: Signed[Debt]
    change: Sealed


@message("F4", sender=COINS, receiver=BANK)
class Clear(Message, frozen=True):
    """What other coin servers owe me, many payments at once."""

    debts: Annotated[tuple[Signed[Debt], ...], msgspec.Meta(min_length=1, max_length=MAX_DEBTS)]


@answer("F5", to=Clear)
class Cleared(Message, frozen=True):
    """Which of them are settled, and which were void."""

    cleared: Digests
    void: Digests


@message("F6", sender=COINS, receiver=BANK)
class VoidDebt(Message, frozen=True):
    """The creditor is lost and has not cleared this: the debtor will serve its payee itself."""

    debt: Signed[Debt]


@answer("F7", to=VoidDebt)
class DebtVoided(Message, frozen=True):
    """It will never be cleared."""

    request: RequestId


# Coins under a condition (not in the paper)


@message("C1", sender=HOLDER, receiver=COINS, sealed=True, anonymous=True)
class Pend(Message, frozen=True):
    """Coins that wait for a judge's word."""

    spend: Spend


@answer("C2", to=Pend)
class Pending(Message, frozen=True):
    """The receipt is in the sealed part."""

    request: RequestId
    change: Sealed


@message("C3", sender=PAYEE, receiver=COINS, anonymous=True)
class Resolve(Message, frozen=True):
    """Anyone shows the judge's word."""

    request: RequestId
    verdict: Signed[Verdict]


@answer("C4", to=Resolve)
class Resolved(Message, frozen=True):
    """Under which one-time key the coin circulates now."""

    key: OneTimeKey
