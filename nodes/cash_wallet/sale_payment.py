"""E-cash as the payment of a sale: the bytes that steps 7, 8b and 8r carry, both ways."""

from crypto import codec
from crypto.codec import MalformedEncoding
from nodes.protocols.electronic_cash.documents import SalePayment
from nodes.protocols.electronic_cash.holding import Spending
from nodes.protocols.electronic_cash.payment import for_sale
from nodes.protocols.electronic_cash.refusals import ParcelUnreadable

INSTRUMENT = "e-cash"


def written(order: Spending) -> bytes:
    return codec.encode(for_sale(order))


def read(payment: bytes, reference: bytes) -> SalePayment | None:
    """None for no bytes at all. Raises ParcelUnreadable for what is not for this sale."""
    if not payment:
        return None
    try:
        found = codec.decode(payment, SalePayment)
    except MalformedEncoding as error:
        raise ParcelUnreadable(str(error)) from error
    if found.reference != reference:
        raise ParcelUnreadable("a payment for something else")
    return found
