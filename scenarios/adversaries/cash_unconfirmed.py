"""A coin server that carries payments out and confirms something else (BS-A4).

What it signs for the payer names another payee: a merchant that is its friend may say that it was
never paid. It answers so for payments without change, and keeps no such answer.
"""

import dataclasses

import msgspec

from nodes.coin_server.electronic_cash import Counter
from nodes.protocols.electronic_cash.circulation import read_spend, seal_change, settlement
from nodes.protocols.electronic_cash.documents import ChangeBlock, OrderState
from nodes.protocols.electronic_cash.messages import ChangeAnswer, ChangeQuery
from nodes.protocols.envelope import Opened
from nodes.runtime.party import Answer, Party
from nodes.runtime.service import Service
from nodes.runtime.settings import Settings
from scenarios.adversaries.coin_server import build_coin_server


class Unconfirmed(Counter):
    async def _tell_change(self, received: Opened[ChangeQuery], party: Party) -> Answer:
        """Step P6."""
        request = received.message.request
        entry = self._vault.journal.get(party.store.committed, request)
        if entry is None or entry.spend is None:
            return await super()._tell_change(received, party)
        async with party.store.transaction() as tx:
            self._vault.forget(tx, request, entry)
        presented = read_spend(entry.spend)
        another = msgspec.structs.replace(presented.order, payee=party.id)
        false = settlement(dataclasses.replace(presented, order=another), self.serving())
        change = seal_change(presented, ChangeBlock((), false))
        return party.reply(received, ChangeAnswer(OrderState.SETTLED, change))


def build(settings: Settings) -> Service:
    return build_coin_server(settings, Unconfirmed)
