"""Paying for a sale and being paid with e-cash: the instrument "e-cash" of buyer and seller.

The buyer's coins go to the escrow server, the seller gets one of the escrow server's: nobody but
the escrow server sees both, and the coin server sees no sale.
"""

import asyncio

from nodes.cash_wallet.sale_payment import INSTRUMENT, read, written
from nodes.peer.electronic_cash import Cash
from nodes.protocols.electronic_cash.payment import sale_reference
from nodes.protocols.electronic_cash.spending import Wanted
from nodes.protocols.escrow_commerce.messages import PaymentBytes
from nodes.protocols.message import Amount, Milliseconds, Name, PartyId, TransactionId

MARGIN_MILLISECONDS = 3_600_000
"""How much longer than asked for an order lasts; after that the coins are taken back."""


class CashOfPeer:
    name: Name = INSTRUMENT

    def __init__(self, cash: Cash) -> None:
        self._cash = cash
        self._preparing = asyncio.Lock()

    async def prepare(
        self,
        sale: TransactionId,
        escrow_server: PartyId,
        price: Amount,
        expires_after: Milliseconds,
    ) -> PaymentBytes:
        """Step 7. Raises NotEnoughCoins."""
        reference, purse = sale_reference(sale, "in"), self._cash.purse
        async with self._preparing:
            for made in purse.of_transaction(sale):
                if made.reference == reference:
                    return written(made)
            until = expires_after + MARGIN_MILLISECONDS
            wanted = Wanted("pay", price, escrow_server, reference, until)
            made = await purse.order(wanted, transaction=sale)
        self._cash.spender.follow(made)
        return written(made)

    async def take(self, sale: TransactionId, payment: PaymentBytes) -> Amount:
        """Steps 8b, 8r: the coin is on disk when this returns. Raises the coin server's refusal."""
        found = read(payment, sale_reference(sale, "out"))
        if found is None:
            return 0
        record = await self._cash.till.take(found, sale)
        return record.amount
