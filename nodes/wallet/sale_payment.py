"""Coins as the payment of a sale: the bytes that steps 7, 8b and 8r carry, both ways."""

from crypto import codec
from crypto.codec import MalformedEncoding
from nodes.protocols.dht_micropayment.refusals import MalformedEvidence
from nodes.protocols.dht_micropayment.transfer import SalePayment, Transfer

INSTRUMENT = "dht-coins"


def written(transfers: tuple[Transfer, ...]) -> bytes:
    return codec.encode(SalePayment(transfers))


def read(payment: bytes) -> tuple[Transfer, ...]:
    """Raises MalformedEvidence. No bytes at all are no coins."""
    if not payment:
        return ()
    try:
        return codec.decode(payment, SalePayment).transfers
    except MalformedEncoding as error:
        raise MalformedEvidence(str(error)) from error
