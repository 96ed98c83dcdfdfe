"""What can be decided of a purchase under a pseudonym, and why most of it cannot.

Orders and responses bear keyed hashes. Whoever can check one can make one: customer and broker
have the same key, so neither proves anything against the other (PID-A10), and B_respond proves
nothing to a third party. What a vendor claims is decided by the broker's signed word (PID-A7).
"""

from collections.abc import Callable, Iterable, Iterator

from nodes.protocols.anonymous_micropayment.values import (
    BrokersWord,
    Catalogue,
    Complaint,
    Standing,
)
from nodes.protocols.evidence import (
    Denial,
    Keys,
    Papers,
    Ruled,
    convicted,
    read_pieces,
    settled,
    undecidable,
)
from nodes.protocols.message import Role

PROTOCOL = "anonymous_micropayment"
DOCUMENTS = (Catalogue, Complaint, BrokersWord)
REJECTED = "the vendor claims that the order was rejected"
ORDER = "the customer denies the order"
OFFERED = "the vendor denies what it offered"
COMPLAINED = "the vendor denies its complaint"
DENIALS = (
    Denial(
        REJECTED,
        "the broker's signed word on the order",
        "the vendor (PID-A7)",
    ),
    Denial(
        ORDER,
        "none: customer and broker have the same key",
        "undecidable (PID-A10)",
    ),
    Denial(
        OFFERED,
        "the signed catalogue",
        "the vendor",
    ),
    Denial(
        COMPLAINED,
        "the signed complaint",
        "the vendor",
    ),
)
PAID = frozenset({Standing.ACCEPTED, Standing.HANDED_ON})


def judge(pieces: Iterable[bytes], keys: Keys) -> list[Ruled]:
    """Read the pieces of one purchase in any order."""
    papers = read_pieces(pieces, protocols=(PROTOCOL,), documents=DOCUMENTS)
    return [ruled for rule in RULES for ruled in rule(papers, keys)]


def _rejected(papers: Papers, keys: Keys) -> Iterator[Ruled]:
    brokers = keys.get(Role.BROKER, frozenset())
    words = [word for word in papers.all(BrokersWord) if word.broker in brokers]
    for word in words:
        amount = word.order.amount
        if word.standing in PAID and word.account is not None:
            yield convicted(REJECTED, word.account, f"the broker signed that it credited {amount}")
        else:
            yield settled(REJECTED, f"the broker signed: {word.standing.value}")
    if not words:
        yield undecidable(REJECTED, "the broker's signed word: customer and broker share the key")


def _order(papers: Papers, keys: Keys) -> Iterator[Ruled]:
    """PID-A10: the broker can make any order that the customer can."""
    yield undecidable(ORDER, "any signature: an order bears a hash under a key the broker has too")


def _offered(papers: Papers, keys: Keys) -> Iterator[Ruled]:
    for catalogue in papers.all(Catalogue):
        goods = ", ".join(f"{line.name} for {line.price}" for line in catalogue.goods)
        yield convicted(OFFERED, catalogue.vendor, f"it signed its catalogue: {goods}")


def _complained(papers: Papers, keys: Keys) -> Iterator[Ruled]:
    for complaint in papers.all(Complaint):
        yield convicted(COMPLAINED, complaint.vendor, "it signed the complaint")


Rule = Callable[[Papers, Keys], Iterator[Ruled]]
RULES: tuple[Rule, ...] = (_rejected, _order, _offered, _complained)
