"""E-cash for a deposit under a pseudonym: coins for the broker, who learns no account by them.

The order is on disk before step 3, made once for each deposit, and followed until its coin server
says what became of it: a broker that takes nothing costs nothing.
"""

from nodes.cash_wallet.purse import Purse
from nodes.cash_wallet.sale_payment import INSTRUMENT, written
from nodes.peer.electronic_cash import Cash
from nodes.protocols.anonymous_micropayment.messages import Funds
from nodes.protocols.electronic_cash.holding import Spending
from nodes.protocols.electronic_cash.payment import prepayment_reference
from nodes.protocols.electronic_cash.spending import Wanted
from nodes.protocols.errors import Refused
from nodes.protocols.message import Amount, PartyId, TransactionId
from nodes.runtime.service import Service

ORDER_MILLISECONDS = 3_600_000
"""How long a broker may take; after that the coins are taken back."""


class CashFunds:
    def __init__(self, service: Service, cash: Cash) -> None:
        self._service, self._cash = service, cash

    @property
    def _purse(self) -> Purse:
        return self._cash.purse

    async def provide(
        self, deposit: bytes, broker: PartyId, amount: Amount, transaction: TransactionId
    ) -> Funds:
        """The same each time. Raises NotEnoughCoins."""
        made = self._made(transaction)
        if made is None:
            until = self._service.party.now() + ORDER_MILLISECONDS
            reference = prepayment_reference(deposit)
            wanted = Wanted("pay", amount, broker, reference, until)
            made = await self._purse.order(wanted, transaction=transaction)
            self._cash.spender.follow(made)
        return Funds(INSTRUMENT, written(made))

    async def taken(self, transaction: TransactionId) -> None:
        """Step 4 came, so the order was carried out: its change, if any, is fetched."""
        made = self._made(transaction)
        if made is not None:
            self._service.spawn(self._collect(made))

    async def _collect(self, made: Spending) -> None:
        told = await self._purse.ask_change(made)
        if told.change is not None:
            await self._purse.settle(made.request, told.change)

    async def refused(self, transaction: TransactionId, error: Refused) -> None:
        """Step 3 was refused: the coins are exchanged, unless the broker has presented them."""
        made = self._made(transaction)
        if made is not None:
            self._service.spawn(self._take_back(made, error))

    async def _take_back(self, made: Spending, error: Refused) -> None:
        await self._purse.not_carried_out(made, error)

    def _made(self, transaction: TransactionId) -> Spending | None:
        orders = self._purse.of_transaction(transaction)
        return next((order for order in orders if order.kind == "pay"), None)
