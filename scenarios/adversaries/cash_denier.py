"""A coin server that says of good coins that they do not exist (BS-A15).

It keeps them in circulation, and so keeps what the bank owes for them.
"""

from typing import Any

from nodes.coin_server.electronic_cash import Counter
from nodes.coin_server.vault import VaultTables
from nodes.protocols.electronic_cash.circulation import Presented
from nodes.protocols.electronic_cash.documents import OrderState
from nodes.protocols.electronic_cash.messages import ChangeAnswer, ChangeQuery, Exchange, Present
from nodes.protocols.electronic_cash.refusals import CoinNotCirculating
from nodes.protocols.envelope import Opened
from nodes.runtime.control import Request
from nodes.runtime.party import Answer, Party
from nodes.runtime.service import Service
from nodes.runtime.settings import Settings
from scenarios.adversaries.coin_server import build_coin_server


class FromNowOn(Request, frozen=True):
    pass


class Denier(Counter):
    def __init__(self, service: Service, vault: VaultTables) -> None:
        super().__init__(service, vault)
        self._denies = False
        service.operation("cash_deny", FromNowOn, self._deny, "Know no coin from now on")

    async def _deny(self, asked: FromNowOn, party: Party) -> dict[str, Any]:
        self._denies = True
        return {}

    async def accept(self, received: Opened[Present], presented: Presented) -> Answer:
        if self._denies:
            raise CoinNotCirculating()
        return await super().accept(received, presented)

    async def _exchange(self, received: Opened[Exchange], party: Party) -> Answer:
        if self._denies:
            raise CoinNotCirculating()
        return await super()._exchange(received, party)

    async def _tell_change(self, received: Opened[ChangeQuery], party: Party) -> Answer:
        if self._denies:
            return party.reply(received, ChangeAnswer(OrderState.FORGOTTEN, None))
        return await super()._tell_change(received, party)


def build(settings: Settings) -> Service:
    return build_coin_server(settings, Denier)
