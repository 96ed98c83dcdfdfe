"""Steps F4-F7, bank: what coin servers owe each other moves between their books."""

from typing import Any

from nodes.bank_account_server.ledger import Ledger
from nodes.protocols.electronic_cash import clearing as rule
from nodes.protocols.electronic_cash.clearing import Books
from nodes.protocols.electronic_cash.documents import Debt
from nodes.protocols.electronic_cash.messages import Clear, DebtVoided, VoidDebt
from nodes.protocols.electronic_cash.reading import checked
from nodes.protocols.electronic_cash.state import KnownDebt
from nodes.protocols.envelope import Opened
from nodes.protocols.message import Role
from nodes.runtime.control import Request
from nodes.runtime.party import Answer, Party
from nodes.runtime.refusals import UnknownParty
from nodes.runtime.service import Service


class AskedLost(Request, frozen=True):
    coin_server: str
    """Its name."""


class Clearing:
    def __init__(self, service: Service, ledger: Ledger) -> None:
        self._party, self._ledger = service.party, ledger
        self._debts = service.party.store.table("cash_debts", KnownDebt)
        service.handles(Clear, self._clear)
        service.handles(VoidDebt, self._void)
        service.operation(
            "declare_lost", AskedLost, self._declare_lost, "A coin server will never come back"
        )

    async def _clear(self, received: Opened[Clear], party: Party) -> Answer:
        debts = received.message.debts
        async with party.store.transaction() as tx:
            names = [rule.debt_digest(signed) for signed in debts]
            known = {name: fate for name in names if (fate := self._debts.get(tx, name))}
            before = Books(self._ledger.all_outstanding(tx), known)
            books, answer = rule.clear(debts, received.sender, party.id, before, party.guards)
            for name, fate in books.debts.items():
                self._debts.put(tx, name, fate)
            for coin_server, outstanding in books.outstanding.items():
                self._ledger.save_outstanding(tx, coin_server, outstanding)
            return party.answer(tx, received, answer)

    async def _void(self, received: Opened[VoidDebt], party: Party) -> Answer:
        message = received.message
        debt, name = checked(Debt, message.debt), rule.debt_digest(message.debt)
        async with party.store.transaction() as tx:
            creditor = self._ledger.outstanding(tx, debt.creditor)
            known = self._debts.get(tx, name)
            fate = rule.void_debt(message, received.sender, party.id, creditor, known)
            self._debts.put(tx, name, fate)
            return party.answer(tx, received, DebtVoided(debt.request))

    async def _declare_lost(self, asked: AskedLost, party: Party) -> dict[str, Any]:
        """The owner's word: from now on debts to it that were never cleared may be voided."""
        card = await party.directory.named(asked.coin_server)
        if card.role is not Role.COIN_SERVER:
            raise UnknownParty(f"{asked.coin_server} is no coin server")
        async with party.store.transaction() as tx:
            lost = rule.declared_lost(self._ledger.outstanding(tx, card.id))
            self._ledger.save_outstanding(tx, card.id, lost)
        return {"lost": card.id.hex(), "outstanding": lost.amount}
