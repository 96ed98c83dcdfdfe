"""All coins again from the seed alone: the bank knows each withdrawal by its nonce, a coin server
each coin in circulation by its one-time key (section 3.2 names lost coins as a danger)."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import msgspec

from nodes.cash_wallet.keys import PublishedKeys
from nodes.cash_wallet.purse import Purse
from nodes.peer.cash_withdrawing import Withdrawer
from nodes.protocols.electronic_cash import spending as rule
from nodes.protocols.electronic_cash import withdrawal
from nodes.protocols.electronic_cash.coin import KeyList
from nodes.protocols.electronic_cash.holding import INCOMING, HeldCoin, Path
from nodes.protocols.electronic_cash.messages import WithdrawalState
from nodes.protocols.electronic_cash.wallet import GAP, PLACES_SEARCHED, recovered
from nodes.protocols.message import PartyId, Role
from nodes.runtime.control import Request
from nodes.runtime.party import Party
from nodes.runtime.service import Service

Look = Callable[[int], Awaitable[tuple[bool, list[HeldCoin]]]]
"""Whether a number was used, and the coins under it that circulate."""


class AskedRecovery(Request, frozen=True):
    search: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 0
    """Go through at least so many numbers: of coins that are spent nobody knows any more."""


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
        """Number by number, until nothing is known under many in a row: own orders, then payments
        taken."""
        keys = await self._keys.load()
        servers = [card.id for card in await party.directory.find(Role.COIN_SERVER)]
        transaction = party.fresh_transaction()

        async def own(index: int) -> tuple[bool, list[HeldCoin]]:
            return await self._own(index, keys, servers, transaction)

        async def incoming(index: int) -> tuple[bool, list[HeldCoin]]:
            found = await self._circulating(servers, Path(index, INCOMING))
            return bool(found), found

        found = [
            *await self._go_through(own, 0, asked.search),
            *await self._go_through(incoming, INCOMING, asked.search),
        ]
        amount = sum(held.coin.amount for held in found)
        return {"transaction": transaction.hex(), "coins": len(found), "amount": amount}

    async def _go_through(self, look: Look, place: int, search: int) -> list[HeldCoin]:
        """The coins that are new to this wallet."""
        new: list[HeldCoin] = []
        index, missed = 1, 0
        while missed < GAP or index <= search:
            known, found = await look(index)
            missed = 0 if known else missed + 1
            async with self._party.store.transaction() as tx:
                if known:
                    self._purse.numbers.used_up_to(tx, Path(index, place))
                new += [held for held in found if self._purse.coins.add(tx, [held])]
            index += 1
        return new

    async def _own(
        self, index: int, keys: KeyList, servers: list[PartyId], transaction: bytes
    ) -> tuple[bool, list[HeldCoin]]:
        """Whether the number was used, and the coins under it that circulate."""
        state = await self._withdrawer.ask_bank(self._purse.wallet.nonce(index), keys)
        if state is not None:
            return True, await self._withdrawn(index, state, keys, transaction)
        paths = [Path(index, place) for place in range(PLACES_SEARCHED)]
        found = await self._circulating(servers, *paths)
        return bool(found), found

    async def _circulating(self, servers: list[PartyId], *paths: Path) -> list[HeldCoin]:
        found = []
        for server in servers:
            for path in paths:
                answer = await self._purse.find(server, path)
                held = rule.found(answer, self._purse.wallet, path, server)
                if held is not None:
                    found.append(held)
        return found

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
