"""Coins in escrow: the instrument "dht-coins" of the escrow server.

It is the payee of what the buyer pays in, and locked means: each coin is certified as its own.
Then it is their payer, to the seller or back to the buyer. The decision is written once, before
any of those steps is signed, and coins certified later follow it.
"""

from collections.abc import Sequence

import msgspec

from nodes.protocols.dht_micropayment.coin import Coin, payee_accepts_until, read_coin
from nodes.protocols.dht_micropayment.holding import CoinState
from nodes.protocols.dht_micropayment.step import read_step
from nodes.protocols.dht_micropayment.transfer import Transfer
from nodes.protocols.errors import Refused
from nodes.protocols.escrow_commerce.messages import PaymentBytes
from nodes.protocols.escrow_commerce.payment import Invalid, Locked, LockResult, Pending
from nodes.protocols.escrow_commerce.state import Decision, Lock, PayOut
from nodes.protocols.message import Milliseconds, Name, PartyId
from nodes.ring import Ring
from nodes.runtime.service import Service
from nodes.runtime.store import Transaction
from nodes.wallet.asking import is_for_now
from nodes.wallet.books import coin_rows
from nodes.wallet.sale_payment import INSTRUMENT, read, written
from nodes.wallet.wallet import Wallet, is_spoilt


class Held(msgspec.Struct, frozen=True):
    """The escrow server's record of one sale's coins."""

    coins: tuple[bytes, ...]
    """Keys of what the buyer paid in."""
    decision: Decision | None = None
    to: PartyId | None = None
    paid_out: tuple[bytes, ...] = ()
    """Of these the ones that were the escrow server's when it was decided: what `to` is paid."""


def install(service: Service, ring: Ring) -> "CoinsInEscrow":
    """`ring` comes from `nodes.wallet.trust.coin_ring`."""
    wallet = Wallet(service, ring)
    service.accounts_for(lambda: coin_rows(wallet.purse))
    return CoinsInEscrow(wallet)


class CoinsInEscrow:
    name: Name = INSTRUMENT

    def __init__(self, wallet: Wallet) -> None:
        self._wallet = wallet
        self._party = wallet.party
        self._table = wallet.party.store.table("sale_coins", Held)
        wallet.service.at_start(self._resume)

    async def _resume(self) -> None:
        for held in self._table.values(self._party.store.committed):
            self._follow_out(held)

    # step 7

    async def check(self, lock: Lock) -> LockResult:
        """Looks up whether each register is free, and leaves it so."""
        try:
            transfers = self._checked(lock)
        except Refused as error:
            return _refused(error)
        for transfer in transfers:
            name = read_step(transfer.record).name
            reading = await self._wallet.registers.look_up(name, lock.sale)
            if reading is None or reading.absent is None:
                return Pending("a register does not answer")
            if not reading.absent:
                return Invalid("dht_micropayment/register-is-written")
        coins = [read_coin(transfer.evidence.coin) for transfer in transfers]
        return Locked(len(coins), self._expires(coins))

    async def lock(self, lock: Lock) -> LockResult:
        """P3: on disk first, then certified coin by coin."""
        held = self._table.get(self._party.store.committed, lock.sale)
        if held is None:
            try:
                held = await self._take_in(lock)
            except Refused as error:
                return _refused(error)
        self._wallet.follower.follow(held.coins)
        await self._wallet.until_resolved(held.coins, self._wallet.write_seconds)
        return self._result(held)

    def _checked(self, lock: Lock) -> tuple[Transfer, ...]:
        """Lenient in time: the sale itself compares `expires` with its own end."""
        transfers = read(lock.payment)
        receiver = self._wallet.receiver(lenient=True, pays_on=True)
        self._wallet.check(transfers, lock.sale, receiver)
        return transfers

    async def _take_in(self, lock: Lock) -> Held:
        transfers = self._checked(lock)
        async with self._party.store.transaction() as tx:
            held = Held(self._wallet.take_in(tx, transfers, lock.sale))
            self._table.put(tx, lock.sale, held)
        return held

    def _result(self, held: Held) -> LockResult:
        coins = self._wallet.coins(held.coins)
        if any(is_spoilt(coin) for coin in coins):
            return Invalid("dht_micropayment/register-is-written")
        if any(coin.certificate is None for coin in coins):
            return Pending("not every coin is certified")
        return Locked(len(coins), self._expires([coin.coin for coin in coins]))

    def _expires(self, coins: Sequence[Coin]) -> Milliseconds | None:
        """Until when the next payee surely takes each of them."""
        quorum = self._wallet.quorum_milliseconds
        return min((payee_accepts_until(coin, quorum) for coin in coins), default=None)

    # steps 8b, 8r

    async def pay_out(self, order: PayOut) -> PaymentBytes | None:
        """The same bytes every time; None while a coin is still on its way in."""
        held = self._table.get(self._party.store.committed, order.sale) or Held(())
        if held.decision is None:
            coins = self._wallet.coins(held.coins)
            if any(coin.state is CoinState.INCOMING for coin in coins):
                self._wallet.follower.follow(held.coins)
                return None
            held = await self._decide(order)
        assert (held.decision, held.to) == (order.decision, order.to), "a sale is decided once"
        self._follow_out(held)
        return written(self._wallet.committed(held.paid_out))

    async def _decide(self, order: PayOut) -> Held:
        """The decision and the committed steps are on disk before anything is signed."""
        async with self._party.store.transaction() as tx:
            held = self._table.get(tx, order.sale) or Held(())
            if held.decision is not None:
                return held
            mine = tuple(key for key in held.coins if self._is_mine(tx, key))
            self._wallet.commit(tx, mine, order.to, order.sale, order.sale)
            held = Held(held.coins, order.decision, order.to, mine)
            self._table.put(tx, order.sale, held)
        return held

    def _is_mine(self, tx: Transaction, key: bytes) -> bool:
        return self._wallet.purse.load(tx, key).state is CoinState.HELD

    def _follow_out(self, held: Held) -> None:
        """The new payee writes these steps; where it is away, the escrow server does."""
        leaving = [
            coin.key
            for coin in self._wallet.coins(held.paid_out)
            if coin.state is CoinState.OUTGOING
        ]
        self._wallet.follower.follow(leaving, after_seconds=self._wallet.write_seconds)


def _refused(error: Refused) -> LockResult:
    """What this node cannot judge yet is not bad for that."""
    return Pending(error.code) if is_for_now(error) else Invalid(error.code)
