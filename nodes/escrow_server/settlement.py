"""Drives each sale's payment: one worker a sale, and the deadlines of all.

What is to be done follows from the saved sale alone, so a worker that was cut off goes on where it
left off. The instrument may be asked for the same thing twice; it happens once.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping

from nodes.escrow_server.sales import Sales
from nodes.protocols.escrow_commerce.messages import PaymentBytes
from nodes.protocols.escrow_commerce.payment import EscrowInstrument, Invalid, LockResult
from nodes.protocols.escrow_commerce.refusals import TooEarly, WrongState
from nodes.protocols.escrow_commerce.release import (
    Work,
    due,
    expire,
    next_work,
    order_pay_out,
    take_paid_out,
    take_result,
    time_again,
)
from nodes.protocols.escrow_commerce.state import Decided, EscrowTerms, Sale
from nodes.protocols.message import TransactionId
from nodes.runtime.deadlines import Deadlines
from nodes.runtime.log import get_log
from nodes.runtime.service import Service

FIRST_DELAY_SECONDS = 0.05
LONGEST_DELAY_SECONDS = 2.0
NOTHING_PAID = b""
"""What an instrument that nobody knows pays out."""


class Settlement:
    def __init__(
        self,
        service: Service,
        sales: Sales,
        terms: EscrowTerms,
        instruments: Iterable[EscrowInstrument],
    ) -> None:
        self._party = service.party
        self._service = service
        self._sales = sales
        self._terms = terms
        self._instruments: Mapping[str, EscrowInstrument] = {
            instrument.name: instrument for instrument in instruments
        }
        self._deadlines = Deadlines(service, self._deadline)
        self._working: set[TransactionId] = set()
        sales.changed = self.look_at

    async def resume(self) -> None:
        """At a start: every sale goes on from its record."""
        now, terms = self._party.now(), self._terms
        for sale in self._sales.all():
            if time_again(sale, now, terms) != sale:
                sale = await self._apply(sale.sale, lambda it: Decided(time_again(it, now, terms)))
            self.look_at(sale)

    def look_at(self, sale: Sale) -> None:
        """A sale has changed: set its deadline, and start its worker if there is work."""
        guards = self._party.guards
        self._deadlines.set(sale.sale, due(sale, guards))
        if next_work(sale, guards) is not None and sale.sale not in self._working:
            self._working.add(sale.sale)
            self._service.spawn(self._drive(sale.sale))

    async def _deadline(self, sale: TransactionId) -> None:
        now, guards = self._party.now(), self._party.guards
        try:
            await self._apply(sale, lambda before: expire(before, now, guards))
        except (TooEarly, WrongState):
            self._deadlines.set(sale, due(self._load(sale), guards))

    async def _drive(self, sale: TransactionId) -> None:
        delay = FIRST_DELAY_SECONDS
        try:
            while (work := next_work(self._load(sale), self._party.guards)) is not None:
                if await self._step(sale, work):
                    delay = FIRST_DELAY_SECONDS
                else:
                    await asyncio.sleep(delay)
                    delay = min(2 * delay, LONGEST_DELAY_SECONDS)
        finally:
            self._working.discard(sale)

    async def _step(self, sale: TransactionId, work: Work) -> bool:
        """Whether the payment moved on; else it is asked for again a little later."""
        try:
            if work is Work.PAY_OUT:
                return await self._pay_out(sale)
            return await self._lock(sale, work)
        except Exception:
            get_log().exception("payment_work_failed", sale=sale.hex(), work=work.value)
            return False

    async def _lock(self, sale: TransactionId, work: Work) -> bool:
        result = await self._ask_to_lock(sale, work)
        before = self._load(sale).payment
        now = self._party.now()
        after = await self._apply(
            sale,
            lambda it: take_result(it, work, result, now, self._terms, self._party.guards),
        )
        return after.payment != before

    async def _ask_to_lock(self, sale: TransactionId, work: Work) -> LockResult:
        lock = self._sales.lock(sale)
        instrument = self._instruments.get(lock.instrument)
        if instrument is None:
            return Invalid(f"no instrument {lock.instrument!r} here")
        if work is Work.CHECK:
            return await instrument.check(lock)
        return await instrument.lock(lock)

    async def _pay_out(self, sale: TransactionId) -> bool:
        order = order_pay_out(self._load(sale))
        instrument = self._instruments.get(order.instrument)
        paid: PaymentBytes | None = NOTHING_PAID
        if instrument is not None:
            paid = await instrument.pay_out(order)
        if paid is None:
            return False
        await self._apply(sale, lambda it: take_paid_out(it, paid))
        return True

    async def _apply(self, sale: TransactionId, rule: Callable[[Sale], Decided]) -> Sale:
        """Load, decide, save."""
        async with self._party.store.transaction() as tx:
            before = self._sales.get(tx, sale)
            assert before is not None, "a sale that is driven is on disk"
            decided = rule(before)
            if decided.sale != before:
                self._sales.save(tx, before, decided)
        return decided.sale

    def _load(self, sale: TransactionId) -> Sale:
        found = self._sales.get(self._party.store.committed, sale)
        assert found is not None, "a sale that is driven is on disk"
        return found
