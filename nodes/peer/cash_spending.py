"""Steps X1-X2, P1-P6, D1-D4, holder and merchant: each order is followed until it has ended."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import msgspec

from nodes.cash_wallet.purse import ORDER_MILLISECONDS, Purse
from nodes.cash_wallet.taking import Till
from nodes.peer.cash_withdrawing import coin_server_named
from nodes.protocols.electronic_cash import deposit as depositing
from nodes.protocols.electronic_cash import payment as rule
from nodes.protocols.electronic_cash import spending
from nodes.protocols.electronic_cash.coin import CoinAmount
from nodes.protocols.electronic_cash.guards import deposit_id
from nodes.protocols.electronic_cash.holding import CoinPhase, HeldCoin, Spending, SpendingPhase
from nodes.protocols.electronic_cash.messages import Deposited, Paid, Pay
from nodes.protocols.electronic_cash.reading import require_sender
from nodes.protocols.electronic_cash.refusals import (
    NotEnoughCoins,
    UnknownDeposit,
)
from nodes.protocols.electronic_cash.spending import Wanted
from nodes.protocols.electronic_cash.wallet import PLACES_SEARCHED, choose
from nodes.protocols.envelope import Opened
from nodes.protocols.errors import MalformedMessage, ProtocolError, Refused, error_from
from nodes.protocols.message import PartyId, Received, Role
from nodes.runtime.control import Request, bytes_from_hex
from nodes.runtime.log import get_log
from nodes.runtime.party import Answer, Party
from nodes.runtime.refusals import InvalidRequest, UnknownParty
from nodes.runtime.service import Service
from nodes.wallet.asking import (
    FIRST_DELAY_SECONDS,
    LONGEST_DELAY_SECONDS,
    ask_until_answered,
    is_for_now,
)


class AskedPayment(Request, frozen=True):
    to: str
    """A peer's name, or its id in hex."""
    amount: CoinAmount
    reference: str = ""
    """What it pays for, 32 bytes in hex; drawn where empty."""
    coin_server: str = ""
    """Whose coins; any where empty."""


class AskedExchange(Request, frozen=True):
    amounts: Annotated[tuple[CoinAmount, ...], msgspec.Meta(max_length=PLACES_SEARCHED - 1)] = ()
    """What new coins are wanted; empty: one coin for all that is held."""
    coin_server: str = ""


class AskedDeposit(Request, frozen=True):
    amount: CoinAmount
    coin_server: str = ""


class AskedCoinServer(Request, frozen=True):
    coin_server: str


class Spender:
    def __init__(self, service: Service, purse: Purse, till: Till) -> None:
        self._service, self._party = service, service.party
        self._purse, self._till = purse, till
        service.handles(Pay, self._take)
        service.handles(Deposited, self._deposited)
        service.operation("cash_pay", AskedPayment, self._pay, "Pay a peer with e-cash")
        service.operation(
            "cash_exchange", AskedExchange, self._exchange, "Old e-cash coins for new ones"
        )
        service.operation("cash_deposit", AskedDeposit, self._deposit, "E-cash to the account")
        service.operation(
            "cash_use", AskedCoinServer, self._use, "Present every payment to this coin server"
        )
        service.at_start(self._resume)

    async def _resume(self) -> None:
        for order in self._purse.running():
            self.follow(order)

    def follow(self, order: Spending) -> None:
        run: dict[str, Callable[[Spending], Awaitable[Spending | None]]] = {
            "pay": self._carry_or_watch,
            "deposit": self._bring,
            "exchange": self._purse.exchange,
            "pend": self._purse.pend,
        }
        self._service.spawn(self._guarded(order, run[order.kind](order)))

    def _until(self) -> int:
        return self._party.now() + ORDER_MILLISECONDS

    async def _home(self, name: str) -> PartyId | None:
        return (await coin_server_named(self._party, name)).id if name else None

    # X1, X2

    async def _exchange(self, asked: AskedExchange, party: Party) -> dict[str, Any]:
        home = await self._home(asked.coin_server)
        coins = self._all_of_one_home(home) if not asked.amounts else None
        amounts = asked.amounts
        if coins is not None:
            amounts = (sum(held.coin.amount for held in coins),)
        chosen = coins or self._chosen(sum(amounts), home)
        rest = sum(held.coin.amount for held in chosen) - sum(amounts)
        outputs = (*amounts, rest) if rest else amounts
        wanted = Wanted("exchange", 0, None, None, self._until(), outputs)
        order = await self._purse.order(wanted, coins=chosen)
        self.follow(order)
        return {"transaction": order.transaction.hex()}

    def _all_of_one_home(self, home: PartyId | None) -> list[HeldCoin]:
        held = [h for h in self._purse.coins if h.state is CoinPhase.HELD]
        homes = {h.coin.coin_server for h in held if home in (None, h.coin.coin_server)}
        if not homes:
            raise NotEnoughCoins()
        richest = max(
            homes, key=lambda id_: sum(h.coin.amount for h in held if h.coin.coin_server == id_)
        )
        return [h for h in held if h.coin.coin_server == richest][:64]

    def _chosen(self, amount: int, home: PartyId | None) -> tuple[HeldCoin, ...]:
        return choose(self._purse.coins, amount, home)

    async def _guarded(self, order: Spending, work: Awaitable[Spending | None]) -> None:
        """What neither settled nor came back is kept for a judge."""
        try:
            await work
        except ProtocolError as error:
            get_log().error("order_unsettled", kind=order.kind, code=error.code)
            if not is_for_now(error):
                await self._purse.end(order.request, SpendingPhase.DISPUTED, error.code)

    # P1, P4, payer

    async def _pay(self, asked: AskedPayment, party: Party) -> dict[str, Any]:
        payee = await self._payee(asked.to)
        reference = bytes_from_hex(asked.reference, "reference") or party.fresh(32)
        if len(reference) != 32:
            raise InvalidRequest("a reference has 32 bytes")
        home = await self._home(asked.coin_server)
        wanted = Wanted("pay", asked.amount, payee, reference, self._until())
        order = await self._purse.order(wanted, home=home)
        self.follow(order)
        return {"transaction": order.transaction.hex()}

    async def _payee(self, to: str) -> PartyId:
        directory = self._party.directory
        is_id = len(to) == 64 and all(letter in "0123456789abcdef" for letter in to)
        card = await (directory.card(bytes.fromhex(to)) if is_id else directory.named(to))
        if card.role is not Role.PEER or card.id == self._party.id:
            raise UnknownParty(f"{to} is no other peer")
        return card.id

    async def _carry_or_watch(self, order: Spending) -> None:
        """An escrow server is paid in a sale's message, and presents the parcel itself."""
        assert order.payee is not None, "a payment has a payee"
        if await self._party.directory.role_of(order.payee) is Role.PEER:
            await self._carry(order)
        else:
            await self._purse.look_after(order)

    async def _carry(self, order: Spending) -> None:
        """P1 until the merchant answers or the order's time is over; then ask the coin server."""
        error: ProtocolError = UnknownParty("the merchant did not answer in time")
        until = spending.valid_until(order)
        delay = FIRST_DELAY_SECONDS
        while self._party.now() <= until:
            try:
                await self._paid(order, await self._send(order))
                return
            except ProtocolError as caught:
                error = caught
                if not is_for_now(caught):
                    break
            await asyncio.sleep(delay)
            delay = min(2 * delay, LONGEST_DELAY_SECONDS)
        await self._purse.not_carried_out(order, error)

    async def _send(self, order: Spending) -> Paid:
        key = self._purse.wallet.answer_key(order.index)
        assert order.payee is not None, "a payment has a payee"
        answer = await self._party.send(
            order.payee,
            rule.pay(order, key.public_key),
            order.transaction,
            Paid,
            opens_with=key,
        )
        return answer.message

    async def _paid(self, order: Spending, answer: Paid) -> None:
        """P4. A receipt or change that does not fit is the merchant's doing: P5 brings the rest."""
        receipt = rule.check_receipt(order, answer)
        await self._purse.settle(order.request, answer.change, receipt)

    # P1-P4, merchant

    async def _take(self, received: Opened[Pay], party: Party) -> Answer:
        """A repeat finds the record, and gets the same receipt and change."""
        record = await self._till.take(received.message, received.transaction, forgets=True)
        assert record.receipt is not None, "received with a receipt"
        return party.reply(received, Paid(record.receipt, record.change))

    # D1-D4

    async def _deposit(self, asked: AskedDeposit, party: Party) -> dict[str, Any]:
        bank = (await party.directory.one(Role.BANK_ACCOUNT_SERVER)).id
        home = await self._home(asked.coin_server)
        nonce = party.fresh(32)
        name = deposit_id(bank, party.id, nonce)
        wanted = Wanted("deposit", asked.amount, bank, name, self._until(), opening=nonce)
        order = await self._purse.order(wanted, home=home)
        self.follow(order)
        return {"transaction": order.transaction.hex()}

    async def _bring(self, order: Spending) -> None:
        """D1 until it is kept there; D4 comes by itself."""
        assert order.payee is not None, "a deposit names its bank"
        message = depositing.request_deposit(order)
        try:
            await ask_until_answered(self._party, order.payee, message, order.transaction, Received)
        except (Refused, MalformedMessage) as error:
            await self._purse.not_carried_out(order, error)

    async def _deposited(self, received: Opened[Deposited], party: Party) -> Answer:
        message = received.message
        order = self._deposit_of(message.deposit)
        if order.state is SpendingPhase.SIGNED:
            await self._take_deposited(received, order)
        async with party.store.transaction() as tx:
            return party.answer(tx, received, Received())

    def _deposit_of(self, name: bytes) -> Spending:
        order = self._purse.of_deposit(name)
        if order is None:
            raise UnknownDeposit()
        return order

    async def _take_deposited(self, received: Opened[Deposited], order: Spending) -> None:
        message, party, purse = received.message, self._party, self._purse
        if message.refusal is not None:
            require_sender(received.sender, order.payee or b"")
            error = error_from(message.refusal, "", "nothing-happened", message.evidence)
            self._service.spawn(self._guarded(order, purse.not_carried_out(order, error)))
            return
        async with party.store.transaction() as tx:
            done, coins = depositing.deposited(
                purse.load(order.request),
                message,
                received.sender,
                party.id,
                purse.wallet,
                party.guards,
            )
            purse.keep_settled(tx, done, coins)
            purse.evidence.keep_message(tx, received)

    # other

    async def _use(self, asked: AskedCoinServer, party: Party) -> dict[str, Any]:
        card = await coin_server_named(party, asked.coin_server)
        await self._till.choose(card.id)
        return {"coin_server": card.id.hex()}
