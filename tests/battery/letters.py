"""One valid message, and every way to send it wrongly: what is sent, and what must be refused."""

import fnmatch
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from crypto import codec
from crypto.sealing import SealingKey
from crypto.signing import SigningKey
from nodes.protocols.envelope import LABEL, Envelope, _Wire, seal_wire
from nodes.protocols.message import ANYONE, Declaration, Message, Role, declaration_of, declarations
from scenarios.lab.node_client import Node
from tests.battery.altered import altered, another
from tests.battery.misshapen import misshapen
from tests.battery.players import Player
from tests.battery.stage import Stage

ACCEPTED = "accepted"
OWN = "its own"
"""Some refusal of the message's own protocol."""
MALFORMED = "message/malformed"
Rules = Sequence[tuple[str, "str | frozenset[str]"]]
"""(Pattern of a field's name, code): the first that fits counts."""


@dataclass(frozen=True)
class Sample:
    """A message that is valid here and now, and how it is refused when it is not."""

    message: Message
    sender: Player
    to: Node
    transaction: bytes
    altered: Rules = ()
    """By field, as it was signed. ACCEPTED: it is another valid message."""
    signed_anew: Rules = ()
    """By field of a document, signed by whom it names. A field without a rule is not tried."""
    stranger: str = "message/unknown-sender"
    stored: bool = True
    """A repeat gets the very bytes of the first answer; else it is answered anew."""
    repeated: str = ACCEPTED
    """What a repeat is told."""
    opens_with: SealingKey | None = None
    """The private half of an anonymous message's `reply_key`."""
    elsewhere: dict[str, "tuple[Sample, str]"] = field(default_factory=dict)
    """Valid in itself, but for another state, transaction or sender; and how it is refused."""

    @property
    def declaration(self) -> Declaration:
        return declaration_of(type(self.message))

    @property
    def recipient(self) -> bytes:
        return bytes.fromhex(self.to.id)


@dataclass(frozen=True)
class Case:
    name: str
    wire: bytes
    codes: frozenset[str]
    declaration: Declaration
    """Whose path it is posted to."""
    transaction: bytes
    to: Node


class Letter:
    """A sample on its way: its envelope, and who signs it."""

    def __init__(self, sample: Sample) -> None:
        self.sample = sample
        party = sample.sender.party
        declaration = sample.declaration
        self.envelope = Envelope(
            protocol=declaration.protocol,
            step=declaration.step,
            transaction=sample.transaction,
            nonce=party.fresh(16),
            time=party.now(),
            to=sample.recipient,
            sender=None if declaration.anonymous else party.id,
            request=None,
            body=codec.encode(sample.message),
        )

    def content(self, **changes: Any) -> bytes:
        return codec.encode(msgspec.structs.replace(self.envelope, **changes))

    def plain(self, content: bytes, signature: bytes | None = None) -> bytes:
        """[content, signature], not sealed; signed by its sender unless told otherwise."""
        if signature is None:
            anonymous = self.sample.declaration.anonymous
            signature = b"" if anonymous else self.sample.sender.party.key.sign(LABEL, content)
        return codec.encode(_Wire(content, signature))

    def wire(self, **changes: Any) -> bytes:
        return self.sealed(self.plain(self.content(**changes)))

    def sealed(self, plain: bytes, declaration: Declaration | None = None) -> bytes:
        """As it travels."""
        declaration = declaration or self.sample.declaration
        if not declaration.sealed:
            return plain
        card = self.sample.sender.party.directory.known(self.sample.recipient)
        return seal_wire(plain, declaration, card.id, card.sealing_key)


def cases(stage: Stage, sample: Sample) -> Iterator[Case]:
    """Everything that is refused although one thing only is wrong with it."""
    anonymous = sample.declaration.anonymous
    made = (
        _misshapen(sample),
        _unsigned_on_the_way(sample) if anonymous else _on_the_way(sample),
        _misdirected(stage, sample),
        _shown(stage, sample) if anonymous else _of_others(stage, sample),
        _altered(stage, sample),
    )
    for kind in made:
        for name, wire, code in kind:
            yield _case(sample, name, wire, code)
    yield from _on_another_path(sample)
    for name, (other, code) in sample.elsewhere.items():
        yield _case(other, name, Letter(other).wire(), code)


def _case(sample: Sample, name: str, wire: bytes, code: "str | frozenset[str]") -> Case:
    codes = frozenset({code}) if isinstance(code, str) else code
    return Case(name, wire, codes, sample.declaration, sample.transaction, sample.to)


Wires = Iterator[tuple[str, bytes, Any]]


def _misshapen(sample: Sample) -> Wires:
    """Signed by its sender as it stands."""
    letter = Letter(sample)
    for what, body in misshapen(type(sample.message), letter.envelope.body):
        yield f"body, {what}", letter.wire(body=body), MALFORMED
    for what, content in misshapen(Envelope, letter.content()):
        yield f"envelope, {what}", letter.sealed(letter.plain(content)), MALFORMED
    for what, plain in misshapen(_Wire, letter.plain(letter.content())):
        yield f"wire, {what}", letter.sealed(plain), MALFORMED


def _on_the_way(sample: Sample) -> Wires:
    """Changed by somebody who signs nothing."""
    letter = Letter(sample)
    content = letter.content()
    good = letter.plain(content)
    signature = codec.decode(good, _Wire).signature
    for name, code in ENVELOPE_FIELDS.items():
        value = getattr(letter.envelope, name)
        changed = bytes(32) if value is None else another(value)
        plain = letter.plain(letter.content(**{name: changed}), signature)
        yield f"{name} altered on the way", letter.sealed(plain), code
    yield "signature altered", letter.sealed(letter.plain(content, another(signature))), UNSIGNED
    yield "no signature", letter.sealed(letter.plain(content, b"")), UNSIGNED
    yield "half a signature", letter.sealed(letter.plain(content, signature[:32])), UNSIGNED
    codes = CANNOT_UNSEAL if sample.declaration.sealed else ON_THE_WAY
    yield from _flipped(letter.sealed(good), codes)
    if sample.declaration.sealed:
        yield from _unsealable(letter, good)


def _flipped(travels: bytes, codes: frozenset[str]) -> Wires:
    for place in range(0, len(travels), max(1, len(travels) // 24)):
        flipped = travels[:place] + bytes([travels[place] ^ 0x10]) + travels[place + 1 :]
        yield f"byte {place} altered on the way", flipped, codes


def _unsigned_on_the_way(sample: Sample) -> Wires:
    """What nobody signed: the envelope says where it belongs, and the seal holds it together.

    Transaction, nonce and time are anybody's, and so is the body, as far as what stands in it
    proves itself.
    """
    letter = Letter(sample)
    for name in ("protocol", "step", "to"):
        changed = letter.wire(**{name: another(getattr(letter.envelope, name))})
        yield f"{name} altered on the way", changed, ENVELOPE_FIELDS[name]
    yield "request altered on the way", letter.wire(request=bytes(32)), MALFORMED
    good = letter.plain(letter.content())
    if sample.declaration.sealed:
        yield from _flipped(letter.sealed(good), CANNOT_UNSEAL)
        yield from _unsealable(letter, good)


UNSIGNED = "message/wrong-signature"
ENVELOPE_FIELDS = {
    "protocol": "message/wrong-protocol",
    "step": "message/wrong-protocol",
    "transaction": UNSIGNED,
    "nonce": UNSIGNED,
    "time": UNSIGNED,
    "to": "message/wrong-recipient",
    "sender": UNSIGNED,
    "request": UNSIGNED,
    "body": UNSIGNED,
}
CANNOT_UNSEAL = frozenset({"message/cannot-unseal"})
ON_THE_WAY = frozenset({MALFORMED, UNSIGNED, "message/wrong-protocol", "message/wrong-recipient"})


def _unsealable(letter: Letter, plain: bytes) -> Wires:
    code, sample = "message/cannot-unseal", letter.sample
    party = sample.sender.party
    other = next(d for d in declarations() if d.sealed and d is not sample.declaration)
    yield "not sealed", plain, code
    yield "sealed for another step", letter.sealed(plain, other), code
    own = seal_wire(plain, sample.declaration, sample.recipient, party.sealing_key.public_key)
    yield "sealed for another party", own, code
    yield "sealed, cut short", letter.sealed(plain)[:-1], code
    yield "sealed, empty", b"", code


def _misdirected(stage: Stage, sample: Sample) -> Wires:
    """Signed by its sender, and not what belongs here."""
    letter, now = Letter(sample), sample.sender.party.now()
    declaration = sample.declaration
    other = next(d for d in declarations() if d.protocol != declaration.protocol)
    elsewhere = next(
        d for d in declarations(declaration.protocol) if d is not declaration and not d.answers
    )
    yield "to another party", letter.wire(to=stage.central.party.id), "message/wrong-recipient"
    yield "of another protocol", letter.wire(protocol=other.protocol), "message/wrong-protocol"
    yield "of another step", letter.wire(step=elsewhere.step), "message/wrong-protocol"
    yield "too old", letter.wire(time=now - 61_000), "message/stale"
    yield "from the beginning of time", letter.wire(time=0), "message/stale"
    yield "from the future", letter.wire(time=now + 60_000), "message/stale"
    yield "as an answer", letter.wire(request=bytes(32)), MALFORMED
    if declaration.anonymous:
        return
    nobody = letter.content(sender=None)
    yield "anonymous", letter.sealed(letter.plain(nobody, b"")), "message/sender-missing"
    yield "anonymous and signed", letter.sealed(letter.plain(nobody)), UNSIGNED


def _of_others(stage: Stage, sample: Sample) -> Wires:
    """Said by somebody else."""
    letter, declaration = Letter(sample), sample.declaration
    content = letter.content()
    other = stage.seller if sample.sender is stage.buyer else stage.buyer
    forged = other.party.key.sign(LABEL, content)
    yield "signed by another", letter.sealed(letter.plain(content, forged)), UNSIGNED
    as_document = sample.sender.party.key.sign("escrow_commerce/offer", content)
    yield "signed as something else", letter.sealed(letter.plain(content, as_document)), UNSIGNED
    stranger = SigningKey(b"nobody certified this key, never")
    yield "of a stranger", _said_by(letter, stranger), sample.stranger
    if set(declaration.senders) != set(ANYONE):
        for player in (stage.buyer, stage.escrow, stage.central):
            if player.party.role not in declaration.senders:
                name = f"of a {player.party.role.value}"
                yield name, _said_by(letter, player.party.key), "message/wrong-role"


def _shown(stage: Stage, sample: Sample) -> Wires:
    """An anonymous step with somebody's name or signature on it."""
    letter = Letter(sample)
    content = letter.content()
    signature = stage.buyer.party.key.sign(LABEL, content)
    yield "signed", letter.sealed(letter.plain(content, signature)), UNSIGNED
    yield "half a signature", letter.sealed(letter.plain(content, signature[:32])), UNSIGNED
    for player in (stage.buyer, stage.seller, stage.escrow, stage.central):
        name, key = player.party.name, player.party.key
        named = letter.content(sender=key.public_key)
        yield f"shown to be {name}'s", _said_by(letter, key), "message/sender-shown"
        yield f"in {name}'s name, unsigned", letter.sealed(letter.plain(named, b"")), UNSIGNED
        yield f"in {name}'s name", letter.sealed(letter.plain(named, signature)), UNSIGNED
    stranger = SigningKey(b"nobody certified this key, never")
    yield "shown to be a stranger's", _said_by(letter, stranger), "message/sender-shown"


def _said_by(letter: Letter, key: SigningKey) -> bytes:
    content = letter.content(sender=key.public_key)
    return letter.sealed(letter.plain(content, key.sign(LABEL, content)))


def _altered(stage: Stage, sample: Sample) -> Wires:
    """Its sender says something else. Signed documents in it are as they were, or signed anew."""
    for made in altered(sample.message, stage.keys):
        rules = sample.signed_anew if made.signed_anew else sample.altered
        unruled = None if made.signed_anew else OWN
        code = next((c for p, c in rules if fnmatch.fnmatchcase(made.field, p)), unruled)
        if code in (None, ACCEPTED):
            continue
        wire = Letter(with_message(sample, made.message)).wire()
        how = "altered and signed anew" if made.signed_anew else "altered"
        yield f"{made.field} {how}", wire, code


def with_message(sample: Sample, message: Message, **changes: Any) -> Sample:
    """The same letter with another message in it."""
    fields = {
        "sender": sample.sender,
        "to": sample.to,
        "transaction": sample.transaction,
        **changes,
    }
    return Sample(message, **fields)


def _on_another_path(sample: Sample) -> Iterator[Case]:
    """Posted where another message of the same receiver is expected."""
    role = Role(sample.to.role)
    wire = Letter(sample).wire()
    for other in declarations(sample.declaration.protocol):
        is_posted = other.answers is None and not other.streams and role in other.receivers
        if is_posted and other is not sample.declaration:
            code = "message/wrong-protocol"
            if other.sealed:
                code = "message/cannot-unseal"
            elif sample.declaration.sealed:
                code = MALFORMED
            name = f"posted as {other.name}"
            yield Case(name, wire, frozenset({code}), other, sample.transaction, sample.to)
