"""All coins again from the seed alone: the bank knows each withdrawal by its nonce, a coin server
each coin in circulation by its one-time key (section 3.2 names lost coins as a danger)."""

from typing import Any

from nodes.cash_wallet.keys import PublishedKeys
from nodes.cash_wallet.purse import Purse
from nodes.peer.cash_withdrawing import Withdrawer
from nodes.protocols.electronic_cash import spending as rule
from nodes.protocols.electronic_cash import withdrawal
from nodes.protocols.electronic_cash.coin import KeyList
from nodes.protocols.electronic_cash.holding import HeldCoin, Path
from nodes.protocols.electronic_cash.messages import WithdrawalState
from nodes.protocols.electronic_cash.wallet import GAP, PLACES_SEARCHED, recovered
from nodes.protocols.message import PartyId, Role
from nodes.runtime.control import Request
from nodes.runtime.party import Party
from nodes.runtime.service import Service


class AskedRecovery(Request, frozen=True):
    pass


class Recovery:
    def __init__(
        self, service: Service, purse: Purse, keys: PublishedKeys, withdrawer: Withdrawer
    ) -> None:
        self._party, self._purse = service.party, purse
        self._keys, self._withdrawer = keys, withdrawer
        service.operation(
            "cash_recover", AskedRecovery, self._recover, "Find every coin again from the seed"
        )

    async def _recover(self, asked: AskedRecovery, party: Party) -> dict[str, Any]:
        """Index by index, until nothing is known under many in a row."""
        keys = await self._keys.load()
        servers = [card.id for card in await party.directory.find(Role.COIN_SERVER)]
        transaction = party.fresh_transaction()
        coins, amount, index, missed = 0, 0, 1, 0
        while missed < GAP:
            known, found = await self._search(index, keys, servers, transaction)
            missed = 0 if known else missed + 1
            async with party.store.transaction() as tx:
                if known:
                    self._purse.used_up_to(tx, index)
                for held in found:
                    new = self._purse.add(tx, [held])
                    coins += new
                    amount += new * held.coin.amount
            index += 1
        return {"transaction": transaction.hex(), "coins": coins, "amount": amount}

    async def _search(
        self, index: int, keys: KeyList, servers: list[PartyId], transaction: bytes
    ) -> tuple[bool, list[HeldCoin]]:
        """Whether the index was used, and the coins under it that circulate."""
        state = await self._withdrawer.ask_bank(self._purse.wallet.nonce(index), keys)
        if state is not None:
            return True, await self._withdrawn(index, state, keys, transaction)
        found = []
        for server in servers:
            for place in range(PLACES_SEARCHED):
                path = Path(index, place)
                answer = await self._purse.find(server, path)
                held = rule.found(answer, self._purse.wallet, path, server)
                if held is not None:
                    found.append(held)
        return bool(found), found

    async def _withdrawn(
        self, index: int, state: WithdrawalState, keys: KeyList, transaction: bytes
    ) -> list[HeldCoin]:
        party, wallet = self._party, self._purse.wallet
        record = recovered(wallet, index, party.id, keys.bank, state, transaction)
        if record is None or state.delivery is None:
            return []
        _, coins = withdrawal.receive(record, state.delivery, wallet, keys, party.guards)
        found = []
        for held in coins:
            answer = await self._purse.find(record.coin_server, held.path)
            if (answer.entropy, answer.amount) == (held.coin.entropy, held.coin.amount):
                found.append(held)
        return found
