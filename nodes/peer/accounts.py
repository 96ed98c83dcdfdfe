"""A peer's account at the broker: opened once, as soon as the broker is known."""

from typing import Any

from nodes.protocols.accounts.messages import AccountOpened, AskBalance, Balance, OpenAccount
from nodes.protocols.message import PartyId, Role, TransactionId
from nodes.runtime.control import Request
from nodes.runtime.party import Party
from nodes.runtime.service import Service
from nodes.wallet.asking import ask_until_answered
from nodes.wallet.trust import CoinTrust

_KEY = b"broker"


class AccountAtBroker:
    """`await opened()` is the broker's id once this peer has an account there."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._party = service.party
        self._table = service.party.store.table("account", PartyId)
        service.awaits("account", lambda: self._broker() is not None)
        service.at_start(self._start)
        service.operation("balance", AskedBalance, self._balance, "What is in my account?")

    async def _start(self) -> None:
        self._service.spawn(self._open())

    def _broker(self) -> PartyId | None:
        return self._table.get(self._party.store.committed, _KEY)

    async def _open(self) -> None:
        """Steps A1, A2: repeated after a crash it opens nothing twice."""
        party = self._party
        if self._broker() is not None:
            return
        await CoinTrust(party).meet_broker()
        broker = (await party.directory.one(Role.BROKER)).id
        transaction = party.fresh_transaction()
        await ask_until_answered(party, broker, OpenAccount(), transaction, AccountOpened)
        async with party.store.transaction() as tx:
            self._table.put(tx, _KEY, broker)

    async def opened(self) -> PartyId:
        while (broker := self._broker()) is None:
            await self._party.observer.changed()
        return broker

    async def _balance(self, asked: "AskedBalance", party: Party) -> dict[str, Any]:
        broker = (await party.directory.one(Role.BROKER)).id
        transaction: TransactionId = party.fresh_transaction()
        answer = await party.send(broker, AskBalance(party.now()), transaction, Balance)
        return {"balance": answer.message.balance, "frozen": answer.message.frozen}


class AskedBalance(Request, frozen=True):
    pass
