"""V1-V6, R1, customer: vouchers bought from the account, or given back for unspent money; cashed.

Bought well before they are deposited, they leave less to be guessed from times and amounts.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from crypto.blind_signature import BlindPublicKey
from nodes.peer.anonymous_micropayment.books import Books, Cashing, HeldVoucher, VoucherOrder
from nodes.protocols.accounts.messages import AccountOpened, OpenAccount
from nodes.protocols.anonymous_micropayment import messages as words
from nodes.protocols.anonymous_micropayment import question
from nodes.protocols.anonymous_micropayment import voucher as rule
from nodes.protocols.anonymous_micropayment.refusals import (
    DepositIsOpen,
    NotFunded,
    PrepaidTooSmall,
)
from nodes.protocols.anonymous_micropayment.values import (
    NONCE_BYTES,
    PSEUDONYM_BYTES,
    SECRET_BYTES,
    Nonce,
    Price,
    Pseudonym,
)
from nodes.protocols.errors import Refused
from nodes.protocols.message import Amount, PartyId, TransactionId
from nodes.runtime.control import Request, bytes_from_hex
from nodes.runtime.party import Party
from nodes.runtime.service import Service
from nodes.runtime.store import Transaction
from nodes.wallet.asking import ask_until_answered


class AskedVouchers(Request, frozen=True):
    amount: Price


class AskedRefund(Request, frozen=True):
    amount: Price
    pseudonym: str = ""
    """The newest, if left out."""


class AskedCash(Request, frozen=True):
    amount: Price


def wanted(pseudonym: str) -> Pseudonym | None:
    return bytes_from_hex(pseudonym, "pseudonym", PSEUDONYM_BYTES) if pseudonym else None


class Purse:
    def __init__(self, service: Service, books: Books) -> None:
        self._service = service
        self._party = service.party
        self._books = books
        service.operation("pid_vouchers", AskedVouchers, self._ask, "Buy vouchers")
        service.operation("pid_refund", AskedRefund, self._ask_refund, "Take prepaid money back")
        service.operation("pid_cash", AskedCash, self._ask_cash, "Turn vouchers into money")
        service.at_start(self._resume)

    async def _resume(self) -> None:
        reader = self._party.store.committed
        for order in self._books.voucher_orders.values(reader):
            if order.state == "asked" and order.for_deposit is None:
                self._service.spawn(self._run(order.transaction))
        for cashing in self._books.cashings.values(reader):
            if cashing.state == "asked":
                self._service.spawn(self._cash(cashing))

    # V1, V2

    async def keys(self, broker: PartyId) -> Mapping[Amount, BlindPublicKey]:
        """Asked for once, without saying who asks. Raises KeysNotTheBrokers."""
        party = self._party
        signed = self._books.voucher_keys.get(party.store.committed, broker)
        if signed is None:
            asked, transaction = words.AskVoucherKeys(), party.fresh_transaction()
            answer = await ask_until_answered(
                party, broker, asked, transaction, words.VoucherKeysGiven
            )
            signed = answer.message.keys
            rule.read_keys(signed, broker)
            async with party.store.transaction() as tx:
                self._books.voucher_keys.put(tx, broker, signed)
        return rule.read_keys(signed, broker)

    # V3, V4 and R1, R2

    async def _ask(self, asked: AskedVouchers, party: Party) -> dict[str, Any]:
        order = await self.draw(asked.amount, party.fresh_transaction())
        async with party.store.transaction() as tx:
            self._books.save_voucher_order(tx, order)
        self._service.spawn(self._run(order.transaction))
        return {"transaction": order.transaction.hex()}

    async def _ask_refund(self, asked: AskedRefund, party: Party) -> dict[str, Any]:
        wallet = self._books.wallet(party.store.committed, wanted(asked.pseudonym))
        if wallet.secret is None:
            raise NotFunded()
        if wallet.balance < asked.amount:
            raise PrepaidTooSmall(f"{wallet.balance} there, {asked.amount} wanted")
        drawn = await self.draw(asked.amount, party.fresh_transaction())
        nonce: Nonce = party.fresh(NONCE_BYTES)
        order = msgspec.structs.replace(drawn, refund_of=wallet.pseudonym, nonce=nonce)
        async with party.store.transaction() as tx:
            if self._books.deposit_open(tx, wallet.pseudonym):
                raise DepositIsOpen()
            self._books.save_voucher_order(tx, order)
        self._service.spawn(self._run(order.transaction))
        return {"transaction": order.transaction.hex()}

    async def draw(
        self, amount: Amount, transaction: TransactionId, for_deposit: TransactionId | None = None
    ) -> VoucherOrder:
        """Vouchers to be asked for; to be saved before they are."""
        broker = await self._books.broker()
        keys = await self.keys(broker)
        secrets = rule.draw(rule.split(amount, tuple(keys)), self._party.fresh(SECRET_BYTES))
        blinded = rule.blind(secrets, keys, broker)
        return VoucherOrder(transaction, broker, secrets, blinded, for_deposit=for_deposit)

    def load(self, transaction: TransactionId) -> VoucherOrder:
        order = self._books.voucher_orders.get(self._party.store.committed, transaction)
        assert order is not None, "saved before it runs"
        return order

    async def _run(self, transaction: TransactionId) -> None:
        await self.run(transaction)

    async def run(self, transaction: TransactionId) -> VoucherOrder:
        """Until it is held or refused; asked again, the broker gives the same signatures."""
        order = self.load(transaction)
        if order.state != "asked":
            return order
        try:
            signatures = await (self._refund(order) if order.refund_of else self._buy(order))
            keys = await self.keys(order.broker)
            vouchers = rule.unblind(signatures, order.secrets, keys, order.broker)
        except Refused as error:
            return await self._end(order, (), "refused", error.code)
        return await self._end(order, vouchers, "held", "")

    async def _buy(self, order: VoucherOrder) -> tuple[bytes, ...]:
        """V3, V4."""
        party, transaction = self._party, order.transaction
        await ask_until_answered(party, order.broker, OpenAccount(), transaction, AccountOpened)
        message = words.BuyVouchers(order.blinded)
        answer = await ask_until_answered(
            party, order.broker, message, transaction, words.VouchersSigned
        )
        return answer.message.signatures

    async def _refund(self, order: VoucherOrder) -> tuple[bytes, ...]:
        """R1, R2. The key does not change while a refund is open."""
        party = self._party
        wallet = self._books.wallet(party.store.committed, order.refund_of)
        assert wallet.secret is not None, "it was there when the refund was asked for"
        asked = question.ask_refund(wallet, wallet.secret, order.nonce, order.blinded)
        answer = await ask_until_answered(
            party, order.broker, asked, order.transaction, words.PrepaidRefunded
        )
        question.check_refunded(asked, answer.message, wallet.secret)
        return answer.message.signatures

    async def _end(
        self,
        order: VoucherOrder,
        vouchers: tuple[words.Voucher, ...],
        state: str,
        reason: str,
    ) -> VoucherOrder:
        ended = msgspec.structs.replace(order, state=state, reason=reason)
        async with self._party.store.transaction() as tx:
            self._books.save_voucher_order(tx, ended)
            for voucher in vouchers:
                held = HeldVoucher(voucher, order.for_deposit)
                self._books.vouchers.put(tx, voucher.serial, held)
            if vouchers and order.refund_of is not None:
                wallet = self._books.wallet(tx, order.refund_of)
                left = wallet.balance - rule.total(vouchers)
                changed = msgspec.structs.replace(wallet, balance=left)
                self._books.wallets.put(tx, wallet.pseudonym, changed)
        return ended

    # what is in the purse

    def reserve(self, tx: Transaction, amount: Amount, purpose: TransactionId) -> Amount:
        """The largest free vouchers that fit, for one purpose; what is still missing."""
        free = [h.voucher for h in self._books.vouchers.values(tx) if h.reserved_for is None]
        for voucher in sorted(free, key=lambda voucher: -voucher.amount):
            if voucher.amount <= amount:
                amount -= voucher.amount
                self._books.vouchers.put(tx, voucher.serial, HeldVoucher(voucher, purpose))
        return amount

    def reserved(self, tx: Transaction, purpose: TransactionId) -> tuple[words.Voucher, ...]:
        held = self._books.vouchers.values(tx)
        return tuple(h.voucher for h in held if h.reserved_for == purpose)

    def set_free(self, tx: Transaction, purpose: TransactionId) -> None:
        for voucher in self.reserved(tx, purpose):
            self._books.vouchers.put(tx, voucher.serial, HeldVoucher(voucher))

    def spend(self, tx: Transaction, purpose: TransactionId) -> None:
        for voucher in self.reserved(tx, purpose):
            self._books.vouchers.delete(tx, voucher.serial)

    # V5, V6

    async def _ask_cash(self, asked: AskedCash, party: Party) -> dict[str, Any]:
        broker, transaction = await self._books.broker(), party.fresh_transaction()
        async with party.store.transaction() as tx:
            if self.reserve(tx, asked.amount, transaction):
                raise PrepaidTooSmall("the vouchers held do not make up this amount")
            cashing = Cashing(transaction, broker, self.reserved(tx, transaction))
            self._books.cashings.put(tx, transaction, cashing)
        self._service.spawn(self._cash(cashing))
        return {"transaction": transaction.hex()}

    async def _cash(self, cashing: Cashing) -> None:
        transaction, reason = cashing.transaction, ""
        message = words.CashVouchers(cashing.vouchers)
        try:
            await ask_until_answered(
                self._party, cashing.broker, message, transaction, words.VouchersCashed
            )
        except Refused as error:
            reason = error.code
        state = "refused" if reason else "cashed"
        async with self._party.store.transaction() as tx:
            self.set_free(tx, transaction) if reason else self.spend(tx, transaction)
            ended = msgspec.structs.replace(cashing, state=state, reason=reason)
            self._books.cashings.put(tx, transaction, ended)
