"""Steps 3, 4, customer: vouchers or e-cash become money under a pseudonym; a key is agreed."""

import asyncio
from typing import Any

import msgspec

from crypto import codec
from nodes.peer.anonymous_micropayment.books import PROTOCOL, Books, DepositOrder, Instrument
from nodes.peer.anonymous_micropayment.cash_funds import CashFunds
from nodes.peer.anonymous_micropayment.vouchers import Purse, wanted
from nodes.protocols.anonymous_micropayment import deposit as rule
from nodes.protocols.anonymous_micropayment.deposit import FreshDeposit
from nodes.protocols.anonymous_micropayment.messages import DepositConfirmed, Funds
from nodes.protocols.anonymous_micropayment.refusals import (
    DepositIsOpen,
    OrdersAreOpen,
    UnknownInstrument,
)
from nodes.protocols.anonymous_micropayment.state import Prepayment, PrepayState
from nodes.protocols.anonymous_micropayment.values import NONCE_BYTES, SECRET_BYTES, Price
from nodes.protocols.envelope import Opened
from nodes.protocols.errors import Refused
from nodes.protocols.message import TransactionId
from nodes.runtime.control import Request
from nodes.runtime.log import get_log
from nodes.runtime.party import Party
from nodes.runtime.service import Service
from nodes.runtime.store import Transaction
from nodes.wallet.asking import ask_until_answered

RETRY_SECONDS = 1.0


class AskedDeposit(Request, frozen=True):
    amount: Price
    pseudonym: str = ""
    """The newest, if left out."""
    hides: bool = False
    """Orders bear aliases, so that no vendor can link two of them."""
    by: Instrument = "voucher"
    """What is paid in: vouchers, bought from the account where too few are held, or e-cash held."""


class Prepayer:
    def __init__(
        self, service: Service, books: Books, purse: Purse, cash: CashFunds | None
    ) -> None:
        self._service = service
        self._party = service.party
        self._books = books
        self._purse = purse
        self._cash = cash
        service.operation("pid_deposit", AskedDeposit, self._ask, "Prepay under a pseudonym")
        service.at_start(self._resume)

    async def _ask(self, asked: AskedDeposit, party: Party) -> dict[str, Any]:
        reader, transaction = party.store.committed, party.fresh_transaction()
        pseudonym = self._books.wallet(reader, wanted(asked.pseudonym)).pseudonym
        if self._books.orders_open(reader, pseudonym):
            raise OrdersAreOpen()
        if self._books.deposit_open(reader, pseudonym):
            raise DepositIsOpen()
        if asked.by == "ecash" and self._cash is None:
            raise UnknownInstrument("this peer has no e-cash")
        nonce = party.fresh(NONCE_BYTES)
        order = DepositOrder(
            transaction, pseudonym, asked.amount, asked.hides, by=asked.by, nonce=nonce
        )
        async with party.store.transaction() as tx:
            self._books.deposits.put(tx, transaction, order)
        self._service.spawn(self._run(order))
        return {"transaction": transaction.hex()}

    async def _resume(self) -> None:
        for order in self._books.deposits.values(self._party.store.committed):
            prepayment = self._prepayment(order.transaction)
            waits = prepayment is None and not order.reason
            if waits or (prepayment and prepayment.state is PrepayState.SENT):
                self._service.spawn(self._run(order))

    def _prepayment(self, transaction: TransactionId) -> Prepayment | None:
        return self._books.prepayments.get(self._party.store.committed, transaction)

    async def _run(self, order: DepositOrder) -> None:
        prepayment = self._prepayment(order.transaction)
        if prepayment is None:
            try:
                funds = await self._provide(order)
                prepayment = await self._start(order, funds)
            except Refused as error:
                await self._give_up(order, error)
                return
        await self._send(prepayment)

    async def _provide(self, order: DepositOrder) -> Funds | None:
        """What is paid in; None: vouchers reserved for it."""
        if order.by == "voucher":
            await self._provide_vouchers(order)
            return None
        assert self._cash is not None, "checked when it was asked for"
        assert order.nonce is not None, "drawn when it was asked for"
        deposit = rule.deposit_name(order.pseudonym, order.nonce)
        broker = await self._books.broker()
        return await self._cash.provide(deposit, broker, order.amount, order.transaction)

    async def _provide_vouchers(self, order: DepositOrder) -> None:
        """Vouchers for the whole amount, reserved for this deposit."""
        party, purse, purpose = self._party, self._purse, order.transaction
        bought = self._bought_for(purpose)
        if bought is None:
            async with party.store.transaction() as tx:
                held = sum(voucher.amount for voucher in purse.reserved(tx, purpose))
                missing = purse.reserve(tx, order.amount - held, purpose)
            if not missing:
                return
            drawn = await purse.draw(missing, party.fresh_transaction(), purpose)
            async with party.store.transaction() as tx:
                self._books.save_voucher_order(tx, drawn)
            bought = drawn.transaction
        done = await purse.run(bought)
        if done.state == "refused":
            raise Refused(done.reason)

    def _bought_for(self, deposit: TransactionId) -> TransactionId | None:
        for order in self._books.voucher_orders.values(self._party.store.committed):
            if order.for_deposit == deposit:
                return order.transaction
        return None

    async def _start(self, order: DepositOrder, funds: Funds | None) -> Prepayment:
        """Step 3 on disk, once no order is open under the present key."""
        party, books = self._party, self._books
        while books.orders_open(party.store.committed, order.pseudonym):
            await party.observer.changed()
        broker = await books.broker()
        sealing_key = (await party.directory.card(broker)).sealing_key
        async with party.store.transaction() as tx:
            prepayment = rule.start_deposit(
                books.wallet(tx, order.pseudonym),
                funds or self._vouchers(tx, order),
                order.amount,
                FreshDeposit(order.nonce or party.fresh(NONCE_BYTES), party.fresh(SECRET_BYTES)),
                order.transaction,
                hides=order.hides,
                broker_sealing_key=sealing_key,
                orders_open=books.orders_open(tx, order.pseudonym),
                deposit_open=books.deposit_open(tx, order.pseudonym),
                guards=party.guards,
            )
            books.save_prepayment(tx, prepayment)
        return prepayment

    def _vouchers(self, tx: Transaction, order: DepositOrder) -> Funds:
        vouchers = self._purse.reserved(tx, order.transaction)
        return Funds("voucher", codec.encode(vouchers))

    async def _give_up(self, order: DepositOrder, error: Refused) -> None:
        reason = error.detail if type(error) is Refused else error.code
        refused = msgspec.structs.replace(order, reason=reason)
        async with self._party.store.transaction() as tx:
            self._books.deposits.put(tx, order.transaction, refused)
            self._purse.set_free(tx, order.transaction)
        if self._cash is not None:
            await self._cash.refused(order.transaction, error)

    async def _send(self, prepayment: Prepayment) -> None:
        """Step 3 until step 4 comes; an answer that is not the broker's is none."""
        party, transaction = self._party, prepayment.transaction
        broker = self._books.wallet(party.store.committed, prepayment.pseudonym).broker
        while True:
            try:
                answer = await ask_until_answered(
                    party, broker, prepayment.message, transaction, DepositConfirmed
                )
            except Refused as error:
                await self._refused(prepayment, error)
                return
            try:
                await self._confirm(prepayment, answer)
                return
            except Refused as error:
                get_log().warning("confirmation_not_taken", code=error.code)
                await self._note(prepayment, error)
            await asyncio.sleep(RETRY_SECONDS)

    async def _note(self, prepayment: Prepayment, error: Refused) -> None:
        """The owner sees why it goes on asking."""
        noted = msgspec.structs.replace(prepayment, reason=error.code)
        async with self._party.store.transaction() as tx:
            self._books.save_prepayment(tx, noted)

    async def _confirm(self, prepayment: Prepayment, answer: Opened[DepositConfirmed]) -> None:
        party, books = self._party, self._books
        confirmed = rule.open_confirmation(answer.message, prepayment)
        party.observer.read(PROTOCOL, "4", prepayment.transaction, "the confirmation", confirmed)
        async with party.store.transaction() as tx:
            wallet = books.wallet(tx, prepayment.pseudonym)
            done, funded = rule.take_confirmation(confirmed, prepayment, wallet, party.guards)
            books.save_prepayment(tx, done)
            books.wallets.put(tx, funded.pseudonym, funded)
            self._purse.spend(tx, done.transaction)
        if self._cash is not None:
            await self._cash.taken(done.transaction)

    async def _refused(self, prepayment: Prepayment, error: Refused) -> None:
        async with self._party.store.transaction() as tx:
            refused = rule.deposit_refused(prepayment, error.code)
            self._books.save_prepayment(tx, refused)
            self._purse.set_free(tx, refused.transaction)
        if self._cash is not None:
            await self._cash.refused(refused.transaction, error)
