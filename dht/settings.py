"""How patient and how large a node is. Times in seconds."""

from dataclasses import dataclass
from typing import Literal

MAX_BODY_BYTES = 8192
"""Of a request or a reply, without the 21 bytes of its frame."""
MAX_PUT_BYTES = 7936
"""A put fits into a request, and into the reply that shows it as a rival beside a vote."""


@dataclass(frozen=True)
class DhtSettings:
    timeout_seconds: float = 0.4
    """For one answer; then the same request is sent again."""
    retries: int = 2
    """After the last one the contact is dropped."""
    alpha: int = 3
    """FIND_NODE requests in flight in one crawl."""
    bucket_size: int = 20
    """Kademlia's k for routing; how many replicas vote is the roster's k."""
    bits_per_hop: int = 5
    """b of Kademlia 4.2: larger tables, shorter ways. 1 is the plain tree."""
    refresh_seconds: float = 3600.0
    doubt_after_seconds: float = 30.0
    """A full bucket's oldest contact, silent for so long, is asked whether it is still there."""
    membership: Literal["roster", "open"] = "roster"
    """Replicas are the k closest of the roster, or (for experiments) the k closest one reaches."""
    repair_seconds: float = 600.0
    """Between two comparisons of what a member holds with those who share it; 0 for none."""
    crawl_again_seconds: float = 2.0
    """A member that could not be found is not searched for again before."""

    grace_seconds: float = 0.25
    """How long after the q-th answer the others may still show a conflict."""
    first_pause_seconds: float = 0.05
    """Before a silent or busy member is asked again; doubles up to `longest_pause_seconds`."""
    longest_pause_seconds: float = 1.0
    handover_attempts: int = 6
    keep_patience_seconds: float = 0.25
    """A certificate that is handed over waits so long for a write to ride with, and is answered
    then. Less than `timeout_seconds`, or it is handed over again."""

    rosters_again_seconds: float = 1.0
    """After somebody spoke of an epoch whose roster could not be had."""

    max_rounds_at_once: int = 32
    """Puts and reads of this node; more wait their turn instead of flooding the others."""
    max_puts_in_hand: int = 256
    """Puts that wait for the disk; one more is answered "busy"."""
    max_requests_in_hand: int = 1024
    max_proofs: int = 64
    """Strangers who are being asked to show their key."""
    remembered_addresses: int = 1024
    """Of members that have shown their key but found no room in a bucket."""
    max_handovers: int = 1024
    cached_certificates: int = 4096
    receive_buffer_bytes: int = 4 << 20
