"""Steps W1-W4: the account pays, the coin server makes serials and blinds them, the bank signs.

The paper wants both that the coin server makes the serial numbers and that the user unblinds the
bank's signature, in four messages. So the coin server blinds, with factors that the user knows
too: r_i follows from a secret between those two. The bank sees uniform numbers; the coin server
sees a handle; the user computes every b_i again before it believes anything.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from crypto import codec
from crypto.blind_signature import (
    BlindPrivateKey,
    BlindSignatureError,
)
from crypto.codec import MalformedEncoding
from crypto.documents import sign_document
from crypto.sealing import CannotOpen, SealingKey, seal
from crypto.signing import SigningKey
from nodes.protocols.electronic_cash import guards as rules
from nodes.protocols.electronic_cash.blinding import (
    blind,
    block_context,
    block_digest,
    check_denominations,
    commitment,
    entropies_context,
    withdrawal_id,
)
from nodes.protocols.electronic_cash.coin import (
    Coin,
    DenominationKey,
    KeyList,
    key_for,
    serial_of,
    statement,
)
from nodes.protocols.electronic_cash.documents import (
    Entropies,
    IssueOrder,
    IssueReceipt,
    WithdrawalBlock,
    WithdrawalReceipt,
)
from nodes.protocols.electronic_cash.holding import HeldCoin, Path, Withdrawing, WithdrawingPhase
from nodes.protocols.electronic_cash.messages import (
    Deliver,
    Issue,
    Issued,
    Withdraw,
    WithdrawalAccepted,
    WithdrawalState,
)
from nodes.protocols.electronic_cash.reading import checked, require_sender
from nodes.protocols.electronic_cash.refusals import (
    BlindingDiffers,
    IssueDiffers,
    NotEnoughMoney,
    ReceiptDiffers,
    WrongBankSignature,
    WrongDenominations,
)
from nodes.protocols.electronic_cash.state import (
    Account,
    Outstanding,
    Withdrawal,
    WithdrawalPhase,
)
from nodes.protocols.electronic_cash.wallet import Wallet
from nodes.protocols.errors import Refused
from nodes.protocols.guard import Guards
from nodes.protocols.message import PartyId, TransactionId

# Step W1


@dataclass(frozen=True)
class Parties:
    """Whom a user withdraws from and through."""

    account: PartyId
    bank: PartyId
    coin_server: PartyId
    coin_server_sealing_key: bytes


def ask(
    wallet: Wallet,
    index: int,
    parties: Parties,
    denominations: tuple[int, ...],
    transaction: TransactionId,
) -> tuple[Withdrawing, Withdraw]:
    """User: ask for coins. Save the record before the message is sent."""
    handle, nonce = wallet.handle(index), wallet.nonce(index)
    keys = wallet.one_time_keys(index, len(denominations))
    content = WithdrawalBlock(
        secret=wallet.session_key(index),
        reply_key=wallet.reply_key(index).public_key,
        handle=handle,
        denominations=denominations,
        keys=tuple(key.public_key for key in keys),
    )
    context = block_context(parties.bank, parties.coin_server)
    block = seal(parties.coin_server_sealing_key, codec.encode(content), context)
    withdrawing = Withdrawing(
        withdrawal=withdrawal_id(parties.bank, parties.account, nonce),
        state=WithdrawingPhase.ASKED,
        index=index,
        bank=parties.bank,
        coin_server=parties.coin_server,
        denominations=denominations,
        nonce=nonce,
        block=block,
        transaction=transaction,
    )
    return withdrawing, request_of(withdrawing, wallet)


def request_of(withdrawing: Withdrawing, wallet: Wallet) -> Withdraw:
    """W1, the same each time."""
    return Withdraw(
        coin_server=withdrawing.coin_server,
        handle=wallet.handle(withdrawing.index),
        amount=withdrawing.amount,
        denominations=withdrawing.denominations,
        nonce=withdrawing.nonce,
        block=withdrawing.block,
    )


@dataclass(frozen=True)
class Bank:
    """Who serves, and with what."""

    key: SigningKey
    published: KeyList
    draw: Callable[[], bytes]
    guards: Guards

    @property
    def id(self) -> PartyId:
        return self.key.public_key


@dataclass(frozen=True)
class Accepted:
    """What the bank saves together: its commit point."""

    account: Account
    outstanding: Outstanding
    withdrawal: Withdrawal
    answer: WithdrawalAccepted
    issue: Issue


def accept(
    request: Withdraw,
    account: Account,
    outstanding: Outstanding,
    *,
    nonce_used: bool,
    bank: Bank,
    transaction: TransactionId,
) -> Accepted:
    """Bank: take the amount from the account, owe coins, order them.

    Raises WrongDenominations, NonceUsed or NotEnoughMoney.
    """
    bank.guards.require(rules.nonce_is_fresh, request.nonce, nonce_used)
    check_denominations(request.amount, request.denominations)
    keys = _keys_for(request.denominations, bank.published)
    if account.balance < request.amount:
        raise NotEnoughMoney()
    nonce = bank.draw() if request.nonce is None or nonce_used else request.nonce
    number = outstanding.number + 1
    order = IssueOrder(
        bank=bank.id,
        coin_server=request.coin_server,
        handle=request.handle,
        amount=request.amount,
        denominations=request.denominations,
        withdrawal=withdrawal_id(bank.id, account.owner, nonce),
        number=number,
        block=block_digest(request.block),
        keys=keys,
    )
    receipt = sign_document(_receipt(order, account.owner), bank.key)
    withdrawal = Withdrawal(
        withdrawal=order.withdrawal,
        state=WithdrawalPhase.HELD,
        account=account.owner,
        coin_server=request.coin_server,
        handle=request.handle,
        amount=request.amount,
        denominations=request.denominations,
        block=request.block,
        number=number,
        receipt=receipt,
        transaction=transaction,
    )
    return Accepted(
        account=msgspec.structs.replace(account, balance=account.balance - request.amount),
        outstanding=msgspec.structs.replace(outstanding, number=number),
        withdrawal=withdrawal,
        answer=WithdrawalAccepted(receipt),
        issue=Issue(sign_document(order, bank.key), request.block),
    )


def _receipt(order: IssueOrder, account: PartyId) -> WithdrawalReceipt:
    return WithdrawalReceipt(
        bank=order.bank,
        account=account,
        coin_server=order.coin_server,
        handle=order.handle,
        amount=order.amount,
        denominations=order.denominations,
        withdrawal=order.withdrawal,
        block=order.block,
    )


def _keys_for(denominations: tuple[int, ...], published: KeyList) -> tuple[DenominationKey, ...]:
    keys = []
    for denomination in sorted(set(denominations)):
        key = key_for(published.keys, denomination)
        if key is None:
            raise WrongDenominations(f"there is no key for {denomination}")
        keys.append(key)
    return tuple(keys)


def accepted(withdrawing: Withdrawing, answer: WithdrawalAccepted, wallet: Wallet) -> Withdrawing:
    """User: the bank's receipt. Raises ReceiptDiffers."""
    receipt = checked(WithdrawalReceipt, answer.receipt)
    if (
        receipt.bank != withdrawing.bank
        or receipt.withdrawal != withdrawing.withdrawal
        or receipt.block != block_digest(withdrawing.block)
        or receipt.denominations != withdrawing.denominations
        or receipt.amount != withdrawing.amount
    ):
        raise ReceiptDiffers()
    if withdrawing.state is not WithdrawingPhase.ASKED:
        return withdrawing
    return withdrawing.moved(WithdrawingPhase.ACCEPTED, receipt=answer.receipt)


# Step W4


def sign(
    withdrawal: Withdrawal,
    issued: Issued,
    sender: PartyId,
    outstanding: Outstanding,
    private_keys: Mapping[bytes, BlindPrivateKey],
    bank: Bank,
) -> tuple[Withdrawal, Outstanding, Deliver]:
    """Bank: sign what it cannot read. `private_keys` by modulus. Raises IssueDiffers."""
    require_sender(sender, withdrawal.coin_server)
    receipt = checked(IssueReceipt, issued.receipt)
    keys = _keys_for(withdrawal.denominations, bank.published)
    if (
        receipt.coin_server != sender
        or (receipt.bank, receipt.withdrawal) != (bank.id, withdrawal.withdrawal)
        or receipt.block != block_digest(withdrawal.block)
        or receipt.keys != keys
        or len(receipt.blinded) != len(withdrawal.denominations)
    ):
        raise IssueDiffers()
    signatures = []
    for blinded, denomination in zip(receipt.blinded, withdrawal.denominations, strict=True):
        key = key_for(keys, denomination)
        assert key is not None, "a key for every denomination was found above"
        try:
            signatures.append(private_keys[key.modulus].blind_sign(blinded))
        except BlindSignatureError as error:
            raise IssueDiffers(str(error)) from error
    delivery = Deliver(
        withdrawal=withdrawal.withdrawal,
        signatures=tuple(signatures),
        receipt=issued.receipt,
        entropies=issued.entropies,
    )
    done = withdrawal.moved(WithdrawalPhase.SIGNED, delivery=delivery)
    grown = msgspec.structs.replace(outstanding, amount=outstanding.amount + withdrawal.amount)
    return done, grown, delivery


def order_of(message: Issue) -> IssueOrder:
    """Bank: what it ordered, from its own message."""
    return checked(IssueOrder, message.order)


def void(withdrawal: Withdrawal, account: Account, refusal: Refused) -> tuple[Withdrawal, Account]:
    """Bank: the coin server refused, nothing happened there: the amount goes back."""
    done = withdrawal.moved(WithdrawalPhase.VOID, refusal=refusal.code)
    return done, msgspec.structs.replace(account, balance=account.balance + withdrawal.amount)


def state_of(withdrawal: Withdrawal) -> WithdrawalState:
    """Steps W5, W6, bank."""
    return WithdrawalState(
        state=withdrawal.state.value,
        delivery=withdrawal.delivery,
        denominations=withdrawal.denominations,
        coin_server=withdrawal.coin_server,
    )


def receive(
    withdrawing: Withdrawing, delivery: Deliver, wallet: Wallet, published: KeyList, guards: Guards
) -> tuple[Withdrawing, tuple[HeldCoin, ...]]:
    """User: unblind. Raises whom the signed papers convict:

    BlindingDiffers, IssueDiffers: the coin server. WrongBankSignature, KeyNotPublished: the bank.
    """
    receipt = checked(IssueReceipt, delivery.receipt)
    if (receipt.coin_server, receipt.bank, receipt.withdrawal) != (
        withdrawing.coin_server,
        withdrawing.bank,
        withdrawing.withdrawal,
    ):
        raise IssueDiffers()
    if withdrawing.block and receipt.block != block_digest(withdrawing.block):
        raise IssueDiffers("another block was served")
    guards.require(rules.keys_are_published, receipt.keys, published)
    secret = wallet.session_key(withdrawing.index)
    entropies = open_entropies(delivery, withdrawing, wallet.reply_key(withdrawing.index))
    counts = {len(entropies), len(receipt.blinded), len(withdrawing.denominations)}
    keys, amounts = public_keys(wallet, withdrawing), withdrawing.denominations
    if len(counts) != 1 or receipt.entropies != commitment(secret, amounts, keys, entropies):
        raise IssueDiffers("the entropies are not those signed for")
    if len(delivery.signatures) != len(entropies):
        raise WrongBankSignature("a signature is missing")
    coins = tuple(
        _unblind(place, entropy, withdrawing, delivery, receipt, wallet)
        for place, entropy in enumerate(entropies)
    )
    return withdrawing.moved(WithdrawingPhase.COMPLETED), coins


def public_keys(wallet: Wallet, withdrawing: Withdrawing) -> tuple[bytes, ...]:
    """pk_i."""
    made = wallet.one_time_keys(withdrawing.index, len(withdrawing.denominations))
    return tuple(key.public_key for key in made)


def _unblind(
    place: int,
    entropy: bytes,
    withdrawing: Withdrawing,
    delivery: Deliver,
    receipt: IssueReceipt,
    wallet: Wallet,
) -> HeldCoin:
    path, denomination = Path(withdrawing.index, place), withdrawing.denominations[place]
    key = wallet.one_time_key(path).public_key
    signed_with = key_for(receipt.keys, denomination)
    if signed_with is None:
        raise IssueDiffers(f"no key for {denomination} is named")
    message = statement(withdrawing.coin_server, serial_of(key, entropy), denomination)
    secret = wallet.session_key(withdrawing.index)
    blinder = blind(signed_with, secret, withdrawing.withdrawal, place, message)
    if blinder.blinded_message != receipt.blinded[place]:
        raise BlindingDiffers()
    try:
        signature = blinder.finalize(delivery.signatures[place])
    except BlindSignatureError as error:
        raise WrongBankSignature(str(error)) from error
    coin = Coin(withdrawing.coin_server, key, entropy, denomination, signed_with.period, signature)
    return HeldCoin(coin, path)


def open_entropies(
    delivery: Deliver, withdrawing: Withdrawing, reply_key: SealingKey
) -> tuple[bytes, ...]:
    context = entropies_context(withdrawing.coin_server, withdrawing.withdrawal)
    try:
        made: tuple[bytes, ...] = codec.decode(
            reply_key.open(delivery.entropies, context),
            Entropies,
        )
    except (CannotOpen, MalformedEncoding) as error:
        raise IssueDiffers(f"the entropies cannot be read: {error}") from error
    return made
