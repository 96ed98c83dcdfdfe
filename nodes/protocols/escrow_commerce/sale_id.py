"""A sale's id: its buyer draws it, and it bears the buyer's mark.

The buyer's payment is signed for that id alone. Whoever could open another sale under it at the
escrow server, a seller with an accomplice, would shut the buyer out and have its payment. A key
with the same mark as a given one costs about 2^64 trials.
"""

from crypto.hashing import digest
from nodes.protocols.message import TRANSACTION_BYTES, PartyId, TransactionId

MARK_BYTES = 8
FRESH_BYTES = TRANSACTION_BYTES - MARK_BYTES


def draw(buyer: PartyId, fresh: bytes) -> TransactionId:
    """`fresh`: FRESH_BYTES that this buyer never used before."""
    assert len(fresh) == FRESH_BYTES, "the rest of the id is the buyer's mark"
    return _mark(buyer) + fresh


def is_drawn_by(sale: TransactionId, buyer: PartyId) -> bool:
    return sale[:MARK_BYTES] == _mark(buyer)


def _mark(buyer: PartyId) -> bytes:
    return digest("escrow_commerce/sale", buyer)[:MARK_BYTES]
