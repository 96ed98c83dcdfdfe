"""Steps P2, F1-F7: coins of any home, and clearing at the bank, many debts with one message."""

import asyncio
from typing import Any

from crypto import codec
from crypto.documents import Signed
from nodes.coin_server.electronic_cash import Counter
from nodes.coin_server.vault import VaultTables
from nodes.protocols.electronic_cash import clearing as rule
from nodes.protocols.electronic_cash.circulation import HOME, open_parcel, parcel_digest
from nodes.protocols.electronic_cash.documents import Debt, Presentation
from nodes.protocols.electronic_cash.messages import (
    Accepted,
    Acknowledge,
    Clear,
    Cleared,
    DebtVoided,
    Present,
    Retire,
    Retired,
    VoidDebt,
)
from nodes.protocols.electronic_cash.reading import opened
from nodes.protocols.electronic_cash.refusals import NotYours, WrongCoinServer
from nodes.protocols.electronic_cash.spending import acknowledged
from nodes.protocols.electronic_cash.state import Entry, Forwarded
from nodes.protocols.envelope import Opened
from nodes.protocols.errors import OutcomeUnknown, Refused
from nodes.protocols.message import TRANSACTION_BYTES, Message, PartyId, Role
from nodes.runtime.alone import Alone
from nodes.runtime.log import get_log
from nodes.runtime.party import Answer, Party
from nodes.runtime.service import Service
from nodes.wallet.asking import ask_until_answered, is_for_now

CLEARED_AT_ONCE = 16
"""So many debts are cleared without waiting for more."""


class Forwarding:
    def __init__(self, service: Service, vault: VaultTables, counter: Counter) -> None:
        self._service, self._party = service, service.party
        self._vault, self._counter = vault, counter
        self._forwarded = service.party.store.table("forwarded", Forwarded)
        self._debts = service.party.store.table("debts", Signed[Debt])
        self._alone = Alone()
        """With a parcel: an answer of its home must not meet another on its way."""
        self._owed = asyncio.Event()
        self._enough = asyncio.Event()
        service.handles(Present, self._present)
        service.handles(Retire, self._retire)
        service.on_answer(Acknowledge, self._home_has_heard)
        service.at_start(self._start)
        service.accounts_for(self._rows)

    async def _start(self) -> None:
        for forwarded in self._forwarded.values(self._party.store.committed):
            self._service.spawn(self._go_on(forwarded))
        self._service.spawn(self._clear_for_ever())

    # P2

    async def _present(self, received: Opened[Present], party: Party) -> Answer:
        """At the coins' home, or forwarded there."""
        message = received.message
        home = opened(Presentation, message.presentation).home
        if home != party.id:
            return await self._forward(received, home)
        presented = open_parcel(message.parcel, self._counter.serving())
        entry = self._vault.journal.get(party.store.committed, presented.request)
        if entry is not None and entry.presentation is not None:
            return await self._serve_for_lost(received, presented.request, entry)
        return await self._counter.accept(received, presented)

    # F1-F3, the coin server contacted

    async def _forward(self, received: Opened[Present], home: PartyId) -> Answer:
        party, message = self._party, received.message
        name = parcel_digest(message.parcel)
        async with self._alone.with_name(name):
            answer = self._answered(name, received.sender)
            if answer is None:
                answer = await self._forward_new(received, home)
        return party.reply(received, answer)

    async def _forward_new(self, received: Opened[Present], home: PartyId) -> Accepted:
        party, message = self._party, received.message
        if await party.directory.role_of(home) is not Role.COIN_SERVER:
            raise WrongCoinServer()
        self._counter.serving()
        name = parcel_digest(message.parcel)
        async with party.store.transaction() as tx:
            forwarded, request = rule.forward(
                message.presentation,
                message.parcel,
                received.sender,
                party.id,
                self._forwarded.get(tx, name),
            )
            self._forwarded.put(tx, name, forwarded)
        return await self._ask_home(forwarded, request, home, for_ever=False)

    def _answered(self, name: bytes, payee: PartyId) -> Accepted | None:
        entry = self._vault.journal.get(self._party.store.committed, name)
        if entry is None:
            return None
        if entry.presenter != payee:
            raise NotYours()
        return codec.decode(entry.answer, Accepted)

    async def _go_on(self, forwarded: Forwarded) -> None:
        """After a restart: the home may have retired the coins already."""
        await self._counter.keys.until_there()
        home = opened(Presentation, forwarded.presentation).home
        request = Retire(forwarded.presentation, forwarded.parcel)
        try:
            async with self._alone.with_name(parcel_digest(forwarded.parcel)):
                await self._ask_home(forwarded, request, home, for_ever=True)
        except Refused as error:
            get_log().info("forwarded_payment_refused", code=error.code)

    async def _ask_home(
        self, forwarded: Forwarded, request: Retire, home: PartyId, *, for_ever: bool
    ) -> Accepted:
        """A refusal is the home's word that nothing happened, and is passed on."""
        party, name = self._party, parcel_digest(forwarded.parcel)
        transaction = name[:TRANSACTION_BYTES]
        try:
            if for_ever:
                answer = await ask_until_answered(party, home, request, transaction, Retired)
            else:
                answer = await party.send(home, request, transaction, Retired)
        except Refused as error:
            if not is_for_now(error):
                async with party.store.transaction() as tx:
                    self._forwarded.delete(tx, name)
            raise
        return await self._complete(forwarded, answer.message, home)

    async def _complete(self, forwarded: Forwarded, answer: Retired, home: PartyId) -> Accepted:
        party, name = self._party, parcel_digest(forwarded.parcel)
        serving = self._counter.serving()
        async with party.store.transaction() as tx:
            entry = self._vault.journal.get(tx, name)
            if entry is not None:
                return codec.decode(entry.answer, Accepted)
            change, accepted, done = rule.complete(
                forwarded, answer, home, serving, self._vault.at(tx)
            )
            self._vault.apply(tx, change)
            assert done.debt is not None, "completed with a debt"
            self._debts.put(tx, rule.debt_digest(done.debt), done.debt)
            self._forwarded.delete(tx, name)
            request = opened(Debt, done.debt).request
            party.post(tx, home, Acknowledge(request), name[:TRANSACTION_BYTES])
            tx.after_commit.append(self._wake)
            return accepted

    async def _home_has_heard(self, received: Opened[Any], message: Message, party: Party) -> None:
        """It gives its answer no more, so ours need not stay for its sake."""
        async with party.store.transaction() as tx:
            for name, entry in list(self._vault.journal.items(tx, received.transaction)):
                self._vault.replace(tx, name, entry, acknowledged(entry, HOME))

    # F2, home

    async def _retire(self, received: Opened[Retire], party: Party) -> Answer:
        message = received.message
        serving = self._counter.serving()
        presented = open_parcel(message.parcel, serving)
        self._counter.read(received, "F1", presented)
        return await self._counter.settle(
            received,
            presented.request,
            received.sender,
            Retired,
            lambda serving, vault: rule.retire_for(
                message, received.sender, presented, serving, vault
            ),
            again=lambda entry: rule.may_retire_again(message, entry),
        )

    async def _serve_for_lost(
        self, received: Opened[Present], request: bytes, entry: Entry
    ) -> Answer:
        """Steps F6, F7: the server that forwarded this is lost; the bank voids what we owe it."""
        party, debt = self._party, rule.debt_of(entry)
        assert debt is not None, "a forwarded payment has a debt"
        bank, serving = self._counter.keys.list.bank, self._counter.serving()
        await party.send(bank, VoidDebt(debt), request[:TRANSACTION_BYTES], DebtVoided)
        async with party.store.transaction() as tx:
            current = self._vault.journal.get(tx, request) or entry
            if current.presentation is None:
                return party.reply(received, codec.decode(current.answer, Accepted))
            change, answer = rule.serve_payee(current, received.sender, serving, self._vault.at(tx))
            self._vault.apply(tx, change)
            return party.reply(received, answer)

    # F4, F5

    def _wake(self) -> None:
        self._owed.set()
        if self._debts.count(self._party.store.committed) >= CLEARED_AT_ONCE:
            self._enough.set()

    async def _clear_for_ever(self) -> None:
        """Whenever there are debts: after a while, or when there are many, all in one message."""
        party = self._party
        while True:
            if not self._debts.count(party.store.committed):
                self._owed.clear()
                await self._owed.wait()
            try:
                async with asyncio.timeout(party.settings.clearing_seconds):
                    await self._enough.wait()
            except TimeoutError:
                pass
            self._enough.clear()
            await self._clear()

    async def _clear(self) -> None:
        party = self._party
        debts = self._debts.values(party.store.committed)[:256]
        bank = (await self._counter.keys.until_there()).bank
        transaction = party.fresh_transaction()
        try:
            answer = await ask_until_answered(
                party, bank, Clear(tuple(debts)), transaction, Cleared
            )
        except (Refused, OutcomeUnknown) as error:
            get_log().error("debts_not_cleared", code=error.code)
            return
        await self._forget(answer.message)

    async def _forget(self, answer: Cleared) -> None:
        if answer.void:
            get_log().error("debts_are_void", count=len(answer.void))
        async with self._party.store.transaction() as tx:
            for name in (*answer.cleared, *answer.void):
                self._debts.delete(tx, name)

    def _rows(self) -> dict[str, Any]:
        reader = self._party.store.committed
        debts = [opened(Debt, signed) for signed in self._debts.values(reader)]
        return {
            "cash_debts": [
                {"debtor": d.debtor.hex(), "creditor": d.creditor.hex(), "amount": d.amount}
                for d in debts
            ]
        }
