"""One answer of each type as it might be, and every way in which it is no answer at all."""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import msgspec

from crypto import codec
from crypto.documents import Signed
from crypto.signing import SigningKey
from dht.records import Certificate, Record
from nodes.protocols.accounts import messages as accounts
from nodes.protocols.dht_micropayment import messages as coins
from nodes.protocols.dht_micropayment.coin import Evidence
from nodes.protocols.dht_micropayment.transfer import Transfer
from nodes.protocols.envelope import LABEL, Envelope, Opened, _Wire, seal_wire
from nodes.protocols.escrow_commerce import messages as sale
from nodes.protocols.membership import messages as membership
from nodes.protocols.message import (
    Declaration,
    Message,
    Received,
    answer_to,
    declaration_of,
    declarations,
)
from nodes.runtime.party import Party
from tests.battery.altered import another
from tests.battery.misshapen import misshapen

KEY = bytes(32)
SIGNED: Signed[Any] = Signed(b"a document", (bytes(64),))
CERTIFICATE = Certificate(Record(SIGNED), 1, bytes(32), ())
TRANSFER = Transfer(Record(SIGNED), CERTIFICATE, Evidence(SIGNED))
LISTING = sale.Listing(KEY, SIGNED, sale.Tally(2, 4), sale.Tally(3, 5), (SIGNED,))
ANSWERS: tuple[tuple[Message, Message], ...] = (
    (sale.Register(SIGNED), Received()),
    (sale.Query("harbour", None), sale.Response((LISTING,))),
    (sale.Request(SIGNED), sale.Acceptance(SIGNED)),
    (
        sale.StatusQuery(3),
        sale.SaleStatus(
            sale.SaleState.REFUNDED,
            sale.AbortReason.DIGESTS_DIFFER,
            5,
            sale.Finding.AS_PROMISED,
            bytes(16),
            "dht-coins",
            3,
            b"coins",
        ),
    ),
    (coins.Withdraw(1), coins.Withdrawn((SIGNED,))),
    (coins.AskQuote(b"order", 2), coins.QuoteGiven(SIGNED)),
    (
        coins.Payment(SIGNED, (TRANSFER,)),
        coins.Taken(coins.Outcome.DELIVERED, SIGNED, coins.CancelReason.CONFLICT),
    ),
    (coins.Redeem(b"order", (TRANSFER,)), coins.Redeemed((coins.Credit.CREDITED,))),
    (membership.Enrol(SIGNED, KEY), membership.Enrolled(b"one", b"other", KEY)),
    (
        membership.FindParties((KEY,)),
        membership.Parties((membership.Listed(SIGNED, b"certificate"),)),
    ),
    (membership.RosterQuery(0), membership.RosterAnswer(SIGNED, 4)),
    (accounts.OpenAccount(), accounts.AccountOpened(3)),
    (accounts.AskBalance(5), accounts.Balance(3, False)),
)
"""A question and its answer. Nobody here looks at what they say."""

Make = Callable[[], bytes]


class Reply:
    """An answer to one request, sealed where its type is."""

    def __init__(self, received: Opened[Any], answer: Message, party: Party) -> None:
        self.party = party
        self.declaration = declaration_of(type(answer))
        self.asker = received.sender
        self.card = party.directory.known(self.asker)
        self.envelope = Envelope(
            protocol=self.declaration.protocol,
            step=self.declaration.step,
            transaction=received.transaction,
            nonce=party.fresh(16),
            time=party.now(),
            to=self.asker,
            sender=party.id,
            request=received.identity,
            body=codec.encode(answer),
        )

    def content(self, **changes: Any) -> bytes:
        return codec.encode(msgspec.structs.replace(self.envelope, **changes))

    def plain(self, content: bytes, key: SigningKey | None = None) -> bytes:
        signature = (key or self.party.key).sign(LABEL, content)
        return codec.encode(_Wire(content, signature))

    def sealed(self, plain: bytes, declaration: Declaration | None = None) -> bytes:
        if not self.declaration.sealed:
            return plain
        return seal_wire(plain, declaration or self.declaration, self.asker, self.card.sealing_key)

    def wire(self, **changes: Any) -> bytes:
        return self.sealed(self.plain(self.content(**changes)))


def unreadable(reply: Reply, other: SigningKey) -> Iterator[tuple[str, Make]]:
    """What is wrong, and how to make it; `other` is a key of another certified party."""
    type_ = reply.declaration.type
    for what, body in _misshapen(type_, reply.envelope.body):
        yield f"body, {what}", lambda body=body: reply.wire(body=body)  # type: ignore[misc]
    content = reply.content()
    for what, odd in misshapen(Envelope, content):
        yield f"envelope, {what}", lambda odd=odd: reply.sealed(reply.plain(odd))  # type: ignore[misc]
    good = reply.plain(content)
    for what, odd in misshapen(_Wire, good):
        yield f"wire, {what}", lambda odd=odd: reply.sealed(odd)  # type: ignore[misc]
    yield from _altered(reply, good)
    yield from _of_something_else(reply, other)


@cache
def _misshapen(type_: type[Message], body: bytes) -> tuple[tuple[str, bytes], ...]:
    return tuple(misshapen(type_, body))


def _altered(reply: Reply, good: bytes) -> Iterator[tuple[str, Make]]:
    signature = codec.decode(good, _Wire).signature
    for name in Envelope.__struct_fields__:
        changed = reply.content(**{name: another(getattr(reply.envelope, name))})
        wire = codec.encode(_Wire(changed, signature))
        yield f"{name} altered on the way", lambda wire=wire: reply.sealed(wire)  # type: ignore[misc]
    travels = reply.sealed(good)
    for place in range(0, len(travels), max(1, len(travels) // 16)):
        flipped = travels[:place] + another(travels[place : place + 1]) + travels[place + 1 :]
        yield f"byte {place} altered on the way", lambda flipped=flipped: flipped  # type: ignore[misc]


def _of_something_else(reply: Reply, other: SigningKey) -> Iterator[tuple[str, Make]]:
    content = reply.content()
    elsewhere = next(d for d in declarations() if d.answers and d is not reply.declaration)
    yield "signed by another", lambda: reply.sealed(reply.plain(content, other))
    by_other = reply.content(sender=other.public_key)
    yield "by another", lambda: reply.sealed(reply.plain(by_other, other))
    yield "by nobody", lambda: reply.sealed(codec.encode(_Wire(reply.content(sender=None), b"")))
    yield "to another", lambda: reply.wire(to=other.public_key)
    yield "to no request", lambda: reply.wire(request=None)
    yield "to another request", lambda: reply.wire(request=bytes(32))
    yield "of another protocol", lambda: reply.wire(protocol="greeting")
    yield "of another step", lambda: reply.wire(step=elsewhere.step + "x")
    yield "nothing", lambda: b""
    yield "more than is read", lambda: bytes(3 << 20)
    if reply.declaration.sealed:
        yield "not sealed", lambda: reply.plain(content)
        another_step = next(d for d in declarations() if d.sealed and d is not reply.declaration)
        yield "sealed for another step", lambda: reply.sealed(reply.plain(content), another_step)


def answered_types() -> set[type[Message]]:
    """Every answer that the protocols here have."""
    protocols = ("escrow_commerce", "dht_micropayment", "membership", "accounts")
    found = [d for protocol in protocols for d in declarations(protocol) if d.answers is None]
    return {answer_to(d.type).type for d in found}
