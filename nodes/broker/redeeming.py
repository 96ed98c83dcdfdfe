"""Steps D1, D2, broker: coins come back, each ends its chain and is credited once.

D1 is on disk before a register is written. The credit, the mark on (U, sn) and the state of the
redemption change in one transaction, when the last step is certified.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from crypto import codec
from dht.node import Written
from dht.records import Put
from nodes.broker.accounts import Accounts
from nodes.broker.fraud import FrozenCoins, identity_of
from nodes.broker.issuing import Issuer
from nodes.protocols.dht_micropayment import redemption as rule
from nodes.protocols.dht_micropayment.coin import closes_at, read_coin
from nodes.protocols.dht_micropayment.fraud import check_report, make_report
from nodes.protocols.dht_micropayment.messages import Redeem
from nodes.protocols.dht_micropayment.redemption import RedeemedState, Redemption
from nodes.protocols.dht_micropayment.step import Step, read_step
from nodes.protocols.dht_micropayment.transfer import Receiver, Transfer
from nodes.protocols.envelope import Opened
from nodes.protocols.errors import Refused
from nodes.ring import Ring
from nodes.runtime.party import Answer, Party
from nodes.runtime.service import Service
from nodes.runtime.store import Transaction
from nodes.wallet.registers import PROTOCOL, CoinRegisters
from nodes.wallet.trust import CoinTrust

ANSWER_SECONDS = 3.0
FIRST_DELAY_SECONDS = 0.1
LONGEST_DELAY_SECONDS = 2.0


class Redeemer:
    def __init__(
        self,
        service: Service,
        ring: Ring,
        registers: CoinRegisters,
        trust: CoinTrust,
        accounts: Accounts,
        issuer: Issuer,
        frozen: FrozenCoins,
    ) -> None:
        self._service = service
        self._party = service.party
        self._ring = ring
        self._registers = registers
        self._trust = trust
        self._accounts = accounts
        self._issuer = issuer
        self._frozen = frozen
        store = service.party.store
        self._table = store.table("redemptions", Redemption)
        """By the digest of the step that redeems."""
        self._credited = store.table("credited", bytes)
        """(U, sn) -> the redemption that was credited."""
        self._following: set[bytes] = set()
        service.handles(Redeem, self._redeem)
        service.at_start(self._resume)
        service.accounts_for(self._ledger)
        service.shows(self)

    # D1

    async def _redeem(self, received: Opened[Redeem], party: Party) -> Answer:
        message = received.message
        receiver = Receiver(party.id, party.now(), int(self._ring.write_seconds * 1000))
        steps = rule.check_redeem(message, receiver, self._trust.now())
        async with party.store.transaction() as tx:
            records = self._accept(tx, steps, message.transfers, received.transaction)
            for record in records:
                self._table.put(tx, record.value, record)
        self._follow(record.value for record in records)
        return await self._answer(received, [record.value for record in records], party)

    def _accept(
        self,
        tx: Transaction,
        steps: Sequence[Step],
        transfers: Sequence[Transfer],
        transaction: bytes,
    ) -> list[Redemption]:
        """Each coin against the books; the first refusal is raised only if no coin is good."""
        records, refusals = [], []
        for step, transfer in zip(steps, transfers, strict=True):
            known = self._table.get(tx, transfer.record.digest)
            try:
                records.append(known or self._accept_one(tx, step, transfer, transaction))
            except Refused as error:
                refusals.append(error)
                records.append(rule.refused(step, transfer, transaction))
        if len(refusals) == len(records):
            raise refusals[0]
        return records

    def _accept_one(
        self, tx: Transaction, step: Step, transfer: Transfer, transaction: bytes
    ) -> Redemption:
        coin = step.coin
        return rule.accept(
            step,
            transfer,
            transaction,
            issued=self._issuer.find(tx, coin.serial),
            credited=self._credited_before(tx, coin.owner, coin.serial),
            frozen=self._frozen.find(tx, coin),
        )

    def _credited_before(self, tx: Transaction, owner: bytes, serial: int) -> Redemption | None:
        value = self._credited.get(tx, identity_of(owner, serial))
        return None if value is None else self._table.get(tx, value)

    # D2

    async def _answer(
        self, received: Opened[Redeem], values: Sequence[bytes], party: Party
    ) -> Answer:
        """As soon as no coin is pending, or after a while with those that still are."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                while any(record.state is RedeemedState.PENDING for record in self._all(values)):
                    await party.observer.changed()
        except TimeoutError:
            return party.reply(received, rule.redeemed(self._all(values)))
        async with party.store.transaction() as tx:
            return party.answer(tx, received, rule.redeemed(self._all(values)))

    def _all(self, values: Sequence[bytes]) -> tuple[Redemption, ...]:
        return tuple(self._load(value) for value in values)

    def _load(self, value: bytes) -> Redemption:
        record = self._table.get(self._party.store.committed, value)
        assert record is not None, "a redemption is never forgotten"
        return record

    # the register

    async def _resume(self) -> None:
        self._follow(
            value
            for value, record in self._table.items(self._party.store.committed)
            if record.state is RedeemedState.PENDING
        )

    def _follow(self, values: Any) -> None:
        for value in list(values):
            if value not in self._following:
                self._following.add(value)
                self._service.spawn(self._bring_to_end(value))

    async def _bring_to_end(self, value: bytes) -> None:
        delay = FIRST_DELAY_SECONDS
        try:
            await self._registers.ready()
            while (record := self._load(value)).state is RedeemedState.PENDING:
                if await self._write(record):
                    return
                await asyncio.sleep(delay)
                delay = min(2 * delay, LONGEST_DELAY_SECONDS)
        finally:
            self._following.discard(value)

    async def _write(self, record: Redemption) -> bool:
        """D3; whether the redemption has ended."""
        transfer = record.transfer
        put = Put(transfer.record, transfer.predecessor, codec.encode(transfer.evidence))
        body = read_step(transfer.record)
        written = await self._registers.write("D3", body, put, record.transaction)
        if written is None:
            return False
        if written.certificate is None and not self._is_hopeless(record, written):
            return False
        async with self._party.store.transaction() as tx:
            self._end(tx, record, written)
        return True

    def _is_hopeless(self, record: Redemption, written: Written) -> bool:
        roster = self._ring.dht.roster
        if roster is None:
            return False
        if written.conflicts and len(written.votes) + len(written.silent) < roster.q:
            return True
        over = self._party.now() > closes_at(read_coin(record.transfer.evidence.coin))
        return over and len(written.refusals) > roster.k - roster.q

    def _end(self, tx: Transaction, record: Redemption, written: Written) -> None:
        for rival in written.conflicts:
            self._judge(tx, record.transfer, rival)
        if written.certificate is None:
            ended = rule.refuse(record)
        else:
            before = self._credited_before(tx, record.owner, record.serial)
            ended = rule.credit(record, written.certificate, before)
        self._table.put(tx, record.value, ended)
        if ended.state is RedeemedState.CREDITED:
            self._credited.put(tx, identity_of(record.owner, record.serial), record.value)
            self._accounts.credit(tx, record.to, 1)

    def _judge(self, tx: Transaction, transfer: Transfer, rival: Any) -> None:
        """F1 by the broker's own eyes."""
        report = make_report(transfer.record, rival, transfer.predecessor, transfer.evidence)
        try:
            self._frozen.freeze(tx, check_report(report, self._trust.now()))
        except Refused:
            return  # it convicts nobody

    # inspection

    def summaries(self) -> list[dict[str, Any]]:
        return self._rows(b"")

    def details(self, transaction: bytes) -> list[dict[str, Any]]:
        return self._rows(transaction)

    def _rows(self, transaction: bytes) -> list[dict[str, Any]]:
        """One row a coin; its transaction is the holder's."""
        return [
            {
                "id": record.transaction.hex(),
                "protocol": PROTOCOL,
                "side": "broker",
                "state": record.state.value,
                "final": record.state is not RedeemedState.PENDING,
                "reason": "",
                "owner": record.owner.hex(),
                "serial": record.serial,
                "to": record.to.hex(),
            }
            for record in self._table.values(self._party.store.committed)
            if not transaction or record.transaction == transaction
        ]

    def _ledger(self) -> dict[str, Any]:
        return {
            "redeemed": [
                {"owner": r.owner.hex(), "serial": r.serial, "to": r.to.hex()}
                for r in self._table.values(self._party.store.committed)
                if r.state is RedeemedState.CREDITED
            ]
        }
