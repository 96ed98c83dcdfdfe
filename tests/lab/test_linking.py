"""What a coalition can join: each leak is planted in views, and found; nothing else is."""

import hashlib
import itertools

import pytest

from crypto import codec
from scenarios.lab.knowledge import Known
from scenarios.lab.linking import How, Linker, Tie, common
from tests.lab.planted import Planted, fresh, parties

PLAYERS = ("customer", "stranger", "bank", "merchant", "server")


@pytest.fixture
def world() -> Planted:
    return parties(PLAYERS)


def how(
    known: dict[str, Known], coalition: str, tie: Tie, public: frozenset[str] = frozenset()
) -> How:
    return Linker(known, public).coalition(coalition.split("+")).how(tie)


def withdraws_and_pays(world: Planted, **leak: str) -> Tie:
    """An identified withdrawal and an anonymous payment, with nothing in common but what leaks."""
    world.said(
        "bank",
        {"amount": 7, "nonce": leak.get("nonce", fresh())},
        sender="customer",
        step="W",
        transaction=leak.get("withdrawal", ""),
    )
    payment = world.said(
        "merchant",
        {"amount": 7, "reference": leak.get("reference", fresh())},
        step="P",
        transaction=leak.get("payment", ""),
    )
    return Tie.of(world.ids["customer"], payment)


# leaks


def test_nothing_in_common_joins_nothing(world: Planted) -> None:
    tie = withdraws_and_pays(world)
    assert how(world.known(), "bank", tie) is How.NEVER
    assert how(world.known(), "merchant", tie) is How.NEVER
    assert how(world.known(), "bank+merchant+server", tie) is How.NEVER


def test_a_value_that_leaks_through_a_nonce_joins_who_saw_it_here_and_there(world: Planted) -> None:
    nonce = fresh()
    tie = withdraws_and_pays(world, nonce=nonce, reference=nonce)
    assert how(world.known(), "bank+merchant", tie) is How.DERIVABLE
    assert how(world.known(), "bank", tie) is how(world.known(), "merchant", tie) is How.NEVER


def test_a_transaction_used_for_withdrawal_and_payment_joins_them(world: Planted) -> None:
    both = fresh(16)
    tie = Tie.of(world.ids["customer"], "a reference in words")
    withdraws_and_pays(world, withdrawal=both, payment=both, reference="a reference in words")
    assert how(world.known(), "bank+merchant", tie) is How.DERIVABLE
    assert how(world.known(), "merchant", tie) is How.NEVER


def test_a_hash_of_two_known_values_joins_them_to_where_it_stands(world: Planted) -> None:
    one, other = fresh(), fresh()
    made = hashlib.sha256(bytes.fromhex(one + other)).hexdigest()
    world.said("bank", {"account": one, "counter": other}, sender="customer")
    payment = world.said("merchant", {"reference": made})
    tie = Tie.of(world.ids["customer"], payment)
    assert how(world.known(), "bank+merchant", tie) is How.DERIVABLE
    assert how(world.known(), "server+merchant", tie) is How.NEVER


def test_who_knows_a_value_finds_its_hash(world: Planted) -> None:
    name = "customer number 0042 of Busan"
    world.said("bank", {"account": name}, sender="customer")
    payment = world.said("merchant", {"tag": hashlib.sha256(name.encode()).hexdigest()})
    tie = Tie.of(world.ids["customer"], payment)
    assert how(world.known(), "bank+merchant", tie) is How.DERIVABLE
    assert how(world.known(), "merchant", tie) is How.NEVER


def test_a_value_smuggled_inside_a_longer_one_is_found(world: Planted) -> None:
    nonce = fresh()
    padded = "ff" * 41 + nonce + "fe" * 60
    tie = withdraws_and_pays(world, nonce=nonce, reference=padded)
    assert how(world.known(), "bank+merchant", tie) is How.DERIVABLE


def test_a_value_inside_a_signed_document_is_found(world: Planted) -> None:
    nonce = fresh()
    document = codec.encode(
        {"payee": "x" * 40, "inner": codec.encode([bytes.fromhex(nonce), 3, 4])}
    )
    tie = withdraws_and_pays(world, nonce=nonce, reference=document.hex())
    assert how(world.known(), "bank+merchant", tie) is How.DERIVABLE


def test_a_name_where_none_should_stand_is_read(world: Planted) -> None:
    world_id = world.ids["customer"]
    assert (
        how(world.known(), "merchant", withdraws_and_pays(world, reference=world_id)) is How.NEVER
    )
    tie = withdraws_and_pays(world, reference=world_id)
    assert how(world.known(), "merchant", tie) is How.READABLE
    tie = withdraws_and_pays(world, reference="customer")
    assert how(world.known(), "merchant", tie) is How.READABLE


def test_a_certified_key_in_place_of_a_fresh_one_is_a_name(world: Planted) -> None:
    """PID-R2, BS-R3. Everybody has everybody's card, and it is no common value for that."""
    key = fresh()
    card = codec.encode(
        {"id": bytes.fromhex(world.ids["customer"]), "sealing_key": bytes.fromhex(key)}
    )
    for who in ("customer", "stranger"):
        world.said(who, {"card": {"content": card.hex()}}, protocol="membership")
    deposit = world.said("bank", {"reply_key": key})
    known = world.known()
    public = common([[known["customer"]], [known["stranger"]]])
    assert how(known, "bank", Tie.of(world.ids["customer"], deposit), public) is How.READABLE


def test_what_can_be_computed_from_a_record_joins(world: Planted) -> None:
    alias = fresh()
    world.said("server", {"secret": "BCus_key", "owner": "customer"})
    order = world.said("merchant", {"alias": alias})
    tie = Tie.of(world.ids["customer"], order)
    known = world.known(lambda what, fields: [alias] if fields.get("secret") == "BCus_key" else [])
    assert how(known, "server+merchant", tie) is How.DERIVABLE
    assert how(world.known(), "server+merchant", tie) is How.NEVER


def test_books_count_as_what_was_read_does(world: Planted) -> None:
    pseudonym = fresh(16)
    world.wrote("server", "named", {"identity": world.ids["customer"], "pseudonym": pseudonym})
    order = world.said("merchant", {"pseudonym": pseudonym})
    tie = Tie.of(world.ids["customer"], order)
    assert how(world.known(), "server", Tie.of(world.ids["customer"], pseudonym)) is How.READABLE
    assert how(world.known(), "server+merchant", tie) is How.DERIVABLE


# what is no leak


def test_a_persons_name_joins_nothing_by_itself(world: Planted) -> None:
    """It stands under everything that this person does."""
    one = world.said("merchant", {"goods": fresh()}, sender="customer")
    other = world.said("merchant", {"goods": fresh()}, sender="customer")
    assert how(world.known(), "merchant", Tie.of(one, other)) is How.NEVER


def test_what_strangers_have_seen_too_joins_nothing(world: Planted) -> None:
    prices = fresh()
    for who in ("customer", "stranger"):
        world.said(who, {"prices": prices}, sender="merchant")
    world.said("bank", {"prices": prices}, sender="customer")
    order = world.said("merchant", {"prices": prices})
    tie = Tie.of(world.ids["customer"], order)
    known = world.known()
    public = common([[known["customer"]], [known["stranger"]]])
    assert prices in public
    assert how(known, "bank+merchant", tie, public) is How.NEVER
    assert how(known, "bank+merchant", tie) is How.DERIVABLE


def test_who_voted_for_a_record_is_no_party_to_it(world: Planted) -> None:
    chain, voter = fresh(), world.ids["customer"]
    votes = [{"voter": voter, "signature": fresh(64)}]
    world.said("server", {"chain": chain, "votes": votes})
    encoded = codec.encode([[bytes.fromhex(voter), bytes(64)], [bytes.fromhex(voter), bytes(64)]])
    world.said("server", {"chain": chain, "certificate": encoded.hex()})
    assert how(world.known(), "server", Tie.of(voter, chain)) is How.NEVER


def test_short_values_stand_somewhere_by_chance(world: Planted) -> None:
    tie = withdraws_and_pays(world, nonce="7f3a", reference="7f3a")
    assert how(world.known(), "bank+merchant", tie) is How.NEVER


def test_an_anonymous_message_names_nobody_and_a_signed_one_its_sender(world: Planted) -> None:
    anonymous = world.said("merchant", {"goods": fresh()})
    signed = world.said("merchant", {"goods": fresh()}, sender="customer")
    known = world.known()
    assert how(known, "merchant", Tie.of(world.ids["customer"], anonymous)) is How.NEVER
    assert how(known, "merchant", Tie.of(world.ids["customer"], signed)) is How.READABLE


# amounts and times


def test_equal_amounts_close_in_time_are_told_apart_from_what_is_joined(world: Planted) -> None:
    ties = []
    for who, amount in (("customer", 7), ("stranger", 11)):
        world.said("bank", {"amount": amount}, sender=who, time=1000)
        payment = world.said("merchant", {"amount": amount}, time=5000)
        ties.append(Tie.of(world.ids[who], payment))
    joined = Linker(world.known()).coalition(["bank", "merchant"])
    assert [joined.how(tie) for tie in ties] == [How.NEVER, How.NEVER]
    assert [joined.guesses(ties, 0), joined.guesses(ties, 1)] == [True, True]
    alone = Linker(world.known()).coalition(["merchant"])
    assert not alone.guesses(ties, 0)


def test_a_stranger_with_the_same_amount_and_nearer_in_time_is_taken_for_the_customer(
    world: Planted,
) -> None:
    ties = []
    for who, time in (("customer", 1000), ("stranger", 4000)):
        world.said("bank", {"amount": 7}, sender=who, time=time)
        ties.append(Tie.of(world.ids[who], world.said("merchant", {"amount": 7}, time=5000)))
    joined = Linker(world.known()).coalition(["bank", "merchant"])
    assert not joined.guesses(ties, 0)
    assert joined.guesses(ties, 1)


def test_coins_count_by_their_sum(world: Planted) -> None:
    world.said("bank", {"coins": [{"amount": 4}, {"amount": 2}, {"amount": 1}]}, sender="customer")
    (record,) = world.known()["bank"].records
    assert record.amounts == {7}


# sealed


def test_who_passes_on_what_is_sealed_has_it_sealed_only(world: Planted) -> None:
    """And who sealed it knows what is inside, of course."""
    secret, parcel = fresh(), fresh(80)
    world.said("merchant", {"parcel": parcel}, sender="customer", step="P1")
    passed_on = world.said("server", {"parcel": parcel}, sender="merchant", step="P2")
    world.opened("server", {"secret": secret}, step="P2", transaction=passed_on)
    made = world.said("stranger", {"parcel": fresh(80)}, sender="bank", step="4")
    world.opened("stranger", {"secret": secret}, step="4", transaction=made)
    linker, tie = Linker(world.known()), Tie.of(secret)
    assert linker.coalition(["merchant"]).how(tie) is How.NEVER
    assert linker.opened("merchant").how(tie) is How.READABLE
    assert linker.coalition(["bank"]).how(tie) is How.READABLE
    assert linker.coalition(["server"]).how(tie) is How.READABLE


# looking up


def test_looking_up_one_party_says_whom_and_asking_for_all_says_nothing(world: Planted) -> None:
    tie = Tie.of(world.ids["customer"], world.ids["merchant"])
    everyone = {"ids": list(world.ids.values())}
    world.said("server", everyone, sender="customer", protocol="membership", time=20)

    def looked_up(since: int) -> How:
        return Linker(world.known(), look_ups_since=since).coalition(["server"]).how(tie)

    assert looked_up(0) is How.NEVER
    one = {"ids": [world.ids["merchant"]]}
    world.said("server", one, sender="customer", protocol="membership", time=30)
    assert looked_up(25) is How.READABLE
    assert looked_up(35) is How.NEVER
    assert how(world.known(), "server", tie) is How.NEVER


# cost


@pytest.mark.timeout(30)
def test_views_of_ten_thousand_rows_are_joined(world: Planted) -> None:
    """A chain of records, each tied to the next, from one end to the other."""
    links = [fresh() for _ in range(10_000)]
    for place, (here, there) in enumerate(itertools.pairwise(links)):
        world.said(("bank", "merchant")[place % 2], {"from": here, "to": there})
    known, tie = world.known(), Tie.of(links[0], links[-1])
    assert how(known, "bank+merchant", tie) is How.DERIVABLE
    assert how(known, "bank", tie) is How.NEVER
