"""Steps Q1r, P1-P3, B1, payee: taking a payment in, deciding once, giving back.

A payment is on disk before any of its coins is put. It is answered when it is decided or after a
while; whoever asks again with the same message hears how it stands by then.
"""

from nodes.protocols.dht_micropayment import holding as holdings
from nodes.protocols.dht_micropayment import payment as rule
from nodes.protocols.dht_micropayment.holding import CoinState, holding_key
from nodes.protocols.dht_micropayment.messages import (
    AskQuote,
    GiveBack,
    Payment,
    QuoteGiven,
)
from nodes.protocols.dht_micropayment.payment import Incoming, PayeeState
from nodes.protocols.dht_micropayment.refusals import QuoteIsNotYours
from nodes.protocols.dht_micropayment.step import read_step
from nodes.protocols.dht_micropayment.transfer import Transfer
from nodes.protocols.envelope import Opened
from nodes.protocols.message import PartyId, Received, TransactionId
from nodes.runtime.party import Answer, Party
from nodes.runtime.store import Transaction
from nodes.wallet.wallet import Wallet

ANSWER_SECONDS = 3.0
"""How long P1 waits for its coins before it is answered "pending"; less than one call takes."""
ENDED = (PayeeState.DELIVERED, PayeeState.CANCELLED)


def key_of(transaction: TransactionId, payer: PartyId) -> bytes:
    """A payer's transaction; two payers cannot meet in one."""
    return transaction + payer


class Payee:
    def __init__(self, wallet: Wallet) -> None:
        self._wallet = wallet
        self._party = wallet.party
        self.table = wallet.party.store.table("payments_in", Incoming)
        for payment in self.table.values(wallet.party.store.committed):
            if payment.state is not PayeeState.DELIVERED:
                wallet.purse.hold_back(payment.coins)
        service = wallet.service
        service.handles(AskQuote, self._quote)
        service.handles(Payment, self._take)
        service.handles(GiveBack, self._take_back)
        service.at_start(self._resume)

    # Q1r

    async def _quote(self, received: Opened[AskQuote], party: Party) -> Answer:
        key = key_of(received.transaction, received.sender)
        seconds = party.settings.offer_seconds
        async with party.store.transaction() as tx:
            known = self.table.get(tx, key)
            if known is not None:
                raise QuoteIsNotYours("this transaction has another quote")
            deadline = party.now() + int(seconds * 1000)
            quoted = rule.give_quote(
                received.message, received.sender, received.transaction, deadline, party.key
            )
            self.table.put(tx, key, quoted)
            return party.answer(tx, received, QuoteGiven(quoted.quote))

    # P1

    async def _take(self, received: Opened[Payment], party: Party) -> Answer:
        key = key_of(received.transaction, received.sender)
        known = self.table.get(party.store.committed, key)
        rule.check_payment(
            received.message,
            known,
            received.sender,
            self._wallet.receiver(),
            self._wallet.trust.now(),
        )
        await self._keep(key, received, party)
        await self._wallet.until(lambda: self._would_decide(key), ANSWER_SECONDS)
        async with party.store.transaction() as tx:
            payment = self._decide_now(tx, key)
            answer = rule.report(payment, party.key)
            if payment.state in ENDED:
                return party.answer(tx, received, answer)
        return party.reply(received, answer)

    async def _keep(self, key: bytes, received: Opened[Payment], party: Party) -> None:
        transfers = received.message.transfers
        async with party.store.transaction() as tx:
            known = self.table.get(tx, key)
            assert known is not None, "checked before"
            if known.state is not PayeeState.QUOTED:
                return
            coins = self._wallet.take_in(tx, transfers, received.transaction)
            self.table.put(tx, key, rule.take_in(known, transfers, coins, party.now()))
        self._wallet.purse.hold_back(coins)
        self._go_on(key)

    def _load(self, key: bytes) -> Incoming:
        payment = self.table.get(self._party.store.committed, key)
        assert payment is not None, "a payment is never forgotten"
        return payment

    # P3

    async def _resume(self) -> None:
        for key, payment in self.table.items(self._party.store.committed):
            if payment.coins and payment.state is not PayeeState.DELIVERED:
                self._go_on(key)

    def _go_on(self, key: bytes) -> None:
        self._wallet.follower.follow(
            coin.key
            for coin in self._wallet.coins(self._load(key).coins)
            if coin.state is CoinState.INCOMING
        )
        self._wallet.service.spawn(self._conclude(key))

    async def _conclude(self, key: bytes) -> None:
        """Decide as soon as there is something to decide; after a cancellation, give back."""
        while (payment := await self._decide(key)).state not in ENDED:
            left = payment.quoted.deadline - self._party.now()
            await self._wallet.until(
                lambda: self._would_decide(key), seconds=max(left, 0) / 1000 + 0.001
            )
        if payment.state is PayeeState.CANCELLED:
            await self._give_back(key, payment)

    def _would_decide(self, key: bytes) -> bool:
        payment = self._load(key)
        return payment.state in ENDED or self._decided(payment) != payment

    def _decided(self, payment: Incoming) -> Incoming:
        progress = self._wallet.progress(payment.coins)
        return rule.decide(payment, progress, self._party.now(), self._party.guards)

    async def _decide(self, key: bytes) -> Incoming:
        payment = self._load(key)
        if self._decided(payment) == payment:
            return payment
        async with self._party.store.transaction() as tx:
            return self._decide_now(tx, key)

    def _decide_now(self, tx: Transaction, key: bytes) -> Incoming:
        """Whoever comes first, the answer to P1 or the one that goes on without it."""
        current = self.table.get(tx, key)
        assert current is not None, "a payment is never forgotten"
        decided = self._decided(current)
        if decided == current:
            return current
        self.table.put(tx, key, decided)
        if decided.state is PayeeState.DELIVERED:
            tx.after_commit.append(lambda: self._wallet.purse.release(decided.coins))
        return decided

    # B1

    async def _give_back(self, key: bytes, payment: Incoming) -> None:
        """Each coin goes back as soon as it is certified, until none is on its way any more."""
        while (states := self._states(payment)) & {CoinState.INCOMING, CoinState.HELD}:
            if CoinState.HELD in states:  # also one that came while others were given back
                await self._give_back_held(payment, key[len(payment.transaction) :])
            else:
                await self._wallet.until(lambda: self._states(payment) != states, None)
        leaving = [c.key for c in self._coins(payment) if c.state is CoinState.OUTGOING]
        self._wallet.follower.follow(leaving, after_seconds=self._wallet.write_seconds)

    def _coins(self, payment: Incoming) -> tuple[holdings.Holding, ...]:
        return self._wallet.coins(payment.coins)

    def _states(self, payment: Incoming) -> set[CoinState]:
        return {coin.state for coin in self._coins(payment)}

    async def _give_back_held(self, payment: Incoming, payer: PartyId) -> None:
        held = [coin.key for coin in self._coins(payment) if coin.state is CoinState.HELD]
        order, transaction = payment.quoted.order, payment.transaction
        async with self._party.store.transaction() as tx:
            coins = self._wallet.commit(tx, held, payer, order, transaction)
            message = GiveBack(order, self._wallet.sign(coins))
            self._party.post(tx, payer, message, transaction)
        self._wallet.purse.release(held)

    async def _take_back(self, received: Opened[GiveBack], party: Party) -> Answer:
        """B1, payer of a cancelled payment: its coins come back, as new steps of theirs."""
        message, wallet = received.message, self._wallet
        receiver = wallet.receiver(lenient=True)
        rule.check_given_back(message, received.sender, receiver, wallet.trust.now())
        async with party.store.transaction() as tx:
            for transfer in message.transfers:
                self._settle_own(tx, transfer)
            keys = wallet.take_in(tx, message.transfers, received.transaction)
            answer = party.answer(tx, received, Received())
        wallet.follower.follow(keys)
        return answer

    def _settle_own(self, tx: Transaction, transfer: Transfer) -> None:
        """The step before the one that brings a coin back is the one this party paid it by."""
        body = read_step(transfer.record)
        if body.index < 2:
            return
        mine = self._wallet.purse.read(tx, holding_key(body.chain, body.index - 2))
        if mine is None or mine.state is not CoinState.OUTGOING:
            return
        if mine.committed == read_step(transfer.predecessor.record):
            self._wallet.purse.save(tx, holdings.settled(mine, transfer.predecessor))
