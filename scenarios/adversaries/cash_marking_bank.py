"""A bank that signs one user's coins with keys of their own, to know them again (BS-A17)."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

from crypto import codec
from crypto.blind_signature import BlindPrivateKey
from nodes.bank_account_server.ledger import Ledger
from nodes.bank_account_server.minting import DENOMINATIONS, PERIOD, Keys
from nodes.bank_account_server.withdrawals import Withdrawals
from nodes.protocols.electronic_cash import withdrawal as rule
from nodes.protocols.electronic_cash.coin import Coin, DenominationKey, KeyList, is_genuine
from nodes.protocols.electronic_cash.messages import Issue, Issued, Withdraw
from nodes.protocols.electronic_cash.withdrawal import Bank
from nodes.protocols.envelope import Opened
from nodes.protocols.message import Message, PartyId
from nodes.runtime.control import Request, bytes_from_hex
from nodes.runtime.party import Answer, Party
from nodes.runtime.service import Service
from nodes.runtime.settings import Settings
from scenarios.adversaries.cash_bank import build_bank

MARKED = DENOMINATIONS[:4]
"""Up to 15 can be withdrawn with marks."""


class AskedMark(Request, frozen=True):
    name: str


class AskedWhose(Request, frozen=True):
    coin: str
    """Hex, as somebody who was shown it passes it on."""


class TwoKeys(Keys):
    """Those that everybody's coins are signed with, and those for one."""

    marks: KeyList | None = None
    _marking: ContextVar[bool] = ContextVar("marking", default=False)

    @contextmanager
    def marking(self, on: bool) -> Iterator[None]:
        token = self._marking.set(on)
        try:
            yield
        finally:
            self._marking.reset(token)

    @property
    def bank(self) -> Bank:
        usual = super().bank
        if self.marks is None or not self._marking.get():
            return usual
        return replace(usual, published=self.marks)

    async def make_marks(self) -> None:
        keys = []
        for denomination in MARKED:
            key = await asyncio.to_thread(BlindPrivateKey.generate)
            self.private[key.public_key.encoded] = key
            keys.append(DenominationKey(PERIOD, denomination, key.public_key.encoded))
        published = super().bank.published
        self.marks = KeyList(published.authority, published.bank, tuple(keys))


class Marking(Withdrawals):
    def __init__(self, service: Service, keys: Keys, ledger: Ledger) -> None:
        super().__init__(service, keys, ledger)
        assert isinstance(keys, TwoKeys), "built with it"
        self._two = keys
        self._watched: PartyId = b""
        service.operation("cash_mark", AskedMark, self._watch, "Mark one user's coins")
        service.operation("cash_whose", AskedWhose, self._whose, "Whose coin is this?")

    async def _watch(self, asked: AskedMark, party: Party) -> dict[str, Any]:
        await self._two.make_marks()
        self._watched = (await party.directory.named(asked.name)).id
        return {}

    async def _whose(self, asked: AskedWhose, party: Party) -> dict[str, Any]:
        coin = codec.decode(bytes_from_hex(asked.coin, "coin") or b"", Coin)
        marks = self._two.marks
        is_marked = marks is not None and is_genuine(coin, marks.keys)
        return {"account": self._watched.hex() if is_marked else ""}

    async def _withdraw(self, received: Opened[Withdraw], party: Party) -> Answer:
        with self._two.marking(received.sender == self._watched):
            return await super()._withdraw(received, party)

    async def _issued(self, answer: Opened[Issued], message: Message, party: Party) -> None:
        assert isinstance(message, Issue), "registered for this type"
        kept = self._table.get(party.store.committed, rule.order_of(message).withdrawal)
        with self._two.marking(kept is not None and kept.account == self._watched):
            await super()._issued(answer, message, party)


def build(settings: Settings) -> Service:
    return build_bank(settings, keys=TwoKeys, withdrawals=Marking)
