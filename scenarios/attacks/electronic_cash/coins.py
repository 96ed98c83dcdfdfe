"""Coins in wallets, orders made by hand, and a merchant that does with a parcel what it likes."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

from crypto.sealing import SealingKey
from nodes.protocols.electronic_cash import exchange, payment, spending
from nodes.protocols.electronic_cash.documents import RequestId
from nodes.protocols.electronic_cash.holding import CoinPhase, HeldCoin, Spending
from nodes.protocols.electronic_cash.messages import Accepted, Acknowledge, Exchanged, Pay
from nodes.protocols.electronic_cash.refusals import MoveNotAllowed
from nodes.protocols.electronic_cash.spending import Wanted
from nodes.protocols.envelope import Opened
from nodes.protocols.errors import Refused
from nodes.protocols.message import Message, PartyId, Received
from nodes.runtime.party import Answer, Party
from scenarios.adversaries.outsider import Mallory, Outsider
from scenarios.lab.acting import Act
from scenarios.lab.node_client import Node

M = TypeVar("M", bound=Message)

ORDER_MILLISECONDS = 60_000
ENDED = ("settled", "cancelled", "refused", "disputed")
"""What may become of an order."""


async def withdraw(node: Node, amount: int, coin_server: str = "coin-server-1") -> None:
    asked = await node.control("cash_withdraw", amount=amount, coin_server=coin_server)
    await node.until(asked["transaction"], "completed")


async def start(node: Node, operation: str, **fields: object) -> str:
    """An order is on its way; its transaction."""
    return str((await node.control(operation, **fields))["transaction"])


async def ended(node: Node, transaction: str, *states: str) -> str:
    """What became of it."""
    return str((await node.until(transaction, *(states or ENDED)))["state"])


# Mallory's own coins


def held(mallory: Mallory, amount: int) -> HeldCoin:
    """A coin of hers, of this amount."""
    coins = mallory.cash.purse.coins
    return next(h for h in coins if (h.state, h.coin.amount) == (CoinPhase.HELD, amount))


async def made(mallory: Mallory, wanted: Wanted, coins: Sequence[HeldCoin]) -> Spending:
    """An order over these coins that her purse does not remember: it may make many."""
    party, purse = mallory.party, mallory.cash.purse
    home = coins[0].coin.coin_server
    async with party.store.transaction() as tx:
        index = purse.next_index(tx)
    order, _ = spending.order(
        wanted,
        coins,
        purse.wallet,
        index,
        sealing_key=(await party.directory.card(home)).sealing_key,
        transaction=party.fresh_transaction(),
    )
    return order


def until(mallory: Mallory) -> int:
    return mallory.party.now() + ORDER_MILLISECONDS


async def no_longer_hers(mallory: Mallory, coins: Sequence[HeldCoin]) -> None:
    """She knows that they are spent, and does not count them."""
    async with mallory.party.store.transaction() as tx:
        for one in coins:
            mallory.cash.purse.coins.save(tx, one.moved(CoinPhase.PLEDGED).moved(CoinPhase.SPENT))


async def exchanged(mallory: Mallory, order: Spending) -> None:
    """Steps X1, X2: what comes of it lies in her purse."""
    party, purse = mallory.party, mallory.cash.purse
    request = exchange.request_exchange(order)
    answer = await party.send(order.coin_server, request, order.transaction, Exchanged)
    _, coins = spending.settled(order, answer.message.change, purse.wallet, party.guards)
    async with party.store.transaction() as tx:
        purse.coins.add(tx, coins)


async def swapped(mallory: Mallory, coin: HeldCoin) -> Spending:
    """This coin for a new one, by an order that her purse does not remember."""
    wanted = Wanted("exchange", 0, None, None, until(mallory), (coin.coin.amount,))
    order = await made(mallory, wanted, [coin])
    await exchanged(mallory, order)
    return order


def hear_instead(mallory: Mallory, type_: type[Message]) -> None:
    """She does nothing with these messages but to hear them."""

    async def hear(received: Opened[Message], party: Party) -> Answer:
        mallory.heard[type_, received.transaction].append(received.message)
        party.observer.notify()
        return party.reply(received, Received())

    mallory.service.inbound.replace(type_, hear)


async def has_her_change(mallory: Mallory, order: Spending) -> None:
    """Step J2: the coin server need not keep its answer for her."""
    message = spending.acknowledge_change(order, mallory.cash.purse.wallet)
    party = mallory.party
    await party.send(order.coin_server, message, party.fresh_transaction(), Received)


def carried(order: Spending) -> tuple[Pay, SealingKey]:
    """Step P1 of an order made by hand, and what opens the answer."""
    reply = SealingKey.generate()
    return payment.pay(order, reply.public_key), reply


# Mallory as a merchant


@dataclass(frozen=True)
class Taken:
    """What a merchant gets for a parcel."""

    coin: HeldCoin
    request: RequestId
    change: bytes
    """Sealed for the payer."""


async def present(mallory: Mallory, said: Pay, amount: int = 0) -> Taken:
    """Steps P2, P3 in her own name, for what she says it is worth: the coin is in her purse."""
    party, purse = mallory.party, mallory.cash.purse
    said = msgspec.structs.replace(said, amount=amount or said.amount)
    server = said.coin_server
    async with party.store.transaction() as tx:
        index = purse.numbers.next_incoming(tx)
    record, request = payment.incoming(
        said,
        purse.wallet,
        index,
        party.key,
        entry_server=server,
        transaction=party.fresh_transaction(),
    )
    answer = await party.send(server, request, record.transaction, Accepted)
    _, coin, _ = payment.received(record, answer.message, party.key, purse.wallet)
    async with party.store.transaction() as tx:
        purse.coins.add(tx, [coin])
        party.post(tx, server, Acknowledge(answer.message.entry), record.transaction)
    return Taken(coin, answer.message.entry, answer.message.change)


class Counter(Generic[M]):
    """Where a cheat takes messages and says nothing, until it is told what to say to them all."""

    def __init__(self, cheat: Outsider, takes: type[M]) -> None:
        self._cheat = cheat
        self._caught: list[M] = []
        self._told = asyncio.Event()
        self._says: Refused | None = None
        cheat.service.inbound.replace(takes, self._take)

    async def _take(self, received: Opened[M], party: Party) -> Answer:
        self._caught.append(received.message)
        party.observer.notify()
        await self._told.wait()
        if self._says is not None:
            raise self._says
        return party.reply(received, Received())

    async def first(self) -> M:
        """As soon as it comes."""
        await self._cheat.until(lambda: bool(self._caught))
        return self._caught[0]

    def refuse(self, says: Refused | None = None) -> None:
        """It says that it took nothing, and why."""
        self._says = says or MoveNotAllowed()
        self._told.set()

    def answer_nothing(self) -> None:
        """What it says is no answer to anything."""
        self._told.set()


async def refusals_of(act: Act, node: Node, step: str) -> list[str]:
    """The codes that messages of a step which this node sent were refused with."""
    await act.live.recorder.follow(node, wait=0)
    rows = act.live.recorder.rows[node.name]
    return [row.outcome for row in rows if row.step == step and row.outcome != "ok"]


def id_of(node: Node) -> PartyId:
    return bytes.fromhex(node.id)


def server_of(act: Act) -> Node:
    """The first coin server: home of all coins where nothing else is said."""
    return act.live.coin_servers[0]
