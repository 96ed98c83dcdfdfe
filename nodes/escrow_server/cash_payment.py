"""E-cash in escrow: the instrument "e-cash" of the escrow server.

It is the merchant of what the buyer pays in, and locked means: it holds a coin of its own for it.
Then it is the payer, to the seller or back to the buyer, who take the coin at its coin server. The
coin server sees no sale, buyer or seller that it did not see before: only payments.
"""

import asyncio

from nodes.cash_wallet.purse import Purse
from nodes.cash_wallet.sale_payment import INSTRUMENT, read, written
from nodes.cash_wallet.taking import Till
from nodes.protocols.electronic_cash.circulation import parcel_digest
from nodes.protocols.electronic_cash.holding import (
    HeldCoin,
    Incoming,
    IncomingPhase,
    Spending,
    SpendingPhase,
)
from nodes.protocols.electronic_cash.payment import sale_reference
from nodes.protocols.electronic_cash.spending import Wanted
from nodes.protocols.errors import OutcomeUnknown, Refused
from nodes.protocols.escrow_commerce.messages import PaymentBytes
from nodes.protocols.escrow_commerce.payment import Invalid, Locked, LockResult, Pending
from nodes.protocols.escrow_commerce.state import Lock, PayOut
from nodes.protocols.message import Name, TransactionId
from nodes.runtime.service import Service
from nodes.wallet.asking import is_for_now

PAID_OUT_MILLISECONDS = 10 * 365 * 86_400_000
"""What is paid out is the payee's: it may come for it whenever it likes."""


def install(service: Service) -> "CashInEscrow":
    return CashInEscrow(service)


class CashInEscrow:
    name: Name = INSTRUMENT

    def __init__(self, service: Service) -> None:
        self._service, self._party = service, service.party
        self._purse = Purse(service)
        self._till = Till(service, self._purse)
        self._paid_in = service.party.store.table("cash_paid_in", bytes)
        """Digest of the parcel by sale."""
        self._deciding = asyncio.Lock()
        service.at_start(self._resume)

    async def _resume(self) -> None:
        for order in self._purse.running():
            self._service.spawn(self._purse.look_after(order))

    # step 7

    async def check(self, lock: Lock) -> LockResult:
        """Only their home can read the coins: without locking there is but the buyer's word."""
        try:
            payment = read(lock.payment, sale_reference(lock.sale, "in"))
        except Refused as error:
            return Invalid(error.code)
        return Locked(payment.amount, None) if payment else Invalid("nothing is paid in")

    async def lock(self, lock: Lock) -> LockResult:
        """Steps P2, P3: on disk first, then presented."""
        try:
            payment = read(lock.payment, sale_reference(lock.sale, "in"))
            if payment is None:
                return Invalid("nothing is paid in")
            async with self._party.store.transaction() as tx:
                self._paid_in.put(tx, lock.sale, parcel_digest(payment.parcel))
            record = await self._till.take(payment, lock.sale)
        except OutcomeUnknown as error:
            return Pending(error.code)
        except Refused as error:
            return Pending(error.code) if is_for_now(error) else Invalid(error.code)
        return Locked(record.amount, None)

    # steps 8b, 8r

    async def pay_out(self, order: PayOut) -> PaymentBytes | None:
        """The same bytes every time; none where nothing came in."""
        async with self._deciding:
            made = self._paid_out(order.sale)
            if made is None:
                record = self._record(order.sale)
                if record is None or record.state is IncomingPhase.REFUSED:
                    return b""
                if record.state is IncomingPhase.PRESENTED:
                    return None
                made = await self._pay(order, record)
        assert made.payee == order.to, "a sale is decided once"
        return written(made)

    def _record(self, sale: TransactionId) -> Incoming | None:
        reader = self._party.store.committed
        name = self._paid_in.get(reader, sale)
        return self._till.table.get(reader, name) if name else None

    def _paid_out(self, sale: TransactionId) -> Spending | None:
        reference = sale_reference(sale, "out")
        for made in self._purse.of_transaction(sale):
            if made.reference == reference:
                return made
        return None

    async def _pay(self, order: PayOut, record: Incoming) -> Spending:
        until = self._party.now() + PAID_OUT_MILLISECONDS
        reference = sale_reference(order.sale, "out")
        wanted = Wanted("pay", record.amount, order.to, reference, until)
        made = await self._purse.order(wanted, coins=[self._coin(record)], transaction=order.sale)
        assert made.state is SpendingPhase.SIGNED, "just signed"
        self._service.spawn(self._purse.look_after(made))
        return made

    def _coin(self, record: Incoming) -> HeldCoin:
        """The one that came in for this sale."""
        found = [held for held in self._purse.coins if held.path == record.path]
        assert len(found) == 1, "a payment brings one coin"
        return found[0]
