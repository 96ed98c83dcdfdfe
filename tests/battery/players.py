"""Certified parties of a running world whose keys the test holds: they say whatever it wants said.

Each is a node of its own in this process. It takes in what others send it, and does nothing.
"""

import asyncio
import copy
import sqlite3
from collections import defaultdict
from collections.abc import Callable
from typing import Any, TypeVar

from crypto import codec
from crypto.sealing import SealingKey
from crypto.signing import SigningKey
from nodes.peer import dht_micropayment, electronic_cash
from nodes.protocols.envelope import Opened
from nodes.protocols.escrow_commerce import messages as words
from nodes.protocols.message import Message, Received, Role
from nodes.runtime.party import Answer, Party
from nodes.runtime.service import Service, _Keys
from nodes.runtime.settings import Settings
from nodes.wallet.trust import coin_ring
from nodes.wallet.wallet import Wallet
from scenarios.lab.node_client import Node
from scenarios.lab.world_folder import WorldFolder

T = TypeVar("T")
HEARS: dict[Role, tuple[type[Message], ...]] = {
    Role.PEER: (
        words.KeyRelease,
        words.PaymentRelease,
        words.Refund,
        words.AbortNotice,
        words.Verdict,
    ),
    Role.ESCROW_SERVER: (words.SellerDeposit, words.BuyerDeposit, words.OpenDispute, words.Rate),
    Role.CENTRAL_SERVER: (words.Update,),
}
"""What honest nodes send to one of this role, taken in and kept in mind."""


class Player:
    """A party of a role that only speaks when the test does."""

    def __init__(self, role: Role, settings: Settings) -> None:
        self.service = Service(role, settings, purpose="Says what a test wants said.")
        self.party: Party = self.service.party
        self.heard: dict[tuple[type, bytes], list[Message]] = defaultdict(list)
        for type_ in HEARS.get(role, ()):
            self.service.handles(type_, self._hear)

    async def _hear(self, received: Opened[Any], party: Party) -> Answer:
        self.heard[type(received.message), received.transaction].append(received.message)
        party.observer.notify()
        return party.reply(received, Received())

    async def has_heard(self, type_: type[Message], transaction: bytes) -> Message:
        """The first message of a type in a transaction, as soon as it has come."""
        key = (type_, transaction)
        await self.until(lambda: bool(self.heard.get(key)))
        return self.heard[key][0]

    async def is_ready(self) -> None:
        await self.until(lambda: not self.service.missing())

    async def until(self, there: Callable[[], bool], seconds: float = 30.0) -> None:
        async with asyncio.timeout(seconds):
            while not there():
                await self.party.observer.changed()


class Spender(Player):
    """One that also has coins, and a way to write their registers."""

    wallet: Wallet

    def __init__(self, role: Role, settings: Settings) -> None:
        super().__init__(role, settings)
        ring = coin_ring(self.service, member=False)
        self.wallet = dht_micropayment.install(self.service, ring)

    async def withdraw(self, count: int) -> None:
        """Coins from the broker, each opened."""
        wanted = len(list(self.wallet.purse.free())) + count
        operation = self.service.control.find("withdraw")
        await operation.operate(operation.request(count=count), self.party)
        await self.until(lambda: len(list(self.wallet.purse.free())) >= wanted)


class Holder(Player):
    """One that also has a wallet of e-cash."""

    def __init__(self, role: Role, settings: Settings) -> None:
        super().__init__(role, settings)
        self.cash = electronic_cash.install(self.service)

    async def withdraw_cash(self, amount: int, coin_server: str) -> None:
        operation = self.service.control.find("cash_withdraw")
        asked = operation.request(amount=amount, coin_server=coin_server)
        await operation.operate(asked, self.party)
        coins = self.cash.purse.coins
        await self.until(lambda: sum(one.coin.amount for one in coins) >= amount)


class Voice(Player):
    """A node of the world as whoever has its disk could speak for it; it hears nothing."""

    def __init__(self, node: Node, world: WorldFolder, known_to: Party) -> None:
        self._store = world.data(node.name) / "node.db"
        (keys,) = self.kept("keys", _Keys)
        self.party = copy.copy(known_to)
        self.party.name, self.party.role = node.name, Role(node.role)
        self.party.key = SigningKey(keys.signing_seed)
        self.party.sealing_key = SealingKey(keys.sealing)
        assert self.party.id.hex() == node.id

    def kept(self, table: str, type_: type[T]) -> list[T]:
        """What this node has on its disk in one table."""
        connection = sqlite3.connect(f"file:{self._store}?mode=ro", uri=True)
        try:
            rows = connection.execute(f"SELECT value FROM {table} ORDER BY key").fetchall()
        finally:
            connection.close()
        return [codec.decode(value, type_) for (value,) in rows]
