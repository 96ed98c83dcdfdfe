"""Steps R1-R5, holder: a coin near its expiry, renewed without the broker."""

from typing import Any

from nodes.protocols.dht_micropayment.coin import chain, read_coin
from nodes.protocols.dht_micropayment.holding import CoinState, holding_key
from nodes.protocols.dht_micropayment.reissue import Renewal, RenewalState, begin_reissue
from nodes.protocols.message import TransactionId
from nodes.runtime.control import Request, bytes_from_hex
from nodes.runtime.party import Party
from nodes.wallet.registers import PROTOCOL
from nodes.wallet.wallet import Wallet


class AskedReissue(Request, frozen=True):
    chain: str
    """cid of the coin, hex."""


class Renewer:
    def __init__(self, wallet: Wallet) -> None:
        self._wallet = wallet
        self._party = wallet.party
        self.table = wallet.party.store.table("renewals", Renewal)
        service = wallet.service
        service.operation("reissue", AskedReissue, self._reissue, "Renew a coin near its expiry")
        service.at_start(self._resume)

    async def _reissue(self, asked: AskedReissue, party: Party) -> dict[str, Any]:
        wallet, transaction = self._wallet, party.fresh_transaction()
        coin = wallet.purse.held(bytes_from_hex(asked.chain, "chain", 32))
        begin_reissue(coin, party.now(), transaction, party.key, party.guards)  # may it be at all?
        await wallet.require_answer(coin, transaction)
        async with party.store.transaction() as tx:
            current = wallet.purse.load(tx, coin.key)
            begun = begin_reissue(current, party.now(), transaction, party.key, party.guards)
            assert begun.successor is not None, "a reissue makes a new coin"
            new = read_coin(begun.successor)
            wallet.purse.save(tx, begun)
            record = Renewal(
                RenewalState.COMMITTED, transaction, coin.key, holding_key(chain(new), 0)
            )
            self.table.put(tx, transaction, record)
        party.decided(
            PROTOCOL, "R2", "New coin", transaction, serial=new.serial, expires=new.expires
        )
        wallet.service.spawn(self._run(transaction))
        return {"transaction": transaction.hex()}

    async def _resume(self) -> None:
        for record in self.table.values(self._party.store.committed):
            if record.state is not RenewalState.RENEWED:
                self._wallet.service.spawn(self._run(record.transaction))

    async def _run(self, transaction: TransactionId) -> None:
        """R3, then R5: the follower writes both registers, this only tells how far it is."""
        record = self.table.get(self._party.store.committed, transaction)
        assert record is not None, "saved before it runs"
        purse, wallet = self._wallet.purse, self._wallet
        wallet.follower.follow((record.old,))
        await wallet.until(lambda: purse.get(record.new) is not None, None)
        await self._move(transaction, RenewalState.COMMITTED, RenewalState.CERTIFIED)
        wallet.follower.follow((record.new,))
        await wallet.until(lambda: self._is_held(record.new), None)
        await self._move(transaction, RenewalState.CERTIFIED, RenewalState.RENEWED)

    def _is_held(self, key: bytes) -> bool:
        coin = self._wallet.purse.get(key)
        return coin is not None and coin.state is not CoinState.INCOMING

    async def _move(
        self, transaction: TransactionId, since: RenewalState, to: RenewalState
    ) -> None:
        async with self._party.store.transaction() as tx:
            record = self.table.get(tx, transaction)
            assert record is not None, "a reissue is never forgotten"
            if record.state is since:
                self.table.put(tx, transaction, record.moved(to))
