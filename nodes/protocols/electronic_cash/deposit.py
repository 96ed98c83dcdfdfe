"""Steps D1-D4: coins become money in an account again.

The coin server's deletion comes first, then the bank's credit, both by the deposit's id: whoever
comes back after a crash completes it once.
"""

import msgspec

from crypto.documents import sign_document
from nodes.protocols.electronic_cash import guards as rules
from nodes.protocols.electronic_cash.circulation import (
    CoinServer,
    Mint,
    Presented,
    journal,
    retire,
    seal_change,
    settlement,
)
from nodes.protocols.electronic_cash.documents import ChangeBlock, DepositReceipt, Redemption
from nodes.protocols.electronic_cash.holding import HeldCoin, Spending, SpendingPhase
from nodes.protocols.electronic_cash.messages import Deposit, Deposited, Redeem, Redeemed
from nodes.protocols.electronic_cash.reading import checked, require_sender
from nodes.protocols.electronic_cash.refusals import ReceiptNotSigned, RetirementNotShown
from nodes.protocols.electronic_cash.spending import refused, settled
from nodes.protocols.electronic_cash.state import (
    Account,
    BankDeposit,
    Change,
    DepositPhase,
    Outstanding,
    Vault,
)
from nodes.protocols.electronic_cash.wallet import Wallet
from nodes.protocols.electronic_cash.withdrawal import Bank
from nodes.protocols.errors import Refused
from nodes.protocols.guard import Guards
from nodes.protocols.message import PartyId, TransactionId


def request_deposit(spending: Spending) -> Deposit:
    """Step D1, holder: the order's reference is the deposit's id."""
    assert spending.reference is not None, "a deposit has an id"
    return Deposit(
        coin_server=spending.coin_server,
        amount=spending.amount,
        deposit=spending.reference,
        parcel=spending.parcel,
        nonce=spending.opening,
    )


def accept_deposit(
    request: Deposit,
    account: PartyId,
    outstanding: Outstanding,
    *,
    bank: PartyId,
    guards: Guards,
    transaction: TransactionId,
) -> tuple[BankDeposit, Outstanding, Redeem]:
    """Steps D1, D2, bank. Raises DepositOfAnother, BeyondOutstanding."""
    guards.require(rules.deposit_names_its_account, request, bank, account)
    left = outstanding.amount - outstanding.redeeming
    guards.require(rules.outstanding_covers, left, request.amount)
    record = BankDeposit(
        deposit=request.deposit,
        state=DepositPhase.PRESENTED,
        account=account,
        coin_server=request.coin_server,
        amount=request.amount,
        transaction=transaction,
    )
    redeeming = outstanding.redeeming + request.amount
    held = msgspec.structs.replace(outstanding, redeeming=redeeming)
    return record, held, Redeem(request.deposit, request.amount, request.parcel)


def redeem(
    request: Redeem, sender: PartyId, presented: Presented, coin_server: CoinServer, vault: Vault
) -> tuple[Change, Redeemed]:
    """Step D3, coin server: the coins leave circulation."""
    guards, made = coin_server.guards, presented.order
    require_sender(sender, coin_server.published.bank)
    guards.require(rules.payee_is_named, made, sender)
    guards.require(rules.payment_is_as_ordered, made, request.amount, request.deposit)
    serials = retire(presented, "deposit", coin_server, vault)
    mint = Mint(coin_server, vault)
    coins = tuple(mint.coin(output.key, output.amount) for output in made.outputs)
    change = seal_change(presented, ChangeBlock(coins, settlement(presented, coin_server)))
    receipt = Redemption(coin_server.id, sender, request.deposit, made.amount)
    answer = Redeemed(sign_document(receipt, coin_server.key), change, presented.request)
    entry = journal(presented, answer, change, coin_server, sender)
    return Change(serials, tuple(mint.made), presented.request, entry), answer


def credit(
    record: BankDeposit,
    answer: Redeemed,
    sender: PartyId,
    account: Account,
    outstanding: Outstanding,
    bank: Bank,
) -> tuple[BankDeposit, Account, Outstanding, Deposited]:
    """Steps D3, D4, bank: credit what the coin server signed for. Raises ReceiptNotSigned."""
    receipt = checked(Redemption, answer.receipt)
    if receipt != Redemption(sender, bank.id, record.deposit, record.amount) or (
        sender != record.coin_server
    ):
        raise ReceiptNotSigned()
    done = record.moved(DepositPhase.CREDITED)
    credited = msgspec.structs.replace(account, balance=account.balance + record.amount)
    document = DepositReceipt(bank.id, account.owner, record.deposit, record.amount)
    message = Deposited(
        deposit=record.deposit,
        receipt=sign_document(document, bank.key),
        change=answer.change,
        refusal=None,
        evidence=b"",
    )
    return done, credited, _redeemed(outstanding, record.amount), message


def _redeemed(outstanding: Outstanding, amount: int) -> Outstanding:
    """May fall below zero only where the guard on over-issue is off: the shortfall shows."""
    return msgspec.structs.replace(
        outstanding,
        amount=outstanding.amount - amount,
        redeeming=outstanding.redeeming - amount,
    )


def refuse(
    record: BankDeposit, outstanding: Outstanding, refusal: Refused
) -> tuple[BankDeposit, Outstanding, Deposited]:
    """Step D4, bank: the coin server refused, nothing happened."""
    done = record.moved(DepositPhase.REFUSED)
    redeeming = outstanding.redeeming - record.amount
    freed = msgspec.structs.replace(outstanding, redeeming=redeeming)
    message = Deposited(record.deposit, None, None, refusal.code, refusal.evidence)
    return done, freed, message


def deposited(
    spending: Spending,
    message: Deposited,
    sender: PartyId,
    account: PartyId,
    wallet: Wallet,
    guards: Guards,
) -> tuple[Spending, tuple[HeldCoin, ...]]:
    """Step D4, holder: credited, with change; or refused, with or without proof.

    Raises NotYours, ReceiptNotSigned, ChangeDiffers, SettlementMissing.
    """
    require_sender(sender, spending.payee or b"")
    if message.refusal is not None:
        return _not_deposited(spending, message, wallet, guards), ()
    if message.receipt is None or message.change is None:
        raise ReceiptNotSigned()
    guards.require(
        rules.deposit_is_receipted,
        message.receipt,
        sender,
        account,
        message.deposit,
        spending.amount,
    )
    return settled(spending, message.change, wallet, guards)


def _not_deposited(
    spending: Spending, message: Deposited, wallet: Wallet, guards: Guards
) -> Spending:
    try:
        refused(spending, message.refusal or "", message.evidence, wallet, guards)
    except RetirementNotShown:
        return spending.moved(SpendingPhase.DISPUTED, refusal=message.refusal)
    return spending.moved(SpendingPhase.REFUSED, refusal=message.refusal)
