"""Brings each coin to its certificate, however long that takes and however often this node dies.

An incoming coin is put until a quorum has certified it, or it can never be. An outgoing one is the
payee's to put; it is followed from here when the payee is silent, and at once where this party
itself is the one to write it (a reissue). Puts are idempotent, so following twice does no harm.
"""

import asyncio
from collections.abc import Iterable, Sequence

from crypto import codec
from dht.node import Reading, Written
from dht.records import Body, Put, Record
from nodes.protocols.dht_micropayment import holding as rule
from nodes.protocols.dht_micropayment.coin import witnesses_accept_until
from nodes.protocols.dht_micropayment.fraud import make_report
from nodes.protocols.dht_micropayment.holding import CoinState, Holding
from nodes.protocols.dht_micropayment.reissue import complete_reissue
from nodes.protocols.dht_micropayment.step import read_step
from nodes.ring import Ring
from nodes.runtime.party import Party
from nodes.runtime.service import Service
from nodes.runtime.store import Transaction
from nodes.wallet.purse import Purse
from nodes.wallet.registers import CoinRegisters
from nodes.wallet.trust import CoinTrust

FIRST_DELAY_SECONDS = 0.1
LONGEST_DELAY_SECONDS = 2.0

WRITE_STEPS = {"pay": "P3", "reissue": "R3", "redeem": "D3"}


class Follower:
    def __init__(
        self, service: Service, ring: Ring, purse: Purse, registers: CoinRegisters, trust: CoinTrust
    ) -> None:
        self._service = service
        self._party: Party = service.party
        self._ring = ring
        self._purse = purse
        self._registers = registers
        self._trust = trust
        self._following: set[bytes] = set()
        self.found_absent: set[bytes] = set()
        """Coins whose place a look-up found free (step P2), since this node started."""
        service.at_start(self._resume)

    async def _resume(self) -> None:
        self.follow(coin.key for coin in self._purse if is_ours_to_write(coin))

    def follow(self, keys: Iterable[bytes], *, after_seconds: float = 0.0) -> None:
        """Until these coins are certified or lost; each is followed once at a time."""
        for key in keys:
            if key not in self._following:
                self._following.add(key)
                self._service.spawn(self._follow(key, after_seconds))

    async def _follow(self, key: bytes, after_seconds: float) -> None:
        try:
            await asyncio.sleep(after_seconds)
            await self._registers.ready()
            delay = FIRST_DELAY_SECONDS
            while (coin := self._purse.get(key)) is not None and is_moving(coin):
                if not await self._try(coin):
                    return
                if (left := self._purse.get(key)) is not None and is_moving(left):
                    await asyncio.sleep(delay)
                    delay = min(2 * delay, LONGEST_DELAY_SECONDS)
        finally:
            self._following.discard(key)

    async def _try(self, coin: Holding) -> bool:
        """One look-up or write; whether it is worth trying again."""
        if coin.state is CoinState.OUTGOING:
            return await self._settle(coin)
        if coin.step.index > 0 and coin.key not in self.found_absent:
            await self._look_up(coin)
        latest = self._purse.get(coin.key)
        if latest is None or latest.state is not CoinState.INCOMING:
            return False
        return await self._certify(latest)

    # a coin that comes

    async def _look_up(self, coin: Holding) -> None:
        """P2: is the place taken? A certified rival ends it; anything less is told by the put."""
        reading = await self._registers.look_up(coin.step.name, coin.transaction)
        if reading is None:
            return
        if _shows_nothing_else(reading, coin):
            self.found_absent.add(coin.key)
            self._party.observer.notify()
        elif reading.certificate is not None:
            await self._contest(coin, (reading.certificate.record,), is_lost=True)

    async def _certify(self, coin: Holding) -> bool:
        """W3, P3, R5."""
        step = "P3"
        if coin.step.index == 0:
            step = "W3" if coin.coin.generation == 0 else "R5"
        evidence = codec.encode(coin.evidence)
        put = Put(coin.record, coin.predecessor, evidence)
        written = await self._registers.write(step, coin.step, put, coin.transaction)
        if written is None:
            return True
        if written.certificate is not None:
            async with self._party.store.transaction() as tx:
                held = self._purse.load(tx, coin.key)
                if held.state is CoinState.INCOMING:
                    held = rule.certified(held, written.certificate)
                self._save_contested(tx, held, written.conflicts)
            return False
        is_lost = self._is_hopeless(coin.step, coin, written)
        await self._contest(coin, written.conflicts, is_lost=is_lost)
        return True

    async def _contest(self, coin: Holding, rivals: Sequence[Record], *, is_lost: bool) -> None:
        """Keep the rivals shown, tell the broker, and end what cannot come any more."""
        if not is_lost and not rivals:
            return
        async with self._party.store.transaction() as tx:
            current = self._purse.load(tx, coin.key)
            if current.state is not CoinState.INCOMING:
                return
            if is_lost:
                current = rule.lost(current)
            self._save_contested(tx, current, rivals)

    def _save_contested(self, tx: Transaction, coin: Holding, rivals: Sequence[Record]) -> None:
        contested = rule.contested(coin, rivals)
        self._report(tx, coin, contested)
        self._purse.save(tx, contested)

    def _report(self, tx: Transaction, before: Holding, after: Holding) -> None:
        """F1: each rival by the same payer convicts it."""
        if after.predecessor is None:
            return
        for rival in after.rivals[len(before.rivals) :]:
            if read_step(rival).payer != after.step.payer:
                continue
            report = make_report(after.record, rival, after.predecessor, after.evidence)
            for broker in self._trust.brokers():
                self._party.post(tx, broker, report, after.transaction)

    def _is_hopeless(self, body: Body, coin: Holding, written: Written) -> bool:
        """No quorum can come: too many votes went elsewhere, or the coin's time is over."""
        roster = self._ring.dht.roster
        if roster is None:
            return False
        if written.conflicts and len(written.votes) + len(written.silent) < roster.q:
            return True
        until = witnesses_accept_until(coin.coin, body.kind)
        return self._party.now() > until and len(written.refusals) > roster.k - roster.q

    # a coin that goes

    async def _settle(self, coin: Holding) -> bool:
        """P3, R3, D3 from the payer's side."""
        body, transfer = coin.committed, rule.sign_committed(coin, self._party.key)
        assert body is not None, "an outgoing coin is committed"
        transaction = coin.leaves_by or coin.transaction
        put = Put(transfer.record, transfer.predecessor, codec.encode(transfer.evidence))
        written = await self._registers.write(WRITE_STEPS[body.kind], body, put, transaction)
        if written is None:
            return True
        if written.certificate is None:
            return not self._is_hopeless(body, coin, written)
        async with self._party.store.transaction() as tx:
            current = self._purse.load(tx, coin.key)
            if current.state is not CoinState.OUTGOING:
                return False
            settled = rule.settled(current, written.certificate)
            self._purse.save(tx, settled)
            renewed = self._renewed(tx, settled)
        self.follow(renewed)
        return False

    def _renewed(self, tx: Transaction, settled: Holding) -> tuple[bytes, ...]:
        """R4: with the reissue certified the new coin is good, and its opening is next."""
        if settled.successor is None:
            return ()
        new = complete_reissue(settled)
        self._purse.save(tx, new)
        return (new.key,)


def is_moving(coin: Holding) -> bool:
    return coin.state in (CoinState.INCOMING, CoinState.OUTGOING)


def is_ours_to_write(coin: Holding) -> bool:
    """What this party follows by itself; what it pays out is for the payment to follow."""
    if coin.state is CoinState.OUTGOING:
        return coin.committed is not None and coin.committed.kind == "reissue"
    return coin.state is CoinState.INCOMING


def _shows_nothing_else(reading: Reading, coin: Holding) -> bool:
    mine = coin.record.digest
    if reading.certificate is not None and reading.certificate.record.digest != mine:
        return False
    return all(seen.record.digest == mine for seen in reading.records)
