"""Steps Q1, P0, P1, payer: n coins to another peer for one order.

Once the coins are committed the payment can only be completed: the same message is sent until
the payee says how it ended. While the payee is silent, or lies, or has not decided when it said it
would, the payer has the coins certified itself, and the certificates then prove the payment.
"""

import asyncio
from typing import Any

from crypto.documents import open_document
from nodes.protocols.dht_micropayment import payment as rule
from nodes.protocols.dht_micropayment.coin import CoinCount
from nodes.protocols.dht_micropayment.holding import CoinState
from nodes.protocols.dht_micropayment.messages import Payment, Quote, QuoteGiven, Taken
from nodes.protocols.dht_micropayment.payment import Outgoing, PayerState
from nodes.protocols.dht_micropayment.refusals import WrongReceipt
from nodes.protocols.dht_micropayment.transfer import chains_of, terms_of
from nodes.protocols.errors import MalformedMessage, ProtocolError
from nodes.protocols.message import PartyId, Role, TransactionId
from nodes.runtime.control import Request, bytes_from_hex
from nodes.runtime.log import get_log
from nodes.runtime.party import Party
from nodes.runtime.refusals import InvalidRequest, UnknownParty
from nodes.wallet.asking import (
    FIRST_DELAY_SECONDS,
    LONGEST_DELAY_SECONDS,
    ask_until_answered,
    is_for_now,
)
from nodes.wallet.wallet import Wallet

NO_ANSWER = (WrongReceipt, MalformedMessage)
"""A payee that says so has told nothing of how the payment ended."""
RUNNING = (PayerState.ASKED, PayerState.PAYING, PayerState.CERTIFIED)


class AskedTransfer(Request, frozen=True):
    to: str
    """A party's name, or its id in hex."""
    count: CoinCount
    order: str = ""
    """What it pays for, hex; the transaction's own id where empty."""


class Payer:
    def __init__(self, wallet: Wallet) -> None:
        self.wallet = self._wallet = wallet
        self._party = wallet.party
        self.table = wallet.party.store.table("payments_out", Outgoing)
        service = wallet.service
        service.operation("transfer", AskedTransfer, self._transfer, "Pay coins to a peer")
        service.at_start(self._resume)

    async def _transfer(self, asked: AskedTransfer, party: Party) -> dict[str, Any]:
        payee = await self._payee(asked.to)
        transaction = party.fresh_transaction()
        order = bytes_from_hex(asked.order, "order") or transaction
        if len(order) > 32:
            raise InvalidRequest("an order has at most 32 bytes")
        record = Outgoing(PayerState.ASKED, transaction, payee, order, asked.count)
        async with party.store.transaction() as tx:
            self.table.put(tx, transaction, record)
        self._wallet.service.spawn(self._run(transaction))
        return {"transaction": transaction.hex()}

    async def _payee(self, to: str) -> PartyId:
        directory = self._party.directory
        is_id = len(to) == 64 and all(letter in "0123456789abcdef" for letter in to)
        card = await (directory.card(bytes.fromhex(to)) if is_id else directory.named(to))
        if card.role is not Role.PEER or card.id == self._party.id:
            raise UnknownParty(f"{to} is no other peer")
        return card.id

    async def _resume(self) -> None:
        for record in self.table.values(self._party.store.committed):
            if record.state in RUNNING:
                self._wallet.service.spawn(self._run(record.transaction))

    def _load(self, transaction: TransactionId) -> Outgoing:
        record = self.table.get(self._party.store.committed, transaction)
        assert record is not None, "saved before it runs"
        return record

    async def _run(self, transaction: TransactionId) -> None:
        try:
            if self._load(transaction).state is PayerState.ASKED:
                await self._agree(self._load(transaction))
            await self._pay(self._load(transaction))
        except ProtocolError as error:
            get_log().info("payment_refused", transaction=transaction.hex(), code=error.code)
            await self._refused(transaction, error)

    async def _refused(self, transaction: TransactionId, error: ProtocolError) -> None:
        async with self._party.store.transaction() as tx:
            record = self.table.get(tx, transaction)
            assert record is not None, "a payment is never forgotten"
            refused = record.moved(PayerState.REFUSED, reason=error.code)
            self.table.put(tx, transaction, refused)

    async def _agree(self, record: Outgoing) -> None:
        """Q1, P0: a quote, and coins whose registers answer. Then, and only then, commit."""
        party, wallet = self._party, self._wallet
        asked = rule.ask(record.order, record.count)
        seconds = party.settings.offer_seconds
        answer = await ask_until_answered(
            party, record.payee, asked, record.transaction, QuoteGiven, seconds=seconds
        )
        signed = answer.message.quote
        quote = rule.check_quote(signed, asked, party.id, record.payee, party.now())
        fit = wallet.can_pay(quote.deadline)
        coins = await wallet.reserve(record.count, fit, record.transaction)
        keys = tuple(coin.key for coin in coins)
        try:
            async with party.store.transaction() as tx:
                wallet.commit(tx, keys, record.payee, record.order, record.transaction)
                paying = record.moved(PayerState.PAYING, quote=signed, coins=keys)
                self.table.put(tx, record.transaction, paying)
        finally:
            wallet.purse.let_go(coins)

    async def _pay(self, record: Outgoing) -> None:
        """P1 until the payee says how it ended. The same message each time."""
        assert record.quote is not None, "a payment that pays was quoted"
        message = Payment(record.quote, self._wallet.committed(record.coins))
        terms = terms_of(record.order, chains_of(message.transfers))
        deadline = open_document(Quote, record.quote).deadline
        delay = FIRST_DELAY_SECONDS
        while True:
            try:
                answer = await self._party.send(record.payee, message, record.transaction, Taken)
                known = self._load(record.transaction)
                ended = rule.take_answer(known, answer.message, self._party.id, terms)
            except ProtocolError as error:
                if not isinstance(error, NO_ANSWER) and not is_for_now(error):
                    raise
                await self._go_on_alone(record)
            else:
                if ended.state not in RUNNING:
                    await self._end(ended)
                    return
                if self._party.now() > deadline:
                    await self._go_on_alone(record)
            await asyncio.sleep(delay)
            delay = min(2 * delay, LONGEST_DELAY_SECONDS)

    async def _go_on_alone(self, record: Outgoing) -> None:
        """P3 by the payer: the payee that stays silent is made the holder all the same."""
        self._wallet.follower.follow(record.coins)

        def are_spent() -> bool:
            coins = self._wallet.coins(record.coins)
            return all(coin.state is CoinState.SPENT for coin in coins)

        if not await self._wallet.until(are_spent, self._wallet.write_seconds):
            return
        async with self._party.store.transaction() as tx:
            current = self.table.get(tx, record.transaction)
            assert current is not None, "a payment is never forgotten"
            if current.state is PayerState.PAYING:
                certified = current.moved(PayerState.CERTIFIED)
                self.table.put(tx, record.transaction, certified)

    async def _end(self, ended: Outgoing) -> None:
        """P1r: paid, with a receipt; or cancelled, and what is certified comes back (B1)."""
        async with self._party.store.transaction() as tx:
            self.table.put(tx, ended.transaction, ended)
            if ended.state is PayerState.PAID:
                self._wallet.hand_over(tx, ended.coins)
        if ended.state is PayerState.CANCELLED:
            self._wallet.follower.follow(ended.coins)
