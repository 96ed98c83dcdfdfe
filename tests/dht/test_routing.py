"""k-buckets: exact subtrees, exact neighbours."""

from hypothesis import given
from hypothesis import strategies as st

from crypto.hashing import digest
from dht.records import node_id
from dht.routing import RING_BITS, Buckets, RingNode, is_ip_address, place

LABELS = st.lists(st.integers(0, 10_000), min_size=1, max_size=120, unique=True)
TARGETS = st.binary(min_size=20, max_size=20)


def key(label: int) -> bytes:
    return digest("routing test", label.to_bytes(8, "big"))


def filled(
    labels: list[int], bucket_size: int, neighbours: frozenset[bytes] = frozenset()
) -> tuple[Buckets, list[RingNode]]:
    doubted: list[RingNode] = []
    own = place(node_id(digest("own")))
    buckets = Buckets(own, bucket_size, neighbours.__contains__)
    for label in labels:
        oldest = buckets.add_contact(RingNode(key(label), ("10.0.0.1", 1 + label)))
        doubted += [] if oldest is None else [oldest]
    return buckets, doubted


@given(LABELS, st.sampled_from([1, 2, 4, 20]), TARGETS, st.integers(1, 30))
def test_the_neighbours_found_are_exactly_the_nearest_contacts(
    labels: list[int], bucket_size: int, target: bytes, wanted: int
) -> None:
    buckets, _ = filled(labels, bucket_size)
    goal = int.from_bytes(target, "big")
    nearest = sorted(buckets, key=lambda contact: contact.long_id ^ goal)
    assert buckets.find_neighbors(place(target), wanted) == nearest[:wanted]
    left_out = nearest[0]
    assert buckets.find_neighbors(place(target), wanted, left_out) == nearest[1 : wanted + 1]


@given(LABELS, st.sampled_from([1, 2, 4]))
def test_buckets_are_disjoint_subtrees_that_cover_the_ring(
    labels: list[int], bucket_size: int
) -> None:
    buckets, _ = filled(labels, bucket_size)
    expected = 0
    for bucket in buckets.buckets:
        low, high = bucket.range
        size = high - low + 1
        assert low == expected
        assert size & (size - 1) == 0
        assert low % size == 0
        assert len(bucket) <= bucket_size
        assert all(low <= contact.long_id <= high for contact in bucket.nodes.values())
        expected = high + 1
    assert expected == 2**RING_BITS


@given(LABELS)
def test_a_contact_is_found_by_its_id(labels: list[int]) -> None:
    buckets, _ = filled(labels, 4)
    for contact in buckets:
        assert buckets.contact(contact.id) is contact
    assert buckets.contact(node_id(digest("nobody"))) is None


def test_the_ends_of_the_ring_have_their_bucket() -> None:
    buckets, _ = filled(list(range(100)), 2)
    for goal in (0, 2 ** (RING_BITS - 1) - 1, 2 ** (RING_BITS - 1), 2**RING_BITS - 1):
        bucket = buckets.buckets[buckets.get_bucket_for(place(goal.to_bytes(20, "big")))]
        assert bucket.range[0] <= goal <= bucket.range[1]


def test_the_oldest_contact_of_a_full_bucket_is_doubted_not_replaced() -> None:
    buckets, doubted = filled(list(range(400)), 2)
    assert doubted
    full = buckets.buckets[buckets.get_bucket_for(doubted[-1])]
    assert doubted[-1].id in full.nodes
    successor = list(full.replacement_nodes.values())[-1]
    buckets.remove_contact(doubted[-1])
    assert successor.id in full.nodes


@given(LABELS, st.sampled_from([1, 2, 4]), st.integers(20_000, 30_000))
def test_who_has_no_room_beside_the_contacts_would_doubt_the_oldest(
    labels: list[int], bucket_size: int, label: int
) -> None:
    buckets, _ = filled(labels, bucket_size)
    oldest = buckets.in_the_way_of(key(label))
    if oldest is not None:
        assert buckets.add_contact(RingNode(key(label), ("10.0.0.1", 1))) is oldest
        assert buckets.contact(node_id(key(label))) is None


@given(LABELS, st.sampled_from([1, 2, 4]))
def test_neighbours_are_kept_whatever_it_takes(labels: list[int], bucket_size: int) -> None:
    neighbours = frozenset(key(label) for label in labels[::2])
    buckets, _ = filled(labels, bucket_size, neighbours)
    assert neighbours <= {contact.key for contact in buckets}


def test_a_contacts_place_is_the_hash_of_its_key() -> None:
    contact = RingNode(key(1), ("10.0.0.1", 1))
    assert contact.id == node_id(key(1))
    assert len(contact.id) == 20


def test_only_numeric_hosts_are_addresses() -> None:
    assert is_ip_address("127.0.0.1")
    assert is_ip_address("::1")
    for host in ("localhost", "example", "", "1.2.3", "999.1.1.1", "fe80::1%eth0", "127.0.0.1\n"):
        assert not is_ip_address(host)
