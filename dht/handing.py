"""What a replica shows of its registers to those who share them: pages of digests, and copies."""

from collections.abc import Callable, Iterable

from crypto import codec
from crypto.hashing import digest
from dht.records import RegisterName
from dht.registers import Registers, Summary
from dht.settings import MAX_BODY_BYTES
from dht.wire import PAGE_ITEMS, Copy, FetchAnswer, FetchRequest, Holding, HoldsRequest, Wanted

SCANNED_FOR_A_PAGE = 512
SCANNED_FOR_A_MATCH = 2048
"""More are not compared at once; a page tells."""
ANSWER_OVERHEAD = 64

IsShared = Callable[[RegisterName], bool]


def page_of(
    registers: Registers, request: HoldsRequest, is_shared: IsShared
) -> tuple[tuple[Holding, ...], bytes]:
    """Of those after a cursor, up to another one; and where it ended, empty at the end."""
    page: list[Holding] = []
    cursor = b""
    for place, summary in registers.after(request.after, SCANNED_FOR_A_PAGE):
        if request.until and place > request.until:
            return tuple(page), b""
        cursor = place
        if is_shared(summary.name):
            page.append(Holding(summary.name, summary.digests, summary.certified))
        if len(page) == PAGE_ITEMS:
            break
    return tuple(page), cursor


def match_of(held: Iterable[Summary]) -> bytes:
    """Equal for those who hold the same of a range: bodies, conflicts, certificates."""
    shown = [(s.name, sorted(s.digests), s.certified) for s in held]
    return digest("dht holdings", codec.encode(shown))


def matches(registers: Registers, request: HoldsRequest, is_shared: IsShared) -> bool:
    """Whether the asker holds of that range just what is held here."""
    scanned = registers.after(request.after, SCANNED_FOR_A_MATCH)
    inside = [s for place, s in scanned if not request.until or place <= request.until]
    if len(inside) == SCANNED_FOR_A_MATCH:
        return False
    return match_of(s for s in inside if is_shared(s.name)) == request.matching


def copies_of(registers: Registers, request: FetchRequest) -> FetchAnswer:
    """As many of the copies as one datagram holds, in the order they were asked for."""
    copies: list[Copy] = []
    seen, size = 0, ANSWER_OVERHEAD
    for wanted in request.wanted:
        copy = _copy(registers, wanted)
        if copy is not None:
            size += len(codec.encode(copy))
            if size > MAX_BODY_BYTES:
                break
            copies.append(copy)
        seen += 1
    return FetchAnswer("copies", seen, tuple(copies))


def _copy(registers: Registers, wanted: Wanted) -> Copy | None:
    held = registers.get(wanted.name)
    if held is None:
        return None
    for certificate in (held.certificate, held.rival_certificate):
        if certificate is not None and certificate.record.digest == wanted.digest:
            return Copy(certificate=certificate)
    for put in (held.put, held.rival):
        if put is not None and put.record.digest == wanted.digest:
            return Copy(put=put)
    return None
