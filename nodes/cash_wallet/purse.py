"""The coins of one party, the orders it signed with them, and what became of each.

Keys follow from a seed (nodes.protocols.electronic_cash.wallet); the seed and the next index are
the only secrets here that a copy of the disk would be needed for.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from crypto import codec
from crypto.documents import Signed
from crypto.hashing import Digest
from crypto.sealing import SealingKey
from nodes.cash_wallet.coins import Coins
from nodes.cash_wallet.numbers import Numbers
from nodes.protocols.electronic_cash import condition
from nodes.protocols.electronic_cash import exchange as exchanging
from nodes.protocols.electronic_cash import spending as rule
from nodes.protocols.electronic_cash.coin import serial
from nodes.protocols.electronic_cash.documents import OrderState, PaymentReceipt
from nodes.protocols.electronic_cash.holding import (
    SPENDING_MOVES,
    CoinPhase,
    HeldCoin,
    Path,
    Spending,
    SpendingPhase,
)
from nodes.protocols.electronic_cash.messages import ChangeAnswer, CoinAnswer, Exchanged, Pending
from nodes.protocols.electronic_cash.refusals import (
    CoinForged,
    CoinNotCirculating,
    RetirementNotShown,
)
from nodes.protocols.electronic_cash.spending import Wanted
from nodes.protocols.electronic_cash.wallet import SEED_BYTES, Wallet, choose
from nodes.protocols.errors import ProtocolError, Refused
from nodes.protocols.message import Message, Milliseconds, PartyId, TransactionId
from nodes.runtime.evidence import Evidence, shown
from nodes.runtime.service import Service
from nodes.runtime.store import Transaction
from nodes.wallet.asking import FIRST_DELAY_SECONDS, ask_until_answered

ORDER_MILLISECONDS = 60_000
"""How long an order that its holder carries itself may be on its way."""
LONGEST_WATCH_SECONDS = 30.0
"""Between two questions what became of an order that somebody else carries."""
NO_GOOD = (CoinNotCirculating, CoinForged)
"""What a home says of coins that it will not take in any other order either."""
_SEED = b"seed"


class Purse:
    def __init__(self, service: Service) -> None:
        self.service, self.party = service, service.party
        store = service.party.store
        self._seeds = store.table("cash_seed", bytes)
        self.numbers = Numbers(store)
        self.coins = Coins(store)
        self.orders = store.table("cash_orders", Spending)
        self.evidence = Evidence(store, "cash_evidence")
        self._by_transaction = store.table("cash_order_of", Digest)
        self._by_deposit = store.table("cash_deposit_of", Digest)
        self.wallet = Wallet(self._load_seed())
        service.accounts_for(self._rows)
        service.shows(self)

    def _load_seed(self) -> bytes:
        store = self.party.store
        seed = self._seeds.get(store.committed, _SEED)
        if seed is None:
            seed = self.party.fresh(SEED_BYTES)
            with store.setup() as tx:
                self._seeds.put(tx, _SEED, seed)
        return seed

    def next_index(self, tx: Transaction) -> int:
        """Of an order of its own: never used before, nor after a crash again."""
        return self.numbers.next_own(tx)

    def _move(self, tx: Transaction, order: Spending, to: CoinPhase) -> None:
        for name in order.serials:
            held = self.coins.read(tx, name)
            if held is not None and held.state is CoinPhase.PLEDGED:
                self.coins.save(tx, held.moved(to))

    # orders

    async def order(
        self,
        wanted: Wanted,
        *,
        home: PartyId | None = None,
        coins: Sequence[HeldCoin] | None = None,
        transaction: TransactionId | None = None,
    ) -> Spending:
        """Choose coins and sign; on disk when this returns. Raises NotEnoughCoins."""
        party = self.party
        total = wanted.amount or sum(wanted.outputs or ())
        likely = coins or choose(self.coins, total, home)
        home = likely[0].coin.coin_server
        card = await party.directory.card(home)
        async with party.store.transaction() as tx:
            made, pledged = rule.order(
                wanted,
                self.coins.unchanged(tx, coins)
                if coins
                else self.coins.unchanged_or_others(tx, likely, total, home),
                self.wallet,
                self.next_index(tx),
                sealing_key=card.sealing_key,
                transaction=transaction or party.fresh_transaction(),
            )
            for held in pledged:
                self.coins.save(tx, held)
            self.save(tx, made)
        return made

    def save(self, tx: Transaction, order: Spending) -> None:
        self.orders.put(tx, order.request, order)
        self._by_transaction.put(tx, order.transaction + order.request, order.request)
        if order.kind == "deposit" and order.reference is not None:
            self._by_deposit.put(tx, order.reference, order.request)

    def of_deposit(self, name: bytes) -> Spending | None:
        request = self._by_deposit.get(self.party.store.committed, name)
        return self.load(request) if request else None

    def of_transaction(self, transaction: bytes) -> list[Spending]:
        reader = self.party.store.committed
        found = self._by_transaction.values(reader, transaction)
        return [order for name in found if (order := self.orders.get(reader, name))]

    def load(self, request: bytes) -> Spending:
        order = self.orders.get(self.party.store.committed, request)
        assert order is not None, "an order is never forgotten"
        return order

    def running(self) -> list[Spending]:
        orders = self.orders.values(self.party.store.committed)
        return [order for order in orders if order.state is SpendingPhase.SIGNED]

    async def settle(
        self,
        request: bytes,
        change: bytes,
        receipt: Signed[PaymentReceipt] | None = None,
        *,
        uncredited: str | None = None,
    ) -> Spending:
        """What an order brought. Raises ChangeDiffers, SettlementMissing.

        `uncredited`: the bank had these coins retired and says with this code that it gives
        nothing for them; the coin server's word is kept against it.
        """
        party = self.party
        async with party.store.transaction() as tx:
            order = self.orders.get(tx, request)
            assert order is not None, "an order is never forgotten"
            if order.state is not SpendingPhase.SIGNED:
                return order
            done, coins = rule.settled(order, change, self.wallet, party.guards)
            done = msgspec.structs.replace(done, receipt=receipt)
            if uncredited is not None:
                disputed = SpendingPhase.DISPUTED
                done = msgspec.structs.replace(done, state=disputed, refusal=uncredited)
            self.keep_settled(tx, done, coins)
        self._show(done, coins)
        return done

    def keep_settled(self, tx: Transaction, done: Spending, coins: Sequence[HeldCoin]) -> None:
        """With the message that lets the coin server forget it (J2)."""
        self.save(tx, done)
        self._move(tx, done, CoinPhase.SPENT)
        self.coins.add(tx, coins)
        message = rule.acknowledge_change(done, self.wallet)
        self.party.post(tx, done.coin_server, message, self.party.fresh_transaction())

    def _show(self, done: Spending, coins: Sequence[HeldCoin]) -> None:
        made = [held.coin for held in coins]
        self.party.observer.read("electronic_cash", "", done.transaction, "coins", made)

    async def refuse(self, request: bytes, error: ProtocolError) -> Spending:
        """The coins are said to be gone: proven, or in dispute with their coin server."""
        async with self.party.store.transaction() as tx:
            order = self.orders.get(tx, request)
            assert order is not None, "an order is never forgotten"
            if order.state is not SpendingPhase.SIGNED:
                return order
            state, coins = SpendingPhase.REFUSED, CoinPhase.SPENT
            try:
                rule.refused(order, error.code, error.evidence, self.wallet, self.party.guards)
            except RetirementNotShown:
                state, coins = SpendingPhase.DISPUTED, CoinPhase.DISPUTED
            done = order.moved(state, refusal=error.code)
            self.save(tx, done)
            self._move(tx, done, coins)
        return done

    async def end(
        self, request: bytes, state: SpendingPhase, refusal: str | None = None
    ) -> Spending:
        """An order that will never be carried out; its coins are with another one."""
        async with self.party.store.transaction() as tx:
            order = self.orders.get(tx, request)
            assert order is not None, "an order is never forgotten"
            if order.state is not SpendingPhase.SIGNED:
                return order
            done = order.moved(state, refusal=refusal)
            self.save(tx, done)
        return done

    async def ask_change(self, order: Spending) -> ChangeAnswer:
        """Steps P5, P6, until the coin server answers."""
        party = self.party
        answer = await ask_until_answered(
            party,
            order.coin_server,
            rule.ask_for_change(order, self.wallet),
            party.fresh_transaction(),
            ChangeAnswer,
        )
        return answer.message

    async def exchange(self, order: Spending) -> Spending:
        """Steps X1, X2, until the coin server answers."""
        return await self._carry(order, exchanging.request_exchange(order), Exchanged)

    async def pend(self, order: Spending) -> Spending:
        """Steps C1, C2: settled, with the pending coin's receipt."""
        return await self._carry(order, condition.request_pend(order), Pending)

    async def _carry(
        self, order: Spending, message: Message, answers: type[Exchanged] | type[Pending]
    ) -> Spending:
        """Anonymously, to the coins' home."""
        try:
            answer = await ask_until_answered(
                self.party, order.coin_server, message, order.transaction, answers
            )
        except Refused as error:
            return await self.not_carried_out(order, error)
        return await self.settle(order.request, answer.message.change)

    async def find(self, coin_server: PartyId, path: Path) -> CoinAnswer:
        """Steps Q1, Q2: what circulates under one key of this wallet.

        Each question goes alone, under a reply key of its own, so that none joins another.
        """
        party, reply = self.party, SealingKey(self.party.fresh(32))
        query = rule.ask_for_coin(self.wallet, path, coin_server, party.now(), reply.public_key)
        answer = await party.send(
            coin_server, query, party.fresh_transaction(), CoinAnswer, opens_with=reply
        )
        return answer.message

    async def collect(self, coin_server: PartyId, path: Path) -> HeldCoin | None:
        """A coin made under one of our keys by somebody else's doing: a judge's word."""
        answer = await self.find(coin_server, path)
        held = rule.found(answer, self.wallet, path, coin_server)
        if held is not None:
            async with self.party.store.transaction() as tx:
                self.coins.add(tx, [held])
        return held

    async def not_carried_out(self, order: Spending, error: ProtocolError) -> Spending:
        """Refused because of the coins, or for another reason, after which they are still good.

        What a merchant or a bank says of coins may be a lie: their home is asked.
        """
        gone = isinstance(error, CoinNotCirculating)
        if isinstance(error, NO_GOOD) and order.kind not in rule.CARRIED_BY_OTHERS:
            return await self.refuse(order.request, error)
        told = await self.ask_change(order)
        if told.state is OrderState.SETTLED and told.change is not None:
            uncredited = error.code if order.kind == "deposit" else None
            return await self.settle(order.request, told.change, uncredited=uncredited)
        if told.state is OrderState.FORGOTTEN and gone:
            return await self.refuse(order.request, error)
        if told.state is OrderState.FORGOTTEN:
            return await self.end(order.request, SpendingPhase.DISPUTED, error.code)
        return await self.take_back(order, error.code)

    async def take_back(self, order: Spending, refusal: str | None = None) -> Spending:
        """An order that was not carried out in time: its coins are exchanged for new ones.

        Whichever order comes first at the coin server is carried out; the other finds its coins
        gone. So this ends with the order settled, or cancelled and the value back.
        """
        coins = self.coins.named(order.serials)
        amounts = (sum(held.coin.amount for held in coins),)
        until: Milliseconds = self.party.now() + ORDER_MILLISECONDS
        wanted = Wanted("exchange", 0, None, None, until, amounts)
        back = await self.order(wanted, coins=coins, transaction=order.transaction)
        done = await self.exchange(back)
        if done.state is SpendingPhase.SETTLED:
            return await self.end(order.request, SpendingPhase.CANCELLED, refusal)
        told = await self.ask_change(order)
        if told.state is OrderState.SETTLED and told.change is not None:
            return await self.settle(order.request, told.change)
        return await self.end(order.request, SpendingPhase.DISPUTED, done.refusal)

    async def look_after(self, order: Spending) -> None:
        """A payment that somebody else presents: its change, or after its time its coins."""
        until, delay = rule.valid_until(order), FIRST_DELAY_SECONDS
        while self.load(order.request).state is SpendingPhase.SIGNED:
            told = await self.ask_change(order)
            if told.state is OrderState.SETTLED and told.change is not None:
                await self.settle(order.request, told.change)
                return
            if self.party.now() > until:
                await self.take_back(order, "electronic_cash/order-too-late")
                return
            await asyncio.sleep(delay)
            delay = min(2 * delay, LONGEST_WATCH_SECONDS)

    # inspection

    def summaries(self) -> list[dict[str, Any]]:
        return [self._row(order) for order in self.orders.values(self.party.store.committed)]

    def details(self, transaction: bytes) -> list[dict[str, Any]]:
        orders = self.of_transaction(transaction)
        kept = self.evidence.of(self.party.store.committed, transaction) if orders else []
        return [{**self._row(order), "evidence": kept + _signed_of(order)} for order in orders]

    def _row(self, order: Spending) -> dict[str, Any]:
        return {
            "id": order.transaction.hex(),
            "protocol": "electronic_cash",
            "side": "holder",
            "what": order.kind,
            "state": order.state.value,
            "final": not SPENDING_MOVES[order.state],
            "amount": order.amount,
            "payee": order.payee.hex() if order.payee else "",
            "reference": order.reference.hex() if order.reference else "",
            "coin_server": order.coin_server.hex(),
            "request": order.request.hex(),
            "refusal": order.refusal or "",
            "settlement": codec.encode(order.settlement).hex() if order.settlement else "",
            "receipt": codec.encode(order.receipt).hex() if order.receipt else "",
        }

    def _rows(self) -> dict[str, Any]:
        return {
            "cash_wallet": [
                {
                    "serial": serial(held.coin).hex(),
                    "coin_server": held.coin.coin_server.hex(),
                    "amount": held.coin.amount,
                    "state": held.state.value,
                }
                for held in self.coins.all()
            ]
        }


def _signed_of(order: Spending) -> list[dict[str, str]]:
    return shown(settlement=order.settlement, receipt=order.receipt, pending=order.pending)
