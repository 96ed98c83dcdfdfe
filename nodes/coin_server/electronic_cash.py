"""The coin server's counter: every request about its own coins, one transaction each.

Answers are kept in the journal and nowhere else, so that nothing stays behind of a coin that is
spent and of an answer that has arrived.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from crypto import codec
from nodes.cash_wallet.keys import PublishedKeys
from nodes.coin_server.vault import VaultAt, VaultTables
from nodes.protocols.electronic_cash import condition, deposit, exchange, issuing, payment, spending
from nodes.protocols.electronic_cash import withdrawal as withdrawals
from nodes.protocols.electronic_cash.circulation import (
    PRESENTER,
    CoinServer,
    Presented,
    open_parcel,
    read_spend,
)
from nodes.protocols.electronic_cash.messages import (
    Accepted,
    Acknowledge,
    AcknowledgeChange,
    ChangeQuery,
    CoinQuery,
    Exchange,
    Exchanged,
    Issue,
    Issued,
    Pend,
    Pending,
    Present,
    Redeem,
    Redeemed,
    Resolve,
)
from nodes.protocols.electronic_cash.refusals import NotYours
from nodes.protocols.electronic_cash.state import Change, Entry, Numbered
from nodes.protocols.envelope import Opened
from nodes.protocols.message import Message, PartyId, Received
from nodes.runtime.party import Answer, Party
from nodes.runtime.refusals import NotReady
from nodes.runtime.service import Service

M = TypeVar("M", bound=Message)
JOURNAL_MILLISECONDS = 24 * 3_600_000
"""T_jrnl: how long an answer is kept for somebody who does not come back."""


class Counter:
    def __init__(self, service: Service, vault: VaultTables) -> None:
        self._service, self._party, self._vault = service, service.party, vault
        self.keys = PublishedKeys(service.party)
        service.awaits("the bank's keys", lambda: self.keys.there)
        service.at_start(self._start)
        service.handles(Issue, self._issue)
        service.handles(Exchange, self._exchange)
        service.handles(Redeem, self._redeem)
        service.handles(ChangeQuery, self._tell_change)
        service.handles(CoinQuery, self._tell_coin)
        service.handles(Acknowledge, self._acknowledge)
        service.handles(AcknowledgeChange, self._acknowledge_change)
        service.handles(Pend, self._pend)
        service.handles(Resolve, self._resolve)

    async def _start(self) -> None:
        self._service.spawn(self._learn())

    async def _learn(self) -> None:
        await self.keys.until_there()
        self._party.observer.notify()

    def serving(self) -> CoinServer:
        """Raises NotReady before the bank's keys are known."""
        if not self.keys.there:
            raise NotReady("the bank has published no keys yet")
        party, now = self._party, self._party.now()
        return CoinServer(
            key=party.key,
            sealing_key=party.sealing_key,
            published=self.keys.list,
            now=now,
            journal_until=now + JOURNAL_MILLISECONDS,
            draw=lambda: party.fresh(32),
            guards=party.guards,
            serial_bits=party.settings.serial_bits,
        )

    def opened(self, received: Opened[Redeem], step: str) -> Presented:
        """The parcel in a message, shown to whoever watches what this server can read."""
        presented = open_parcel(received.message.parcel, self.serving())
        self.read(received, step, presented)
        return presented

    def read(self, received: Opened[Any], step: str, presented: Presented) -> None:
        self._party.observer.read(
            "electronic_cash", step, received.transaction, "order", presented.order
        )

    async def settle(
        self,
        received: Opened[M],
        key: bytes,
        presenter: PartyId | None,
        answer: type[Message],
        decide: Callable[[CoinServer, VaultAt], tuple[Change, Message]],
        *,
        again: Callable[[Entry], bool] = lambda entry: True,
    ) -> Answer:
        """The journal's answer, or a new one with all that follows from it. The commit point.

        `again`: whether the journal's is given; where it is not, the rules decide anew. May raise.
        """
        serving = self.serving()
        async with self._party.store.transaction() as tx:
            entry = self._vault.journal.get(tx, key)
            if entry is not None:
                if entry.presenter != presenter:
                    raise NotYours()
                if again(entry):
                    return self._party.reply(received, codec.decode(entry.answer, answer))
            change, message = decide(serving, self._vault.at(tx))
            self._vault.apply(tx, change)
            return self._party.reply(received, message)

    # W2, W3

    async def _issue(self, received: Opened[Issue], party: Party) -> Answer:
        bank, message = received.sender, received.message
        order = withdrawals.order_of(message)
        serving = self.serving()
        async with party.store.transaction() as tx:
            entry = self._vault.journal.get(tx, order.withdrawal)
            if entry is not None and entry.presenter == bank:
                return party.reply(received, codec.decode(entry.answer, Issued))
            last = self._vault.numbers.get(tx, bank) or Numbered(0)
            change, answer, number = issuing.issue(
                message, bank, last.number, serving, self._vault.at(tx)
            )
            self._vault.apply(tx, change)
            self._vault.numbers.put(tx, bank, Numbered(number))
            party.observer.read(
                "electronic_cash", "W2", received.transaction, "issued", change.issued
            )
            return party.reply(received, answer)

    # X1, X2

    async def _exchange(self, received: Opened[Exchange], party: Party) -> Answer:
        presented = read_spend(received.message.spend)
        return await self.settle(
            received,
            presented.request,
            None,
            Exchanged,
            lambda serving, vault: exchange.exchange(presented, serving, vault),
        )

    # P2, P3: forwarding.py handles the message, for coins of any home

    async def accept(self, received: Opened[Present], presented: Presented) -> Answer:
        message = received.message
        payment.read_presentation(message.presentation, message.parcel, received.sender)
        self.read(received, "P2", presented)
        return await self.settle(
            received,
            presented.request,
            received.sender,
            Accepted,
            lambda serving, vault: payment.accept(message.presentation, presented, serving, vault),
        )

    # D2, D3

    async def _redeem(self, received: Opened[Redeem], party: Party) -> Answer:
        presented = self.opened(received, "D2")
        return await self.settle(
            received,
            presented.request,
            received.sender,
            Redeemed,
            lambda serving, vault: deposit.redeem(
                received.message, received.sender, presented, serving, vault
            ),
        )

    # P5, Q1, J1, J2

    async def _tell_change(self, received: Opened[ChangeQuery], party: Party) -> Answer:
        query, reader = received.message, party.store.committed
        entry = self._vault.journal.get(reader, query.request)
        answer = spending.tell_change(query, entry, party.id, self._vault.at(reader))
        return party.reply(received, answer)

    async def _tell_coin(self, received: Opened[CoinQuery], party: Party) -> Answer:
        vault = self._vault.at(party.store.committed)
        return party.reply(received, spending.tell_coin(received.message, self.serving(), vault))

    async def _acknowledge(self, received: Opened[Acknowledge], party: Party) -> Answer:
        key = received.message.entry
        async with party.store.transaction() as tx:
            entry = self._vault.journal.get(tx, key)
            if entry is not None:
                if entry.presenter != received.sender:
                    raise NotYours()
                self._vault.replace(tx, key, entry, spending.acknowledged(entry, PRESENTER))
        return party.reply(received, Received())

    async def _acknowledge_change(
        self, received: Opened[AcknowledgeChange], party: Party
    ) -> Answer:
        message = received.message
        async with party.store.transaction() as tx:
            entry: Entry | None = self._vault.journal.get(tx, message.request)
            if entry is not None:
                left = spending.holder_acknowledges(entry, message, party.id)
                self._vault.replace(tx, message.request, entry, left)
        return party.reply(received, Received())

    # C1-C4

    async def _pend(self, received: Opened[Pend], party: Party) -> Answer:
        presented = read_spend(received.message.spend)
        return await self.settle(
            received,
            presented.request,
            None,
            Pending,
            lambda serving, vault: condition.pend(presented, serving, vault),
        )

    async def _resolve(self, received: Opened[Resolve], party: Party) -> Answer:
        message, serving = received.message, self.serving()
        async with party.store.transaction() as tx:
            waiting = self._vault.waiting.get(tx, message.request)
            change, answer = condition.resolve(message, waiting, serving, self._vault.at(tx))
            self._vault.apply(tx, change)
            return party.reply(received, answer)
