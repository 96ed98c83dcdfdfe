"""The bank's keys: one for each denomination, made at the first start, published once."""

import asyncio

import msgspec

from crypto.blind_signature import BlindPrivateKey
from crypto.documents import Signed
from crypto.rsa_private import ENGINES
from nodes.protocols.electronic_cash.coin import DenominationKey, KeyList, read_list
from nodes.protocols.electronic_cash.messages import KeysPublished, PublishKeys
from nodes.protocols.electronic_cash.withdrawal import Bank
from nodes.protocols.message import Role
from nodes.runtime.refusals import NotReady
from nodes.runtime.service import Service
from nodes.wallet.asking import ask_until_answered

DENOMINATIONS = tuple(2**power for power in range(10))
"""Powers of two: an amount below 1024 needs at most ten coins."""
PERIOD = 1


class _PrivateKey(msgspec.Struct, frozen=True):
    period: int
    denomination: int
    der: bytes


class Keys:
    def __init__(self, service: Service) -> None:
        self._service, self._party = service, service.party
        store = service.party.store
        self._table = store.table("denomination_keys", _PrivateKey)
        self._published = store.table("published_keys", Signed[KeyList])
        self._list: KeyList | None = None
        self.private: dict[bytes, BlindPrivateKey] = {}
        """By modulus."""
        service.awaits("denomination keys", lambda: self._list is not None)
        service.at_start(self._start)

    @property
    def bank(self) -> Bank:
        """Raises NotReady before the keys are published."""
        if self._list is None:
            raise NotReady("the denomination keys are not published yet")
        party = self._party
        return Bank(party.key, self._list, lambda: party.fresh(32), party.guards)

    async def until_there(self) -> Bank:
        """For what goes on from before a restart: its answer may come before the keys are read."""
        while self._list is None:
            await self._party.observer.changed()
        return self.bank

    async def _start(self) -> None:
        self._service.spawn(self._prepare())

    async def _prepare(self) -> None:
        keys = []
        for denomination in DENOMINATIONS:
            key = await self._load_or_make(denomination)
            self.private[key.public_key.encoded] = key
            keys.append(DenominationKey(PERIOD, denomination, key.public_key.encoded))
        self._list = await self._publish(tuple(keys))
        self._party.observer.notify()

    async def _load_or_make(self, denomination: int) -> BlindPrivateKey:
        """In a thread: making one takes as long as many messages."""
        name = PERIOD.to_bytes(4, "big") + denomination.to_bytes(8, "big")
        engine = ENGINES[self._party.settings.rsa]
        known = self._table.get(self._party.store.committed, name)
        if known is not None:
            return await asyncio.to_thread(BlindPrivateKey.from_der, known.der, engine=engine)
        key = await asyncio.to_thread(BlindPrivateKey.generate, engine=engine)
        async with self._party.store.transaction() as tx:
            self._table.put(tx, name, _PrivateKey(PERIOD, denomination, key.to_der()))
        return key

    async def _publish(self, keys: tuple[DenominationKey, ...]) -> KeyList:
        """Steps K1, K2."""
        party = self._party
        authority = (await party.directory.one(Role.CERTIFICATE_AUTHORITY)).id
        signed = self._published.get(party.store.committed, b"own")
        if signed is None or read_list(signed, authority, party.id).keys != keys:
            message, transaction = PublishKeys(keys), party.fresh_transaction()
            answer = await ask_until_answered(party, authority, message, transaction, KeysPublished)
            signed = answer.message.listed
            async with party.store.transaction() as tx:
                self._published.put(tx, b"own", signed)
        return read_list(signed, authority, party.id)
