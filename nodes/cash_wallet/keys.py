"""Which bank this world has, and which keys it signs coins with: steps K3, K4."""

import asyncio

from crypto.documents import Signed
from nodes.protocols.electronic_cash.coin import KeyList, read_list
from nodes.protocols.electronic_cash.messages import Keys, KeysQuery
from nodes.protocols.electronic_cash.refusals import NoKeysYet
from nodes.protocols.errors import OutcomeUnknown, Refused
from nodes.protocols.message import PartyId, Role
from nodes.runtime.party import Party
from nodes.runtime.refusals import UnknownParty
from nodes.wallet.asking import FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS, is_for_now

_KEY = b"list"


class PublishedKeys:
    """The list is asked for at the authority, never at the bank, and kept."""

    def __init__(self, party: Party) -> None:
        self._party = party
        self._table = party.store.table("cash_keys", Signed[KeyList])
        self._bank = party.store.table("cash_bank", PartyId)
        self._list: KeyList | None = None

    @property
    def there(self) -> bool:
        return self._list is not None

    @property
    def list(self) -> KeyList:
        """Raises NoKeysYet."""
        if self._list is None:
            raise NoKeysYet()
        return self._list

    @property
    def signed(self) -> Signed[KeyList] | None:
        """As the authority signed it."""
        found = self._table.values(self._party.store.committed)
        return found[0] if found else None

    async def load(self) -> KeyList:
        """From disk or from the authority. Raises NoKeysYet, UnknownParty, OutcomeUnknown."""
        if self._list is None:
            party = self._party
            bank = (await party.directory.one(Role.BANK_ACCOUNT_SERVER)).id
            authority = (await party.directory.one(Role.CERTIFICATE_AUTHORITY)).id
            signed = self._table.get(party.store.committed, bank)
            if signed is None:
                signed = await self._ask(authority, bank)
            self._list = read_list(signed, authority, bank)
        return self._list

    async def _ask(self, authority: PartyId, bank: PartyId) -> Signed[KeyList]:
        party = self._party
        transaction = party.fresh_transaction()
        answer = await party.send(authority, KeysQuery(bank), transaction, Keys)
        signed = answer.message.listed
        if signed is None:
            raise NoKeysYet()
        read_list(signed, authority, bank)
        async with party.store.transaction() as tx:
            self._table.put(tx, bank, signed)
        return signed

    async def until_there(self) -> KeyList:
        """For a coin server, which is of no use before."""
        delay = FIRST_DELAY_SECONDS
        while True:
            try:
                return await self.load()
            except (OutcomeUnknown, Refused) as error:
                if not is_for_now(error) and not isinstance(error, NoKeysYet | UnknownParty):
                    raise
            await asyncio.sleep(delay)
            delay = min(2 * delay, LONGEST_DELAY_SECONDS)
