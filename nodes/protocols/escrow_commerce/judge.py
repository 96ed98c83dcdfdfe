"""Who signed what, decided offline from the evidence alone (PC-20).

A piece of evidence is a document as it travels, or the plain form of an envelope: bytes anyone
may keep and show. Only public keys are needed. What is unsigned proves nothing, so a sale as
printed is undecidable. Whoever shows 6a, 8a or a payment shows the key or the payment in it.
"""

import enum
from collections.abc import Iterable
from dataclasses import dataclass

from crypto import codec
from crypto.codec import MalformedEncoding
from crypto.documents import Document, Signed
from nodes.protocols.envelope import Envelope, unwrap
from nodes.protocols.errors import ProtocolError
from nodes.protocols.escrow_commerce.messages import (
    BuyerDeposit,
    Contract,
    Offer,
    Rating,
    SellerDeposit,
    TrustUpdate,
)
from nodes.protocols.escrow_commerce.reading import is_signed
from nodes.protocols.evidence import Answer, Denial, Keys, Ruled, convicted, undecidable
from nodes.protocols.message import Message, PartyId, TransactionId, declaration_at

PROTOCOL = "escrow_commerce"
DOCUMENTS: tuple[type[Document], ...] = (Offer, Contract, Rating, TrustUpdate)


class Digests(enum.StrEnum):
    """Step 8, done again."""

    EQUAL = "equal"
    DIFFER = "differ"
    """Both signed what they say, so one of them lies; which one cannot be told (PC-A12)."""
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Fact:
    """`signer` signed this, and cannot deny it."""

    signer: PartyId
    what: str
    """`contract`, or the step of a message."""
    sale: TransactionId | None
    statement: Document | Message


@dataclass(frozen=True)
class Ruling:
    """What a sale's evidence proves."""

    answer: Answer
    missing: tuple[str, ...]
    """Whose signature on what is lacking; empty when decided."""
    digests: Digests
    contract: Contract | None
    facts: tuple[Fact, ...]
    worthless: int
    """Pieces that are unreadable, unsigned, or signed by someone else."""


def judge(evidence: Iterable[bytes]) -> Ruling:
    """Read the pieces of one sale in any order. Never raises for what a stranger shows."""
    facts: list[Fact] = []
    worthless = 0
    for piece in evidence:
        proven = _document_facts(piece) or _message_facts(piece)
        facts.extend(proven)
        worthless += not proven
    return _rule(tuple(dict.fromkeys(facts)), worthless)


CONTRACT_OF_SELLER = "the seller denies the contract"
CONTRACT_OF_BUYER = "the buyer denies the contract"
SELLER_GAVE = "the seller denies what it gave"
BUYER_GAVE = "the buyer denies what it received and paid for"
OTHER_DIGEST = "one of the two lies about the encrypted content"
DENIALS = (
    Denial(
        CONTRACT_OF_SELLER,
        "the contract with both signatures",
        "the seller",
    ),
    Denial(
        CONTRACT_OF_BUYER,
        "the contract with both signatures",
        "the buyer",
    ),
    Denial(
        SELLER_GAVE,
        "6a by the seller, on this very contract",
        "the seller",
    ),
    Denial(
        BUYER_GAVE,
        "7 by the buyer, on this very contract",
        "the buyer",
    ),
    Denial(
        OTHER_DIGEST,
        "6a and 7 with two digests",
        "undecidable: both signed (PC-A12)",
    ),
)


def denials(evidence: Iterable[bytes], keys: Keys) -> list[Ruled]:
    """The same, denial by denial. No key but the parties' own, which stand in it, is needed."""
    ruling = judge(evidence)
    contract = ruling.contract
    if contract is None:
        missing = "the one contract with both signatures"
        asked = (CONTRACT_OF_SELLER, CONTRACT_OF_BUYER, SELLER_GAVE, BUYER_GAVE)
        return [undecidable(denial, missing) for denial in asked]
    sold = f'it signed: "{contract.description}" for {contract.price}'
    found = [
        convicted(CONTRACT_OF_SELLER, contract.seller, sold),
        convicted(CONTRACT_OF_BUYER, contract.buyer, sold),
    ]
    for denial, signer, step in (
        (SELLER_GAVE, contract.seller, "6a"),
        (BUYER_GAVE, contract.buyer, "7"),
    ):
        lacking = [name for name in ruling.missing if name.endswith(step)]
        found.append(
            undecidable(denial, lacking[0])
            if lacking
            else convicted(denial, signer, f"it signed {step}, with the content's digest")
        )
    if ruling.digests is Digests.DIFFER:
        both = "which one: each signed another digest of the encrypted content (PC-A12)"
        found.append(undecidable(OTHER_DIGEST, both))
    return found


def _document_facts(piece: bytes) -> list[Fact]:
    for type_ in DOCUMENTS:
        facts = _facts_of(type_, piece)
        if facts:
            return facts
    return []


def _facts_of(type_: type[Document], piece: bytes) -> list[Fact]:
    try:
        signed: Signed[Document] = codec.decode(piece, Signed)
        document = codec.decode(signed.content, type_)
    except MalformedEncoding:
        return []
    if not is_signed(type_, signed):
        return []
    sale: TransactionId | None = getattr(document, "sale", None)
    what = type_.__name__.lower()
    return [Fact(signer, what, sale, document) for signer in _signers(document)]


def _signers(document: Document) -> tuple[PartyId, ...]:
    match document:
        case Contract():
            return (document.buyer, document.seller)
        case Offer():
            return (document.seller,)
        case Rating():
            return (document.buyer,)
        case TrustUpdate():
            return (document.escrow_server,)
    raise TypeError(f"no judge of {type(document).__name__}")


def _message_facts(piece: bytes) -> list[Fact]:
    """The message, and the documents inside it whose signatures hold as well."""
    try:
        content, _ = codec.decode(piece, tuple[bytes, bytes])
        envelope = codec.decode(content, Envelope)
    except MalformedEncoding:
        return []
    declaration = declaration_at(envelope.protocol, envelope.step)
    if declaration is None or declaration.protocol != PROTOCOL:
        return []
    return _opened(piece, declaration.type, envelope)


def _opened(piece: bytes, type_: type[Message], envelope: Envelope) -> list[Fact]:
    try:
        message = unwrap(piece, type_, envelope.to).message
    except ProtocolError:
        return []
    if envelope.sender is None:
        return []
    fact = Fact(envelope.sender, envelope.step, envelope.transaction, message)
    inside = [getattr(message, name) for name in message.__struct_fields__]
    documents = [codec.encode(value) for value in inside if isinstance(value, Signed)]
    return [fact, *(found for piece in documents for found in _document_facts(piece))]


def _rule(facts: tuple[Fact, ...], worthless: int) -> Ruling:
    contracts = {fact.statement for fact in facts if isinstance(fact.statement, Contract)}
    contract = contracts.pop() if len(contracts) == 1 else None
    if contract is None:
        missing: tuple[str, ...] = ("the one contract with both signatures",)
        return Ruling(Answer.UNDECIDABLE, missing, Digests.UNKNOWN, None, facts, worthless)
    seller_gave = _deposit(facts, contract, SellerDeposit, contract.seller)
    buyer_gave = _deposit(facts, contract, BuyerDeposit, contract.buyer)
    missing = tuple(
        name
        for name, gave in (
            ("the seller's 6a", seller_gave),
            ("the buyer's 7", buyer_gave),
        )
        if gave is None
    )
    answer = Answer.UNDECIDABLE if missing else Answer.DECIDED
    return Ruling(answer, missing, _compare(seller_gave, buyer_gave), contract, facts, worthless)


def _deposit(
    facts: tuple[Fact, ...],
    contract: Contract,
    type_: type[SellerDeposit] | type[BuyerDeposit],
    signer: PartyId,
) -> bytes | None:
    """The digest of the ciphertext that side signed for in this very sale."""
    for fact in facts:
        statement = fact.statement
        if not isinstance(statement, type_) or (fact.signer, fact.sale) != (signer, contract.sale):
            continue
        assert isinstance(statement, SellerDeposit | BuyerDeposit), "one of the two types"
        if statement.contract.content == codec.encode(contract):
            return statement.ciphertext_digest
    return None


def _compare(one: bytes | None, other: bytes | None) -> Digests:
    if one is None or other is None:
        return Digests.UNKNOWN
    return Digests.EQUAL if one == other else Digests.DIFFER


def cite(fact: Fact) -> str:
    """One line for people."""
    of = f" of sale {fact.sale.hex()}" if fact.sale else ""
    return f"{fact.signer.hex()} signed {fact.what}{of}"
