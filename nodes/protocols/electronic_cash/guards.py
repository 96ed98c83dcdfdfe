"""The mends of this protocol, each a rule that can be switched off to show what it prevents.

Refused both ways, so without a guard: BS-A3 (change goes to keys the payer signed, sealed to it,
and can be fetched), BS-A6 (one transaction retires a coin), BS-A7 (only the certified bank
redeems), BS-A8 (a coin needs a signature and its place in circulation), BS-A13 (HPKE is
randomised), BS-A16 (serials have 256 bits), BS-A18 (sealing keys are on certified cards, the
merchant's one-time key stands in its signed presentation). BS-A9 in part, BS-A11 and BS-A14 stay
open; BS-A12 needs the escrow.
"""

from collections.abc import Iterable

from crypto import codec
from crypto.documents import Signed
from crypto.hashing import digest
from crypto.signing import InvalidSignature, verify
from nodes.protocols.electronic_cash.coin import Coin, DenominationKey, KeyList
from nodes.protocols.electronic_cash.documents import DepositReceipt, Settlement, Spend, SpendOrder
from nodes.protocols.electronic_cash.messages import Deposit
from nodes.protocols.electronic_cash.reading import is_signed, opened
from nodes.protocols.electronic_cash.refusals import (
    BeyondOutstanding,
    DepositOfAnother,
    KeyNotPublished,
    NonceUsed,
    OrderTooLate,
    PayeeIsNotYou,
    PaymentNotAsOrdered,
    ReceiptNotSigned,
    RetirementNotShown,
    SettlementMissing,
    SpendNotSigned,
)
from nodes.protocols.guard import guard
from nodes.protocols.message import Milliseconds, PartyId

SPEND = "electronic_cash/spend/1"
"""Label of what a one-time key signs."""

# Withdrawal


@guard("withdrawal-nonce-is-fresh", mends=("BS-A1",), refuses=NonceUsed)
def nonce_is_fresh(nonce: bytes | None, used: bool) -> bool:
    """A withdrawal carries a nonce, and one nonce withdraws once."""
    return nonce is not None and not used


@guard("denomination-key-is-published", mends=("BS-A17",), refuses=KeyNotPublished)
def keys_are_published(keys: Iterable[DenominationKey], published: KeyList) -> bool:
    """Coins are signed with the keys that everybody's are."""
    return all(key in published.keys for key in keys)


# Orders


@guard("spend-is-signed-by-the-coin", mends=("BS-A5", "BS-A15"), refuses=SpendNotSigned)
def spend_is_signed(spend: Spend, order: SpendOrder) -> bool:
    """A coin moves by the signature of its one-time key; whoever only saw it cannot spend it."""
    if len(spend.signatures) != len(order.coins):
        return False
    try:
        for coin, signature in zip(order.coins, spend.signatures, strict=True):
            verify(coin.key, SPEND, spend.order, signature)
    except InvalidSignature:
        return False
    return True


@guard("cash-payee-is-named", mends=("BS-A2", "BS-A5"), refuses=PayeeIsNotYou)
def payee_is_named(order: SpendOrder, presenter: PartyId) -> bool:
    """Coins are paid to whom their holder named, inside what only their home reads."""
    return order.payee == presenter


@guard("payment-is-as-ordered", mends=("BS-A2",), refuses=PaymentNotAsOrdered)
def payment_is_as_ordered(order: SpendOrder, amount: int, reference: bytes) -> bool:
    """Amount and order are the holder's words, not the merchant's."""
    return (order.amount, order.reference) == (amount, reference)


@guard("order-is-in-time", mends=("BS-A19",), refuses=OrderTooLate)
def order_is_in_time(order: SpendOrder, now: Milliseconds) -> bool:
    """An order serves until the moment its holder set."""
    return order.valid_until is not None and now <= order.valid_until


@guard("settlement-is-confirmed", mends=("BS-A4",), refuses=SettlementMissing)
def settlement_is_confirmed(signed: Signed[Settlement], order: SpendOrder, request: bytes) -> bool:
    """The payer has the coin server's signature that this payee got this amount for this order."""
    settlement = opened(Settlement, signed)
    return settlement == Settlement(
        coin_server=order.coin_server,
        request=request,
        kind=order.kind,
        payee=order.payee,
        amount=order.amount,
        reference=order.reference,
    ) and is_signed(Settlement, signed)


@guard("retirement-is-shown", mends=("BS-A15",), refuses=RetirementNotShown)
def retirement_is_shown(coins: Iterable[Coin], evidence: bytes) -> bool:
    """Whoever refuses a coin shows the order by which its holder retired it."""
    try:
        spend = codec.decode(evidence, Spend)
        order = codec.decode(spend.order, SpendOrder)
    except codec.MalformedEncoding:
        return False
    presented = {coin.key for coin in coins}
    return spend_is_signed.holds(spend, order) and any(
        coin.key in presented for coin in order.coins
    )


# Deposit


def deposit_id(bank: PartyId, account: PartyId, nonce: bytes) -> bytes:
    """dep_id: the coin server sees it and learns nothing; the bank can open it."""
    return digest("electronic_cash/deposit", bank, account, nonce)


@guard("deposit-names-its-account", mends=("BS-A10",), refuses=DepositOfAnother)
def deposit_names_its_account(request: Deposit, bank: PartyId, account: PartyId) -> bool:
    """What the coins' holder signed names the account, so nobody else is credited."""
    nonce = request.nonce
    return nonce is not None and request.deposit == deposit_id(bank, account, nonce)


@guard("deposit-is-receipted", mends=("BS-A10",), refuses=ReceiptNotSigned)
def deposit_is_receipted(
    signed: Signed[DepositReceipt], bank: PartyId, account: PartyId, deposit: bytes, amount: int
) -> bool:
    """The bank signs what it credited, to whom and for which deposit."""
    receipt = opened(DepositReceipt, signed)
    return receipt == DepositReceipt(bank, account, deposit, amount) and is_signed(
        DepositReceipt, signed
    )


@guard("outstanding-covers-it", mends=("BS-A9",), refuses=BeyondOutstanding)
def outstanding_covers(outstanding: int, amount: int) -> bool:
    """No more comes back from a coin server than the bank has paid out through it."""
    return amount <= outstanding
