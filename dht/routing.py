"""k-buckets (Kademlia 2.2, 4.1, 4.2): the package's splitting, with exact neighbours.

Only members of the roster who have shown their key stand in a bucket. The base class cuts the
ring beside the bit boundaries and ends a search in the middle of a bucket; here a bucket is
exactly one subtree, so the contacts nearest to a target are found bucket by bucket.
"""

import ipaddress
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from kademlia.node import Node
from kademlia.routing import KBucket, RoutingTable

from dht.records import NODE_ID_BYTES, node_id
from dht.rpc import Address
from dht.wire import Neighbour

RING_BITS = 8 * NODE_ID_BYTES


@dataclass(frozen=True)
class Contact:
    """Where a party is said to listen. `id`: its public key; `host`: a name or an address."""

    id: bytes
    host: str
    port: int


class RingNode(Node):
    """A member at an address. Its place on the ring follows from its key."""

    id: bytes
    long_id: int

    def __init__(self, key: bytes, address: Address) -> None:
        super().__init__(node_id(key), *address)
        self.key = key
        self.address = address
        self.heard_at = 0.0
        """The event loop's time."""
        self.told = Neighbour(key, *address)
        """As others are told of it, with every answer."""


@lru_cache(maxsize=4096)
def place(node_id_: bytes) -> Node:
    """A place on the ring, without anybody there. Asked for with every datagram."""
    return Node(node_id_)


@lru_cache(maxsize=4096)
def is_ip_address(host: str) -> bool:
    """Only such hosts are sent to: the event loop would look a name up and stand still."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return "%" not in host


class Buckets(RoutingTable):
    """`is_neighbour(key)`: contacts that are kept whatever it takes. Those among whom a register's
    replicas are found have to know each other (Kademlia 2.4, on unbalanced trees).
    """

    buckets: list[KBucket]

    def __init__(
        self,
        own: Node,
        bucket_size: int,
        is_neighbour: Callable[[bytes], bool],
        bits_per_hop: int = 5,
    ) -> None:
        self._bits_per_hop = bits_per_hop
        self._is_neighbour = is_neighbour
        super().__init__(None, bucket_size, own)

    def __len__(self) -> int:
        return sum(len(bucket) for bucket in self.buckets)

    def __iter__(self) -> Iterator[RingNode]:
        for bucket in self.buckets:
            yield from bucket.get_nodes()

    def flush(self) -> None:
        self.buckets = [KBucket(0, 2**RING_BITS - 1, self.ksize)]
        self._note_ends()

    def split_bucket(self, index: int) -> None:
        super().split_bucket(index)
        self._note_ends()

    def _note_ends(self) -> None:
        self._ends: list[int] = [bucket.range[1] for bucket in self.buckets]

    def get_bucket_for(self, node: Node) -> int:
        """Index of the bucket whose range, both ends included, holds the node."""
        return bisect_left(self._ends, node.long_id)

    def contact(self, node_id_: bytes) -> RingNode | None:
        found: RingNode | None = self.buckets[self.get_bucket_for(place(node_id_))][node_id_]
        return found

    def add_contact(self, node: RingNode) -> RingNode | None:
        """Let it in, as the newest. Otherwise whoever stands in its way, a full bucket's oldest
        contact, which may be gone."""
        index = self.get_bucket_for(node)
        bucket = self.buckets[index]
        if bucket.add_node(node):
            return None
        if self._may_split(bucket, node.key):
            self.split_bucket(index)
            return self.add_contact(node)
        return oldest_of(bucket)

    def in_the_way_of(self, key: bytes) -> RingNode | None:
        """Of somebody new: a full bucket's oldest contact; None where there is room, or may be
        once the bucket is split."""
        bucket = self.buckets[self.get_bucket_for(place(node_id(key)))]
        if len(bucket.nodes) < self.ksize or self._may_split(bucket, key):
            return None
        return oldest_of(bucket)

    def _may_split(self, bucket: KBucket, key: bytes) -> bool:
        if bucket.has_in_range(self.node) or self._is_neighbour(key):
            return True
        return self._bits_per_hop > 1 and _depth(bucket) % self._bits_per_hop != 0

    def remove_contact(self, node: Node) -> None:
        self.buckets[self.get_bucket_for(node)].remove_node(node)

    def find_neighbors(
        self, node: Node, k: int | None = None, exclude: Node | None = None
    ) -> list[RingNode]:
        """Exactly the k contacts nearest to `node`, nearest first, without `exclude`."""
        wanted = k or self.ksize
        target = node.long_id
        found: list[RingNode] = []
        # Subtrees that are disjoint: which is nearer shows at any id inside.
        for bucket in sorted(self.buckets, key=lambda bucket: bucket.range[0] ^ target):
            inside = sorted(bucket.nodes.values(), key=lambda c: c.long_id ^ target)
            found += [c for c in inside if exclude is None or c.id != exclude.id]
            if len(found) >= wanted:
                break
        return found[:wanted]


def oldest_of(bucket: KBucket) -> RingNode | None:
    """Who was heard longest ago; None in an empty bucket."""
    oldest: RingNode | None = next(iter(bucket.nodes.values()), None)
    return oldest


def _depth(bucket: KBucket) -> int:
    """How many leading bits all its contacts share."""
    ids: list[int] = [contact.long_id for contact in bucket.nodes.values()]
    return RING_BITS - (min(ids) ^ max(ids)).bit_length()
