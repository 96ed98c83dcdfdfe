"""The keyed hashes: h(a || b || key) as the paper prints it, and as it is mended.

    printed   SHA-256 of the fields' texts written one behind the other, then the key
    mended    HMAC-SHA-256 (RFC 2104) over each field behind its length

Printed, "V12" with 3 and "V1" with 23 are the same text (PID-A3). A `Statement` has both forms of
what is hashed, because the mended one also covers what the paper leaves out. What the paper does
not have at all is always framed.
"""

import hashlib
import hmac
from dataclasses import dataclass

from crypto import codec
from crypto.hashing import authenticate, is_authentic
from crypto.meter import count
from nodes.protocols.anonymous_micropayment.values import Decision, Order, Reason, Tag

Field = int | str | bytes | None


@dataclass(frozen=True)
class Statement:
    """What a tag is made over."""

    label: str
    said: tuple[Field, ...]
    printed: tuple[Field, ...]


def framed_tag(key: bytes, label: str, *fields: Field) -> Tag:
    """Each field in its one encoding, behind its length, so no field runs into the next."""
    return authenticate(key, f"anonymous_micropayment/{label}/1", *map(codec.encode, fields))


def is_framed_tag(tag: bytes, key: bytes, label: str, *fields: Field) -> bool:
    parts = map(codec.encode, fields)
    return is_authentic(tag, key, f"anonymous_micropayment/{label}/1", *parts)


def printed_tag(key: bytes, *fields: Field) -> Tag:
    """The paper's || taken at its word; fields as people write them, numbers in decimal."""
    count("hash")
    text = "".join(_written(field) for field in fields)
    return hashlib.sha256(text.encode() + key).digest()


def is_printed_tag(tag: bytes, key: bytes, *fields: Field) -> bool:
    return hmac.compare_digest(tag, printed_tag(key, *fields))


def _written(field: Field) -> str:
    if field is None:
        return ""
    return field.hex() if isinstance(field, bytes) else str(field)


def certificate_statement(pseudonym: bytes, expires: int) -> Statement:
    """Step 2: h(PID || BCA_key)."""
    return Statement("certificate", (pseudonym, expires), (pseudonym,))


def order_statement(order: Order) -> Statement:
    """Step 5: h(amount || PID || Vend_ID || S_N || key)."""
    who = order.alias if order.pseudonym is None else order.pseudonym
    return Statement("order", _all_of(order), (order.amount, who, order.vendor, order.number))


def response_statement(order: Order, decision: Decision, reason: Reason | None) -> Statement:
    """Step 7: h(accept/reject || S_N || BCus_key); mended it covers the whole order."""
    which = order.alias if order.number is None else order.number
    return Statement(
        "response", (decision.value, _text(reason), *_all_of(order)), (decision.value, which)
    )


def all_of_order(order: Order) -> tuple[Field, ...]:
    """Every field with the tag: what the vendor's own tags cover."""
    return (*_all_of(order), order.tag)


def _all_of(order: Order) -> tuple[Field, ...]:
    return (
        order.amount,
        order.vendor,
        order.pseudonym,
        order.number,
        order.alias,
        order.goods,
    )


def _text(reason: Reason | None) -> str | None:
    return None if reason is None else reason.value
