"""What holds of every order of coins, shown on exchanges: sections 4.3 and 4.7."""

from typing import Any

import msgspec
import pytest

from crypto import codec
from crypto.documents import sign_document
from crypto.sealing import SealingKey, seal
from crypto.signing import SigningKey
from nodes.protocols.electronic_cash import circulation, exchange, spending
from nodes.protocols.electronic_cash.circulation import HOLDER, PRESENTER
from nodes.protocols.electronic_cash.coin import Coin, issued, serial
from nodes.protocols.electronic_cash.documents import (
    ChangeBlock,
    OrderState,
    Output,
    Settlement,
    Spend,
    SpendOrder,
)
from nodes.protocols.electronic_cash.holding import (
    COIN_MOVES,
    SPENDING_MOVES,
    CoinPhase,
    HeldCoin,
    Path,
    Spending,
    SpendingPhase,
)
from nodes.protocols.electronic_cash.reading import opened
from nodes.protocols.electronic_cash.refusals import (
    ChangeDiffers,
    CoinForged,
    CoinGivenTwice,
    CoinNotCirculating,
    KeyInUse,
    MoveNotAllowed,
    NotEnoughCoins,
    OrderTooLate,
    ParcelUnreadable,
    RetirementNotShown,
    SettlementMissing,
    SpendNotSigned,
    TooManyCoins,
    UnknownRequest,
    ValueChanged,
    WrongCoinServer,
    WrongKind,
)
from nodes.protocols.electronic_cash.spending import Wanted
from nodes.protocols.electronic_cash.wallet import Wallet, choose
from nodes.protocols.errors import Refused
from nodes.protocols.guard import ALL_ON, Guards
from tests.protocols.electronic_cash.town import LATER, NOW, Town, altered_order, flipped

replace = msgspec.structs.replace
STRANGER = SigningKey(bytes([3]) * 32)


class Course:
    """Alice has 8 and 4 and orders 10 and 2 for them."""

    def __init__(self, guards: Guards = ALL_ON) -> None:
        self.town = Town(guards)
        self.alice, self.server = self.town.alice, self.town.first
        self.coins = self.town.withdraw(self.alice, (8, 4))
        self.keys = [self.alice.wallet.one_time_key(held.path) for held in self.coins]
        wanted = Wanted("exchange", 0, None, None, LATER, (10, 2))
        self.made = self.town.order(self.alice, wanted, coins=self.coins)

    def exchange(self, spend: Spend | None = None, **at: Any) -> Any:
        presented = circulation.read_spend(spend or self.made.spend)
        change, answer = exchange.exchange(
            presented, self.server.serving(self.town.guards, **at), self.server.records
        )
        self.server.records.apply(change)
        return answer

    def altered(self, **changes: object) -> Spend:
        return altered_order(self.made, self.keys, **changes)

    def order(self) -> Any:
        return circulation.read_spend(self.made.spend).order


def refuses(course: Course, refusal: type[Refused], spend: Spend | None = None, **at: Any) -> None:
    """The order is refused, and nothing has happened."""
    before = dict(course.server.records.coins)
    with pytest.raises(refusal):
        course.exchange(spend, **at)
    assert course.server.records.coins == before


# the honest course


def test_old_serials_are_gone_and_as_much_is_new() -> None:
    course = Course()
    answer = course.exchange()
    done, coins = spending.settled(course.made, answer.change, course.alice.wallet, ALL_ON)
    assert done.state is SpendingPhase.SETTLED
    assert [held.coin.amount for held in coins] == [10, 2]
    assert set(course.server.records.coins) == {serial(held.coin) for held in coins}
    refuses(course, CoinNotCirculating, course.altered(nonce=bytes(32)))


def test_a_coin_has_no_expiry() -> None:
    """Section 2.2 on the others: Ecash, NetCash and PayMe coins run out."""
    course = Course()
    years_later = NOW + 50 * 366 * 86_400_000
    spend = course.altered(valid_until=years_later)
    course.exchange(spend, now=years_later)


def test_the_answer_can_only_be_read_by_the_holder() -> None:
    course = Course()
    answer = course.exchange()
    for held in course.coins:
        assert held.coin.key not in answer.change
    with pytest.raises(ChangeDiffers):
        spending.settled(course.made, answer.change, course.town.bob.wallet, ALL_ON)


# who may spend


def test_a_coin_moves_only_by_the_signature_of_its_one_time_key() -> None:
    """BS-A5: whoever has seen the coin, its serial and the bank's signature still cannot."""
    course = Course()
    for signatures in (
        (),
        course.made.spend.signatures[:1],
        course.made.spend.signatures[::-1],
        (course.made.spend.signatures[0], STRANGER.sign("x", b"")),
    ):
        refuses(course, SpendNotSigned, replace(course.made.spend, signatures=signatures))


def test_without_the_guard_whoever_saw_a_coin_spends_it() -> None:
    """BS-A5, as printed: the coin is whatever opens as PEs(sn#)."""
    course = Course(Guards.without(["spend-is-signed-by-the-coin"]))
    thief = Wallet(bytes(32))
    key = thief.one_time_key(Path(1, 0)).public_key
    stolen = course.altered(outputs=(Output(key, 12),), reply_key=thief.reply_key(1).public_key)
    course.exchange(replace(stolen, signatures=()))
    assert course.server.records.serial_under(key) is not None


@pytest.mark.parametrize("field", [f for f in SpendOrder.__struct_fields__ if f != "condition"])
def test_every_field_of_an_order_is_under_the_coins_signatures(field: str) -> None:
    course = Course()
    other: dict[str, object] = {
        "kind": "pay",
        "coin_server": course.town.second.id,
        "coins": course.order().coins[:1],
        "amount": 1,
        "payee": STRANGER.public_key,
        "reference": bytes(32),
        "outputs": course.order().outputs[:1],
        "reply_key": SealingKey(bytes(32)).public_key,
        "valid_until": LATER + 1,
        "nonce": bytes(32),
    }
    content = codec.encode(replace(course.order(), **{field: other[field]}))
    with pytest.raises((SpendNotSigned, WrongKind, WrongCoinServer)):
        course.exchange(Spend(content, course.made.spend.signatures))


# which coins are good


def test_a_coin_in_circulation_without_a_signature_is_refused() -> None:
    """BS-A8, one half: the record alone makes no coin."""
    course = Course()
    first = course.order().coins[0]
    for forged in (
        replace(first, signature=flipped(first.signature)),
        replace(first, signature=bytes(256)),
        replace(first, period=2),
        replace(first, period=None, signature=bytes(64)),
        replace(first, amount=4),
    ):
        coins = (forged, course.order().coins[1])
        refuses(course, CoinForged, course.altered(coins=coins))


def test_a_signed_coin_that_is_not_in_circulation_is_refused() -> None:
    """BS-A8, the other half: the signature alone makes no coin."""
    course = Course()
    unknown = issued(course.server.key, course.keys[0].public_key, bytes(32), 8)
    refuses(course, CoinNotCirculating, course.altered(coins=(unknown, course.order().coins[1])))


def test_a_coin_signed_by_another_coin_server_is_refused() -> None:
    course = Course()
    foreign = issued(course.town.second.key, course.keys[0].public_key, bytes(32), 8)
    refuses(course, WrongCoinServer, course.altered(coins=(foreign, course.order().coins[1])))
    claimed = replace(foreign, coin_server=course.server.id)
    refuses(course, CoinForged, course.altered(coins=(claimed, course.order().coins[1])))


def test_one_coin_or_one_key_twice_in_an_order_is_refused() -> None:
    course = Course()
    first = course.order().coins[0]
    twice = altered_order(course.made, [course.keys[0]] * 2, coins=(first, first))
    refuses(course, CoinGivenTwice, twice)
    out = course.order().outputs[0]
    refuses(course, CoinGivenTwice, course.altered(outputs=(out, replace(out, amount=2))))
    refuses(course, CoinGivenTwice, course.altered(outputs=(Output(first.key, 12),)))


def test_an_output_under_a_key_in_use_is_refused() -> None:
    course = Course()
    (other,) = course.town.withdraw(course.town.bob, (1,))
    refuses(course, KeyInUse, course.altered(outputs=(Output(other.coin.key, 12),)))


@pytest.mark.parametrize("amounts", [(10, 1), (10, 3), ()])
def test_an_order_that_changes_the_value_is_refused(amounts: tuple[int, ...]) -> None:
    course = Course()
    keys = [output.key for output in course.order().outputs]
    outputs = tuple(Output(k, a) for k, a in zip(keys, amounts, strict=False))
    refuses(course, ValueChanged, course.altered(outputs=outputs))
    refuses(course, ValueChanged, course.altered(amount=2, outputs=course.order().outputs[:1]))


def test_a_holder_signs_no_order_whose_outputs_do_not_fit() -> None:
    course = Course()
    with pytest.raises(ValueChanged):
        course.town.order(
            course.alice, Wanted("exchange", 0, None, None, LATER, (9,)), coins=course.coins
        )


# when


def test_an_order_serves_until_the_moment_its_holder_set() -> None:
    """BS-A19."""
    course = Course()
    refuses(course, OrderTooLate, now=LATER + 1)
    refuses(course, OrderTooLate, course.altered(valid_until=None))
    course.exchange(now=LATER)


def test_without_the_guard_an_order_serves_for_ever() -> None:
    course = Course(Guards.without(["order-is-in-time"]))
    course.exchange(now=LATER + 10**10)


# what a refusal shows


def test_whoever_brings_a_retired_coin_is_shown_the_order_that_retired_it() -> None:
    """BS-A15: and only who brings it can read that."""
    course = Course()
    course.exchange()
    again = course.altered(nonce=bytes([1]) * 32)
    with pytest.raises(CoinNotCirculating) as caught:
        course.exchange(again)
    record = replace(course.made, request=circulation.request_of(again.order), spend=again)
    wallet = course.alice.wallet
    spending.refused(record, "", caught.value.evidence, wallet, ALL_ON)
    with pytest.raises(RetirementNotShown):
        spending.refused(record, "", caught.value.evidence, course.town.bob.wallet, ALL_ON)
    for held in course.coins:
        assert held.coin.key not in caught.value.evidence


def test_a_refusal_that_shows_nothing_or_another_coin_s_order_is_no_proof() -> None:
    course, other = Course(), Course()
    other.town.withdraw(other.town.bob, (8,))
    with pytest.raises(RetirementNotShown):
        spending.refused(course.made, "", b"", course.alice.wallet, ALL_ON)
    bob = course.town.bob
    course.town.withdraw(bob, (8,))
    foreign = course.town.order(bob, Wanted("exchange", 0, None, None, LATER, (8,)))
    reply_key = course.alice.wallet.reply_key(course.made.index).public_key
    context = circulation._evidence_context(course.made.request)
    forged = replace(course.made.spend, signatures=(bytes(64),) * 2)
    for shown in (foreign.spend, forged, replace(course.made.spend, order=b"")):
        evidence = seal(reply_key, codec.encode(shown), context)
        with pytest.raises(RetirementNotShown):
            spending.refused(course.made, "", evidence, course.alice.wallet, ALL_ON)


def test_without_the_guard_a_coin_server_denies_a_coin_unpunished() -> None:
    """BS-A15, as printed."""
    course = Course()
    without = Guards.without(["retirement-is-shown"])
    spending.refused(course.made, "", b"", course.alice.wallet, without)


# the change


def test_change_other_than_ordered_is_refused() -> None:
    course = Course()
    presented = circulation.read_spend(course.made.spend)
    server, order = course.server.serving(), course.order()
    good = [issued(course.server.key, o.key, bytes(32), o.amount) for o in order.outputs]
    settlement = circulation.settlement(presented, server)
    block = ChangeBlock(tuple(good), settlement)
    sealed = circulation.seal_change(presented, block)
    spending.settled(course.made, sealed, course.alice.wallet, ALL_ON)
    foreign = issued(course.town.second.key, order.outputs[0].key, bytes(32), 10)
    for coins in (
        (),
        tuple(good[:1]),
        tuple(good[::-1]),
        (replace(good[0], amount=11), good[1]),
        (replace(good[0], signature=bytes(64)), good[1]),
        (foreign, good[1]),
    ):
        wrong = circulation.seal_change(presented, replace(block, coins=coins))
        with pytest.raises(ChangeDiffers):
            spending.settled(course.made, wrong, course.alice.wallet, ALL_ON)


@pytest.mark.parametrize("field", ["request", "kind", "payee", "amount", "reference"])
def test_a_settlement_of_something_else_is_none(field: str) -> None:
    """BS-A4."""
    course = Course()
    answer = course.exchange()
    block = spending.open_change(course.made, answer.change, course.alice.wallet)
    other: dict[str, object] = {
        "request": bytes(32),
        "kind": "pay",
        "payee": STRANGER.public_key,
        "amount": 1,
        "reference": bytes(32),
    }
    said = replace(opened(Settlement, block.settlement), **{field: other[field]})
    presented = circulation.read_spend(course.made.spend)
    for signed in (
        sign_document(said, course.server.key),
        replace(block.settlement, signatures=(bytes(64),)),
    ):
        wrong = circulation.seal_change(presented, replace(block, settlement=signed))
        with pytest.raises(SettlementMissing):
            spending.settled(course.made, wrong, course.alice.wallet, ALL_ON)
        spending.settled(
            course.made, wrong, course.alice.wallet, Guards.without(["settlement-is-confirmed"])
        )


# asking again


def test_the_holder_and_nobody_else_is_told_what_became_of_an_order() -> None:
    """Steps P5, P6."""
    course = Course()
    query = spending.ask_for_change(course.made, course.alice.wallet)
    me, records = course.server.id, course.server.records
    assert spending.tell_change(query, None, me, records).state is OrderState.OPEN
    answer = course.exchange()
    entry = records.journal[query.request]
    told = spending.tell_change(query, entry, me, records)
    assert (told.state, told.change) == (OrderState.SETTLED, answer.change)
    assert spending.tell_change(query, None, me, records).state is OrderState.FORGOTTEN
    signature = STRANGER.sign(circulation.FETCH, me + query.request)
    for forged, refusal in (
        (replace(query, signature=bytes(64)), SpendNotSigned),
        (replace(query, request=bytes(32)), SpendNotSigned),
        (replace(query, key=STRANGER.public_key, signature=signature), UnknownRequest),
    ):
        with pytest.raises(refusal):
            spending.tell_change(forged, entry, me, records)


def test_an_entry_leaves_the_journal_when_everybody_who_waits_has_it() -> None:
    course = Course()
    course.exchange()
    entry = course.server.records.journal[course.made.request]
    assert entry.waiting == (HOLDER,)
    message = spending.acknowledge_change(course.made, course.alice.wallet)
    assert spending.holder_acknowledges(entry, message, course.server.id) is None
    with pytest.raises(SpendNotSigned):
        spending.holder_acknowledges(entry, replace(message, signature=bytes(64)), course.server.id)
    both = replace(entry, waiting=(HOLDER, PRESENTER))
    left = spending.holder_acknowledges(both, message, course.server.id)
    assert left is not None
    assert left.waiting == (PRESENTER,)
    assert spending.acknowledged(left, PRESENTER) is None
    assert spending.acknowledged(None, PRESENTER) is None


def test_a_coin_is_shown_to_whoever_has_its_key() -> None:
    """Steps Q1, Q2: how a wallet that has only its seed finds what circulates."""
    course = Course()
    course.exchange()
    wallet, server = course.alice.wallet, course.server
    reply = SealingKey(bytes(32)).public_key
    for place, amount in enumerate((10, 2)):
        path = Path(course.made.index, place)
        query = spending.ask_for_coin(wallet, path, server.id, NOW, reply)
        answer = spending.tell_coin(query, server.serving(), server.records)
        held = spending.found(answer, wallet, path, server.id)
        assert held is not None
        assert (held.coin.amount, serial(held.coin) in server.records.coins) == (amount, True)
    with pytest.raises(SpendNotSigned):
        spending.tell_coin(replace(query, at=NOW + 1), server.serving(), server.records)
    with pytest.raises(OrderTooLate):
        spending.tell_coin(query, server.serving(now=NOW + 10**9), server.records)
    nothing = spending.ask_for_coin(wallet, Path(99, 0), server.id, NOW, reply)
    answer = spending.tell_coin(nothing, server.serving(), server.records)
    assert spending.found(answer, wallet, Path(99, 0), server.id) is None


def test_a_withdrawn_coin_is_shown_without_the_bank_s_signature() -> None:
    course = Course()
    wallet, held = course.alice.wallet, course.coins[0]
    query = spending.ask_for_coin(
        wallet, held.path, course.server.id, NOW, SealingKey(bytes(32)).public_key
    )
    answer = spending.tell_coin(query, course.server.serving(), course.server.records)
    assert (answer.amount, answer.period, answer.signature) == (8, 1, None)
    assert spending.found(answer, wallet, held.path, course.server.id) is None


# parcels


def test_a_parcel_opens_for_its_home_and_is_another_ciphertext_each_time() -> None:
    """BS-A13: PEs(sn#) is randomised, so it names no coin."""
    course = Course()
    serving, payee = course.server.serving(), course.town.bob.id
    wanted = Wanted("pay", 12, payee, bytes(32), LATER)
    made = course.town.order(course.alice, wanted, coins=course.coins)
    assert circulation.open_parcel(made.parcel, serving).request == made.request
    again = spending.seal_parcel(made.spend, course.server.id, serving.sealing_key.public_key)
    assert again != made.parcel
    for parcel in (b"", flipped(made.parcel), made.parcel + b"!"):
        with pytest.raises(ParcelUnreadable):
            circulation.open_parcel(parcel, serving)
    with pytest.raises(ParcelUnreadable):
        circulation.open_parcel(made.parcel, course.town.second.serving())
    with pytest.raises(ParcelUnreadable):
        circulation.read_spend(replace(course.made.spend, order=b"\xc0"))


def test_an_order_that_its_holder_brings_itself_is_in_no_parcel() -> None:
    assert Course().made.parcel == b""


def test_an_order_of_another_kind_or_for_another_server_is_refused() -> None:
    course = Course()
    refuses(course, WrongKind, course.altered(kind="deposit"))
    refuses(course, WrongCoinServer, course.altered(coin_server=course.town.second.id))


# the wallet


def coin_of(amount: int, number: int, home: bytes = bytes(32)) -> HeldCoin:
    key = number.to_bytes(32, "big")
    return HeldCoin(Coin(home, key, bytes(32), amount, None, bytes(64)), Path(number, 0))


def test_a_wallet_takes_the_largest_coins_that_fit() -> None:
    coins = [coin_of(a, n) for n, a in enumerate((8, 4, 4, 1, 1))]
    assert [h.coin.amount for h in choose(coins, 13)] == [8, 4, 1]
    assert [h.coin.amount for h in choose(coins, 18)] == [8, 4, 4, 1, 1]
    assert [h.coin.amount for h in choose(coins, 3)] == [1, 1, 4]
    assert [h.coin.amount for h in choose([coin_of(8, 0)], 3)] == [8]


def test_a_wallet_takes_coins_of_one_home_that_are_free() -> None:
    other = bytes([1]) * 32
    coins = [coin_of(4, 0), coin_of(8, 1, other)]
    with pytest.raises(NotEnoughCoins):
        choose(coins, 12)
    assert choose(coins, 8)[0].coin.coin_server == other
    with pytest.raises(NotEnoughCoins):
        choose(coins, 8, bytes(32))
    pledged = [held.moved(CoinPhase.PLEDGED) for held in coins]
    for nothing in (pledged, [], coins):
        with pytest.raises(NotEnoughCoins):
            choose(nothing, 0 if nothing is coins else 1)


def test_more_than_64_coins_are_not_taken() -> None:
    with pytest.raises(TooManyCoins):
        choose([coin_of(1, n) for n in range(65)], 65)
    assert len(choose([coin_of(1, n) for n in range(65)], 64)) == 64


def test_all_secrets_of_a_wallet_follow_from_its_seed_and_differ() -> None:
    one, same, other = Wallet(bytes(32)), Wallet(bytes(32)), Wallet(bytes([1]) * 32)

    def secrets(wallet: Wallet) -> list[bytes]:
        out = []
        for index in (1, 2):
            out += [
                wallet.nonce(index),
                wallet.handle(index),
                wallet.session_key(index),
                wallet.reply_key(index).private_bytes,
                *(key.seed for key in wallet.one_time_keys(index, 2)),
            ]
        return out

    assert secrets(one) == secrets(same)
    assert len({*secrets(one), *secrets(other)}) == 2 * len(secrets(one))


# moves


@pytest.mark.parametrize("start", list(SpendingPhase))
@pytest.mark.parametrize("end", list(SpendingPhase))
def test_an_order_makes_only_the_moves_of_its_table(
    start: SpendingPhase, end: SpendingPhase
) -> None:
    record: Spending = replace(Course().made, state=start)
    if end in SPENDING_MOVES[start]:
        assert record.moved(end).state is end
    else:
        with pytest.raises(MoveNotAllowed):
            record.moved(end)


@pytest.mark.parametrize("start", list(CoinPhase))
@pytest.mark.parametrize("end", list(CoinPhase))
def test_a_coin_makes_only_the_moves_of_its_table(start: CoinPhase, end: CoinPhase) -> None:
    record = replace(coin_of(1, 1), state=start)
    if end in COIN_MOVES[start]:
        assert record.moved(end).state is end
    else:
        with pytest.raises(MoveNotAllowed):
            record.moved(end)
