"""Steps 7 and 8b: what a sale knows of its payment, whatever the instrument.

The paper's pay_info is opaque to the sale. An instrument is installed in each role that pays, holds
or is paid; it vouches that a payment was made for this sale and no other, and everything it does
may be asked again with the same sale: it happens once.
"""

from dataclasses import dataclass
from typing import Protocol

from nodes.protocols.escrow_commerce.messages import PaymentBytes
from nodes.protocols.escrow_commerce.state import Lock, PayOut
from nodes.protocols.message import Amount, Milliseconds, Name, PartyId, TransactionId


@dataclass(frozen=True)
class Locked:
    """The whole payment is in the escrow server's hands."""

    amount: Amount
    expires: Milliseconds | None
    """None: it never does."""


@dataclass(frozen=True)
class Invalid:
    """This payment will never be good: forged, spent, for another sale."""

    reason: str


@dataclass(frozen=True)
class Pending:
    """Not known yet. Asking again goes on where this left off."""

    reason: str


LockResult = Locked | Invalid | Pending


class EscrowInstrument(Protocol):
    """The escrow server's side."""

    name: Name

    async def check(self, lock: Lock) -> LockResult:
        """Look whether the payment could be locked, and leave it where it is.

        Only for a world without the guard that demands the lock (PC-A3, PC-A4).
        """

    async def lock(self, lock: Lock) -> LockResult:
        """Bring the payment into the escrow server's hands. Durable before it answers Locked."""

    async def pay_out(self, order: PayOut) -> PaymentBytes | None:
        """Sign what was locked over to `order.to`, once for each sale; the bytes of 8b or 8r.

        None while a part of it is still on its way into the escrow server's hands or out of
        them; ask again. A refund after a lock that did not come about whole gives back what did.
        """


class PeerInstrument(Protocol):
    """The buyer's and the seller's side."""

    name: Name

    async def prepare(
        self,
        sale: TransactionId,
        escrow_server: PartyId,
        price: Amount,
        expires_after: Milliseconds,
    ) -> PaymentBytes:
        """A payment of `price` to the escrow server for this sale: the same bytes every time.

        It lasts beyond `expires_after`. Raises Refused when there is not enough to pay with.
        """

    async def take(self, sale: TransactionId, payment: PaymentBytes) -> Amount:
        """What the escrow server paid out or back, durable when this returns: how much it is.

        Raises Refused for what is not a payment to this party for this sale.
        """
