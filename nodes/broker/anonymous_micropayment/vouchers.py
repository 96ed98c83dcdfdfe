"""V1-V6, broker: vouchers are signed blindly against an account, and each is taken once.

The keys (RSA, one for each denomination) are made when they are first asked for.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from crypto import codec
from crypto.blind_signature import BlindPrivateKey, BlindPublicKey
from crypto.codec import MalformedEncoding
from crypto.documents import Signed, sign_document
from crypto.rsa_private import ENGINES
from nodes.broker.accounts import Accounts
from nodes.protocols.anonymous_micropayment import messages as words
from nodes.protocols.anonymous_micropayment import voucher as rule
from nodes.protocols.anonymous_micropayment.messages import Blinded, Voucher, VoucherKeys
from nodes.protocols.anonymous_micropayment.refusals import VoucherNotGenuine
from nodes.protocols.envelope import Opened
from nodes.protocols.message import Amount
from nodes.runtime.party import Answer, Party
from nodes.runtime.service import Service
from nodes.runtime.store import Table, Transaction

_OWN = b"own"


class _Outstanding(msgspec.Struct, frozen=True):
    issued: Amount = 0
    taken: Amount = 0


class Vouchers:
    """An instrument of deposits (`name`, `receive`, `take`), and a service of its own."""

    name = "voucher"

    def __init__(self, service: Service, accounts: Accounts) -> None:
        self._party = service.party
        self._accounts = accounts
        store = service.party.store
        self._keys = store.table("pid_voucher_keys", bytes)
        """PKCS #8 by amount."""
        self._list = store.table("pid_voucher_key_list", Signed[VoucherKeys])
        self._spent = store.table("pid_vouchers_spent", bytes)
        """Serial -> what it was taken for."""
        self._outstanding = store.table("pid_vouchers_outstanding", _Outstanding)
        self._of_account = store.table("pid_vouchers_of_account", _Outstanding)
        """What each account was debited for them, and credited."""
        self._making = asyncio.Lock()
        self._private: dict[Amount, BlindPrivateKey] = {}
        service.handles(words.AskVoucherKeys, self._show_keys)
        service.handles(words.BuyVouchers, self._sell)
        service.handles(words.CashVouchers, self._cash)
        service.accounts_for(self._ledger)

    # the keys

    async def _private_keys(self) -> dict[Amount, BlindPrivateKey]:
        async with self._making:
            if not self._private:
                self._private = self._stored() or await self._make()
        return self._private

    def _stored(self) -> dict[Amount, BlindPrivateKey]:
        engine = ENGINES[self._party.settings.rsa]
        return {
            int.from_bytes(amount, "big"): BlindPrivateKey.from_der(der, engine=engine)
            for amount, der in self._keys.items(self._party.store.committed)
        }

    async def _make(self) -> dict[Amount, BlindPrivateKey]:
        party = self._party
        engine = ENGINES[party.settings.rsa]
        made = {
            amount: await asyncio.to_thread(BlindPrivateKey.generate, engine=engine)
            for amount in rule.DENOMINATIONS
        }
        keys = tuple(
            words.VoucherKey(amount, key.public_key.encoded) for amount, key in made.items()
        )
        async with party.store.transaction() as tx:
            for amount, key in made.items():
                self._keys.put(tx, amount.to_bytes(8, "big"), key.to_der())
            self._list.put(tx, _OWN, sign_document(VoucherKeys(party.id, keys), party.key))
        return made

    async def _public_keys(self) -> dict[Amount, BlindPublicKey]:
        return {amount: key.public_key for amount, key in (await self._private_keys()).items()}

    async def _show_keys(self, received: Opened[words.AskVoucherKeys], party: Party) -> Answer:
        """V1 -> V2."""
        await self._private_keys()
        listed = self._list.get(party.store.committed, _OWN)
        assert listed is not None, "it is saved with the keys"
        return party.reply(received, words.VoucherKeysGiven(listed))

    # out and in again

    async def sign(self, blinded: Sequence[Blinded]) -> tuple[bytes, ...]:
        """The signatures; they leave only when the amount is debited. Raises NoSuchDenomination."""
        return await asyncio.to_thread(rule.sign_blindly, blinded, await self._private_keys())

    def issued(self, tx: Transaction, amount: Amount) -> None:
        self._count(tx, self._outstanding, _OWN, issued=amount)

    async def _sell(self, received: Opened[words.BuyVouchers], party: Party) -> Answer:
        """V3 -> V4."""
        blinded = received.message.blinded
        signatures = await self.sign(blinded)
        async with party.store.transaction() as tx:
            amount = rule.total(blinded)
            self._accounts.debit(tx, received.sender, amount)
            self.issued(tx, amount)
            self._count(tx, self._of_account, received.sender, issued=amount)
            return party.answer(tx, received, words.VouchersSigned(signatures))

    async def _cash(self, received: Opened[words.CashVouchers], party: Party) -> Answer:
        """V5 -> V6."""
        keys = await self._public_keys()
        async with party.store.transaction() as tx:
            amount = self._spend(tx, received.message.vouchers, keys, received.identity)
            self._accounts.credit(tx, received.sender, amount)
            self._count(tx, self._of_account, received.sender, taken=amount)
            return party.answer(tx, received, words.VouchersCashed(amount))

    def _spend(
        self,
        tx: Transaction,
        vouchers: Sequence[Voucher],
        keys: dict[Amount, BlindPublicKey],
        purpose: bytes,
    ) -> Amount:
        serials = {voucher.serial for voucher in vouchers}
        spent = frozenset(s for s in serials if self._spent.get(tx, s) is not None)
        amount = rule.check_vouchers(vouchers, keys, self._party.id, spent)
        for serial in serials:
            self._spent.put(tx, serial, purpose)
        self._count(tx, self._outstanding, _OWN, taken=amount)
        return amount

    @staticmethod
    def _count(
        tx: Transaction,
        table: Table[_Outstanding],
        key: bytes,
        issued: Amount = 0,
        taken: Amount = 0,
    ) -> None:
        known = table.get(tx, key) or _Outstanding()
        table.put(tx, key, _Outstanding(known.issued + issued, known.taken + taken))

    # as an instrument of deposits

    async def receive(self, deposit: bytes, payment: bytes) -> None:
        """Nothing has to be asked of anybody; the keys are ready when this returns."""
        await self._private_keys()

    def take(self, tx: Transaction, deposit: bytes, payment: bytes) -> Amount:
        """Raises VoucherNotGenuine or VoucherSpent."""
        try:
            vouchers = codec.decode(payment, tuple[Voucher, ...])
        except MalformedEncoding as error:
            raise VoucherNotGenuine(str(error)) from error
        if not 0 < len(vouchers) <= words.MAX_VOUCHERS:
            raise VoucherNotGenuine(f"{len(vouchers)} vouchers")
        keys = {amount: key.public_key for amount, key in self._private.items()}
        return self._spend(tx, vouchers, keys, deposit)

    def _ledger(self) -> dict[str, Any]:
        """`outstanding`: what vouchers in somebody's hands are worth."""
        reader = self._party.store.committed
        known = self._outstanding.get(reader, _OWN) or _Outstanding()
        return {
            "vouchers": {
                "issued": known.issued,
                "taken": known.taken,
                "outstanding": known.issued - known.taken,
            },
            "voucher_accounts": [
                {"owner": owner.hex(), "issued": one.issued, "taken": one.taken}
                for owner, one in self._of_account.items(reader)
            ],
        }
