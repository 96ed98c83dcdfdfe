"""A wallet of e-cash that costs little while it is measured: it speaks to its coin server only.

Orders are signed and sealed before the clock starts, what came back is opened after it has
stopped; in between bytes go out and come in. Its coins stay in a real purse, so that the books
still agree: each step's records are written in one transaction.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import aiohttp

from nodes.peer import electronic_cash
from nodes.protocols.electronic_cash import exchange as exchanging
from nodes.protocols.electronic_cash import spending as rule
from nodes.protocols.electronic_cash.holding import CoinPhase, HeldCoin, Spending
from nodes.protocols.electronic_cash.messages import Exchanged
from nodes.protocols.electronic_cash.spending import Wanted
from nodes.protocols.membership.messages import Card
from nodes.protocols.message import Message, Role, TransactionId, declaration_of
from nodes.runtime.party import Wrapped
from nodes.runtime.settings import Settings
from scenarios.adversaries.outsider import Outsider

LARGEST = 512
"""What the bank's largest coin is worth."""
AT_ONCE = 64
"""Coins of one withdrawal, at most."""
CONTENT_TYPE = "application/msgpack"
WITHDRAWN_SECONDS = 60.0
ORDER_MILLISECONDS = 60_000


@dataclass
class Sent:
    """What became of many requests of one kind."""

    walls: list[float] = field(default_factory=list)
    """Milliseconds, of each that was answered: from its first byte out to its last byte in."""
    bodies: dict[int, bytes] = field(default_factory=dict)
    """What was answered to the request of that place."""
    failures: int = 0


class LeanWallet(Outsider):
    """A certified peer without a ring, whose only work is what it is told to do."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(Role.PEER, settings)
        self.cash = electronic_cash.install(self.service)
        self._purse = self.cash.purse

    @property
    def held(self) -> list[HeldCoin]:
        return [coin for coin in self._purse.coins if coin.state is CoinPhase.HELD]

    async def withdraw(self, count: int, coin_server: str) -> None:
        """So many coins of the largest denomination, and perhaps some more."""
        operation = self.service.control.find("cash_withdraw")
        while (there := len(self.held)) < count:
            asked = operation.request(amount=AT_ONCE * LARGEST, coin_server=coin_server)
            await operation.operate(asked, self.party)
            await self._until_held(there + AT_ONCE)

    async def _until_held(self, count: int) -> None:
        await self.until(lambda: len(self.held) >= count, WITHDRAWN_SECONDS)

    # before the clock starts

    async def orders(self, groups: Sequence[Sequence[HeldCoin]], home: Card) -> list[Spending]:
        """Each group's coins for as many new ones of the same amounts; on disk."""
        until = self.party.now() + ORDER_MILLISECONDS
        made = []
        async with self.party.store.transaction() as tx:
            for coins in groups:
                amounts = tuple(held.coin.amount for held in coins)
                order, pledged = rule.order(
                    Wanted("exchange", 0, None, None, until, amounts),
                    coins,
                    self._purse.wallet,
                    self._purse.next_index(tx),
                    sealing_key=home.sealing_key,
                    transaction=self.party.fresh_transaction(),
                )
                for held in pledged:
                    self._purse.coins.save(tx, held)
                self._purse.save(tx, order)
                made.append(order)
        return made

    def requests(self, orders: Sequence[Spending], home: Card) -> list[Wrapped]:
        """Step X1."""
        return [
            self._wrapped(exchanging.request_exchange(order), home, order.transaction)
            for order in orders
        ]

    def acknowledgements(self, orders: Sequence[Spending], home: Card) -> list[Wrapped]:
        """Step J2."""
        return [
            self._wrapped(
                rule.acknowledge_change(order, self._purse.wallet),
                home,
                self.party.fresh_transaction(),
            )
            for order in orders
        ]

    def _wrapped(self, message: Message, home: Card, transaction: TransactionId) -> Wrapped:
        return self.party.wrap(message, home.id, transaction)

    # after it has stopped

    async def settle(
        self, orders: Sequence[Spending], requests: Sequence[Wrapped], sent: Sent, home: Card
    ) -> list[HeldCoin]:
        """The new coins of every order that was answered. Raises what is wrong with an answer."""
        party, purse = self.party, self._purse
        made: list[HeldCoin] = []
        async with party.store.transaction() as tx:
            for place, body in sent.bodies.items():
                answer = party.client._read_answer(
                    body, requests[place].opened, Exchanged, home, None
                )
                done, coins = rule.settled(
                    orders[place], answer.message.change, purse.wallet, party.guards
                )
                purse.save(tx, done)
                purse._move(tx, done, CoinPhase.SPENT)
                purse.coins.add(tx, coins)
                made += coins
        return made


async def send_all(
    home: Card, requests: Sequence[Wrapped], connections: int, *, alone: bool = False
) -> Sent:
    """One request after the other on each of so many connections, until all are answered.

    `alone`: each on a connection of its own, as wallets send what is anonymous.
    """
    sent, waiting = Sent(), iter(enumerate(requests))
    path = declaration_of(type(requests[0].opened.message)).path
    connector = aiohttp.TCPConnector(limit=connections, force_close=alone)
    async with aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
    ) as session:

        async def one_after_the_other() -> None:
            for place, request in waiting:
                began = time.perf_counter()
                async with session.post(
                    home.url + path, data=request.wire, headers={"Content-Type": CONTENT_TYPE}
                ) as response:
                    body = await response.read()
                sent.walls.append(1000 * (time.perf_counter() - began))
                if response.status == 200:
                    sent.bodies[place] = body
                else:
                    sent.failures += 1

        await asyncio.gather(*(one_after_the_other() for _ in range(connections)))
    return sent
