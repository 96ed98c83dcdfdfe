"""Paying for a sale and being paid with coins: the instrument "dht-coins" of buyer and seller.

The buyer pays the coins to the escrow server (that is the lock); the seller is paid them by it.
Each part happens once for a sale, however often it is asked for.
"""

import msgspec

from nodes.protocols.dht_micropayment.coin import MAX_COINS
from nodes.protocols.dht_micropayment.holding import CoinState
from nodes.protocols.dht_micropayment.refusals import RegisterIsWritten, WrongNumberOfCoins
from nodes.protocols.escrow_commerce.messages import PaymentBytes
from nodes.protocols.message import Amount, Milliseconds, Name, PartyId, TransactionId
from nodes.wallet.sale_payment import INSTRUMENT, read, written
from nodes.wallet.wallet import Wallet, is_spoilt

LOCKS_FIRST_SECONDS = 10.0
"""How long the escrow server has to write the lock before the buyer looks after its coins."""


class Paid(msgspec.Struct, frozen=True):
    """The buyer's record of one sale: which coins are committed to it."""

    escrow_server: PartyId
    coins: tuple[bytes, ...]


class CoinsOfPeer:
    name: Name = INSTRUMENT

    def __init__(self, wallet: Wallet) -> None:
        self._wallet = wallet
        self._party = wallet.party
        self._table = wallet.party.store.table("sales_paid", Paid)
        wallet.service.at_start(self._resume)

    async def _resume(self) -> None:
        for paid in self._table.values(self._party.store.committed):
            self._look_after(paid)

    def _look_after(self, paid: Paid) -> None:
        outgoing = [
            coin.key for coin in self._wallet.coins(paid.coins) if coin.state is CoinState.OUTGOING
        ]
        self._wallet.follower.follow(outgoing, after_seconds=LOCKS_FIRST_SECONDS)

    async def prepare(
        self,
        sale: TransactionId,
        escrow_server: PartyId,
        price: Amount,
        expires_after: Milliseconds,
    ) -> PaymentBytes:
        """Step 7. Raises NotEnoughCoins, or WrongNumberOfCoins past what one payment carries."""
        paid = self._table.get(self._party.store.committed, sale)
        if paid is None:
            paid = await self._commit(sale, escrow_server, price, expires_after)
        self._look_after(paid)
        return written(self._wallet.committed(paid.coins))

    async def _commit(
        self,
        sale: TransactionId,
        escrow_server: PartyId,
        price: Amount,
        expires_after: Milliseconds,
    ) -> Paid:
        if price > MAX_COINS:
            raise WrongNumberOfCoins(f"one payment has at most {MAX_COINS} coins")
        fit = self._wallet.can_pay(expires_after)
        coins = await self._wallet.reserve(price, fit, sale)
        keys = tuple(coin.key for coin in coins)
        try:
            async with self._party.store.transaction() as tx:
                paid = self._table.get(tx, sale)
                if paid is None:
                    self._wallet.commit(tx, keys, escrow_server, sale, sale)
                    paid = Paid(escrow_server, keys)
                    self._table.put(tx, sale, paid)
        finally:
            self._wallet.purse.let_go(coins)
        return paid

    async def take(self, sale: TransactionId, payment: PaymentBytes) -> Amount:
        """Steps 8b, 8r: as many coins as came. Raises Refused for what is no payment to us.

        They are this party's from here on: they are on its disk and followed to their end. One
        that is spoilt by then is refused.
        """
        transfers = read(payment)
        if not transfers:
            return 0
        wallet = self._wallet
        wallet.check(transfers, sale, wallet.receiver(lenient=True))
        async with self._party.store.transaction() as tx:
            keys = wallet.take_in(tx, transfers, sale)
        wallet.follower.follow(keys)
        await wallet.until_resolved(keys, wallet.write_seconds)
        if any(is_spoilt(coin) for coin in wallet.coins(keys)):
            raise RegisterIsWritten()
        return len(keys)
