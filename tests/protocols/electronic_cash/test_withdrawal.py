"""Steps W1-W4, section 4.2: who sees what, and what each side refuses."""

from typing import Any

import msgspec
import pytest

from crypto import codec
from crypto.blind_signature import Blinder, BlindPrivateKey, derive_factor
from crypto.documents import sign_document
from crypto.signing import SigningKey
from nodes.protocols.electronic_cash import blinding, issuing, withdrawal
from nodes.protocols.electronic_cash.coin import (
    DenominationKey,
    KeyList,
    is_genuine,
    next_list,
    public_key,
    read_list,
    serial,
    split,
    statement_of,
)
from nodes.protocols.electronic_cash.documents import IssueOrder, IssueReceipt
from nodes.protocols.electronic_cash.holding import WITHDRAWING_MOVES, Withdrawing, WithdrawingPhase
from nodes.protocols.electronic_cash.messages import Deliver, Issue, Issued, Withdraw
from nodes.protocols.electronic_cash.reading import checked
from nodes.protocols.electronic_cash.refusals import (
    BlindingDiffers,
    BlockUnreadable,
    IssueDiffers,
    IssueRepeated,
    KeyInUse,
    KeyNotPublished,
    KeysNotAcceptable,
    MoveNotAllowed,
    NonceUsed,
    NotEnoughMoney,
    NotPaidFor,
    NotYours,
    ReceiptDiffers,
    WrongBankSignature,
    WrongDenominations,
    WrongDocument,
)
from nodes.protocols.electronic_cash.state import WITHDRAWAL_MOVES, WithdrawalPhase
from nodes.protocols.electronic_cash.wallet import recovered
from nodes.protocols.guard import Guards
from tests.protocols.electronic_cash.town import (
    AUTHORITY,
    Town,
    denomination_key,
    encoded,
    flipped,
    key_list,
)

STRANGER = SigningKey(bytes([3]) * 32)
replace = msgspec.structs.replace


class Course:
    """A withdrawal of 8, 4 and 1 by Alice, step by step."""

    def __init__(self, guards: Guards | None = None) -> None:
        self.town = Town(guards or Guards())
        self.server = self.town.first
        self.asked, self.request = self.town.ask(self.town.alice, (8, 4, 1), self.server)

    def accepted(self) -> withdrawal.Accepted:
        self.made = self.town.accept(self.town.alice, self.request)
        return self.made

    def issue(self, request: Issue | None = None, sender: bytes | None = None) -> Issued:
        server = self.server
        change, answer, number = issuing.issue(
            request or self.made.issue,
            sender or self.town.bank,
            server.records.last_number,
            server.serving(self.town.guards),
            server.records,
        )
        server.records.apply(change)
        server.records.last_number = number
        return answer

    def signed(self, issued: Issued) -> Deliver:
        return self.town.sign(self.asked.withdrawal, issued, self.server)

    def receive(self, delivery: Deliver, published: KeyList | None = None) -> Any:
        return withdrawal.receive(
            self.asked,
            delivery,
            self.town.alice.wallet,
            published or self.town.published,
            self.town.guards,
        )

    def order(self, **changes: object) -> Issue:
        order = replace(checked(IssueOrder, self.made.issue.order), **changes)
        return Issue(sign_document(order, self.town.bank_key), self.made.issue.block)


def receipt_of(issued: Issued, **changes: object) -> Issued:
    """What a dishonest coin server signs instead."""
    town = Town()
    receipt = replace(checked(IssueReceipt, issued.receipt), **changes)
    return replace(issued, receipt=sign_document(receipt, town.first.key))


def whole() -> tuple[Course, Issued, Deliver]:
    course = Course()
    course.accepted()
    issued = course.issue()
    return course, issued, course.signed(issued)


# the honest course


def test_the_user_has_coins_that_bear_the_bank_s_signature_and_circulate() -> None:
    course, _, delivery = whole()
    done, coins = course.receive(delivery)
    assert done.state is WithdrawingPhase.COMPLETED
    assert [held.coin.amount for held in coins] == [8, 4, 1]
    for held in coins:
        assert is_genuine(held.coin, course.town.published.keys)
        assert course.server.records.coin(serial(held.coin)) is not None
    assert course.town.accounts[course.town.alice.id].balance == 87
    assert course.town.outstanding[course.server.id].amount == 13


def test_the_bank_sees_no_serial_and_no_coin_and_the_coin_server_no_account() -> None:
    """Section 4.7: the account server cannot know the serials, the coin server not the user."""
    course, issued, delivery = whole()
    _, coins = course.receive(delivery)
    bank = encoded((course.request, issued, delivery, course.made.issue))
    server = encoded(course.made.issue)
    for held in coins:
        for secret in (serial(held.coin), held.coin.entropy, held.coin.key, held.coin.signature):
            assert secret not in bank
    for name in (course.town.alice.id, course.asked.nonce):
        assert name not in server
        assert name not in course.server.sealing_key.open(
            course.made.issue.block,
            blinding.block_context(course.town.bank, course.server.id),
        )


def test_the_bank_s_view_fits_every_pairing_of_withdrawals_and_coins() -> None:
    """BS-24: for two withdrawals of one denomination either coin explains either signature."""
    one, two = Course(), Course()
    two.asked, two.request = two.town.ask(two.town.bob, (8,), two.server)
    one.asked, one.request = one.town.ask(one.town.alice, (8,), one.server)
    seen, coins = [], []
    for course, person in ((one, one.town.alice), (two, two.town.bob)):
        course.made = course.town.accept(person, course.request)
        issued = course.issue()
        delivery = course.signed(issued)
        _, held = withdrawal.receive(
            course.asked, delivery, person.wallet, course.town.published, Guards()
        )
        receipt = checked(IssueReceipt, issued.receipt)
        seen.append((receipt.blinded[0], delivery.signatures[0]))
        coins.append(held[0].coin)
    public = denomination_key(1, 8).public_key
    for blinded, signature in seen:
        for coin in coins:
            factor = (
                int.from_bytes(signature, "big")
                * pow(int.from_bytes(coin.signature, "big"), -1, public.modulus)
                % public.modulus
            )
            explained = Blinder(public, statement_of(coin), factor)
            assert explained.blinded_message == blinded
            assert explained.finalize(signature) == coin.signature


def test_signing_again_gives_the_same_bytes() -> None:
    course, issued, delivery = whole()
    held = replace(
        course.town.withdrawals[course.asked.withdrawal], state=WithdrawalPhase.HELD, delivery=None
    )
    again = withdrawal.sign(
        held,
        issued,
        course.server.id,
        course.town.outstanding[course.server.id],
        course.town.private_keys,
        course.town.banking(),
    )[2]
    assert again == delivery


# Step W1


def test_a_withdrawal_beyond_the_balance_is_refused_and_takes_nothing() -> None:
    town = Town()
    _, request = town.ask(town.alice, (8,) * 13, town.first)
    with pytest.raises(NotEnoughMoney):
        town.accept(town.alice, request)
    assert town.accounts[town.alice.id].balance == 100


@pytest.mark.parametrize("amount", [12, 14])
def test_denominations_that_do_not_add_up_are_refused_by_the_bank(amount: int) -> None:
    course = Course()
    with pytest.raises(WrongDenominations):
        course.town.accept(course.town.alice, replace(course.request, amount=amount))


def test_an_amount_without_a_key_is_refused() -> None:
    course = Course()
    with pytest.raises(WrongDenominations):
        course.town.accept(course.town.alice, replace(course.request, amount=3, denominations=(3,)))


def test_a_nonce_withdraws_once() -> None:
    """BS-A1."""
    course = Course()
    course.accepted()
    with pytest.raises(NonceUsed):
        course.town.accept(course.town.alice, course.request, used=True)
    with pytest.raises(NonceUsed):
        course.town.accept(course.town.alice, replace(course.request, nonce=None))
    assert course.town.accounts[course.town.alice.id].balance == 87


def test_without_the_guard_a_replayed_withdrawal_debits_again() -> None:
    """BS-A1, as printed: nothing in W1 tells the first from the second."""
    course = Course(Guards.without(["withdrawal-nonce-is-fresh"]))
    course.accepted()
    course.town.accept(course.town.alice, course.request, used=True)
    assert course.town.accounts[course.town.alice.id].balance == 74


@pytest.mark.parametrize("field", ["handle", "amount", "denominations", "nonce", "block"])
def test_every_field_of_w1_stands_in_the_bank_s_receipt_or_its_id(field: str) -> None:
    course = Course()
    other: dict[str, object] = {
        "handle": bytes(32),
        "amount": 8,
        "denominations": (1, 4, 8),
        "nonce": bytes(32),
        "block": course.request.block + b"!",
    }
    changed: Withdraw = replace(course.request, **{field: other[field]})
    if field == "amount":
        changed = replace(changed, denominations=(8,))
    made = course.town.accept(course.town.alice, changed)
    if field == "handle":  # only the coin server compares it, with the block
        withdrawal.accepted(course.asked, made.answer, course.town.alice.wallet)
        course.made = made
        with pytest.raises(BlockUnreadable):
            course.issue()
        return
    with pytest.raises(ReceiptDiffers):
        withdrawal.accepted(course.asked, made.answer, course.town.alice.wallet)


def test_a_receipt_signed_by_someone_else_is_refused() -> None:
    course = Course()
    answer = course.accepted().answer
    forged = replace(answer, receipt=replace(answer.receipt, signatures=(STRANGER.sign("x", b""),)))
    with pytest.raises(WrongDocument):
        withdrawal.accepted(course.asked, forged, course.town.alice.wallet)


# Steps W2, W3


def test_an_issue_that_its_sender_did_not_sign_is_refused() -> None:
    course = Course()
    course.accepted()
    with pytest.raises(NotPaidFor):
        course.issue(sender=STRANGER.public_key)
    stranger = replace(checked(IssueOrder, course.made.issue.order), bank=STRANGER.public_key)
    with pytest.raises(NotPaidFor):
        course.issue(
            Issue(sign_document(stranger, STRANGER), course.made.issue.block),
            STRANGER.public_key,
        )
    unsigned = replace(course.made.issue.order, signatures=(bytes(64),))
    with pytest.raises(WrongDocument):
        course.issue(replace(course.made.issue, order=unsigned))
    assert not course.server.records.coins


def test_an_issue_for_another_coin_server_is_refused() -> None:
    course = Course()
    course.accepted()
    with pytest.raises(NotPaidFor):
        course.issue(course.order(coin_server=course.town.second.id))


def test_an_issue_is_made_once_even_when_the_journal_has_forgotten_it() -> None:
    course = Course()
    course.accepted()
    course.issue()
    course.server.records.journal.clear()
    before = dict(course.server.records.coins)
    with pytest.raises(IssueRepeated):
        course.issue()
    assert course.server.records.coins == before


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"amount": 12}, WrongDenominations),
        ({"denominations": (8, 4)}, WrongDenominations),
        ({"denominations": (4, 8, 1)}, BlockUnreadable),
        ({"handle": bytes(32)}, BlockUnreadable),
        ({"block": bytes(32)}, BlockUnreadable),
        ({"keys": ()}, WrongDenominations),
    ],
)
def test_an_order_that_differs_from_the_user_s_block_is_refused(
    changes: dict[str, object], refusal: type[Exception]
) -> None:
    course = Course()
    course.accepted()
    with pytest.raises(refusal):
        course.issue(course.order(**changes))
    assert not course.server.records.coins


def test_a_block_sealed_for_someone_else_is_refused() -> None:
    course = Course()
    parties = withdrawal.Parties(
        course.town.alice.id,
        course.town.bank,
        course.server.id,
        course.town.second.sealing_key.public_key,
    )
    course.asked, course.request = withdrawal.ask(
        course.town.alice.wallet, 5, parties, (8,), bytes(16)
    )
    course.accepted()
    with pytest.raises(BlockUnreadable):
        course.issue()


def test_a_one_time_key_under_which_a_coin_circulates_gets_no_second_one() -> None:
    course = Course()
    course.accepted()
    course.issue()
    again = course.order(number=2, withdrawal=bytes(32))
    with pytest.raises(KeyInUse):
        course.issue(again)


def test_a_serial_that_circulates_is_drawn_again() -> None:
    """BS-05 and section 4.7: the coin server makes the serials, so none collide."""
    town = Town()
    (coin,) = town.withdraw(town.alice, (1,))
    records = town.first.records
    drawn = [bytes([1]) * 32, bytes([1]) * 32, bytes([2]) * 32]
    small = {serial(coin.coin)[:2]}

    class Small:
        """The same records, with serials of 16 bits: all that begin alike are one."""

        def coin(self, serial_: bytes) -> Any:
            first = serial_[:2] in small
            small.add(serial_[:2])
            return records.coin(serial(coin.coin)) if first else None

        def serial_under(self, key: bytes) -> None:
            return None

        def retirement(self, serial_: bytes) -> None:
            return None

    from nodes.protocols.electronic_cash.circulation import Mint

    mint = Mint(town.first.serving(draw=iter(drawn).__next__), Small())
    key = SigningKey(bytes(32)).public_key
    assert mint.entropy_for(key) == drawn[0]
    assert Mint(town.first.serving(draw=iter(drawn).__next__), Small()).entropy_for(key) == drawn[2]


# Step W4, bank


@pytest.mark.parametrize(
    "changes",
    [
        {"bank": STRANGER.public_key},
        {"withdrawal": bytes(32)},
        {"block": bytes(32)},
        {"blinded": (bytes(256),)},
        {"blinded": (b"\xff" * 256,) * 3},
        {"keys": ()},
    ],
)
def test_the_bank_signs_only_what_it_ordered(changes: dict[str, object]) -> None:
    course = Course()
    course.accepted()
    issued = course.issue()
    with pytest.raises(IssueDiffers):
        course.signed(receipt_of(issued, **changes))
    assert course.town.outstanding[course.server.id].amount == 0


def test_the_bank_takes_an_issue_only_from_the_coin_server_it_asked() -> None:
    course = Course()
    course.accepted()
    issued = course.issue()
    with pytest.raises(NotYours):
        course.town.sign(course.asked.withdrawal, issued, course.town.second)
    with pytest.raises(WrongDocument):
        course.signed(replace(issued, receipt=replace(issued.receipt, signatures=(bytes(64),))))


def test_a_refused_issue_gives_the_money_back_once() -> None:
    course = Course()
    course.accepted()
    record = course.town.withdrawals[course.asked.withdrawal]
    account = course.town.accounts[course.town.alice.id]
    done, back = withdrawal.void(record, account, BlockUnreadable())
    assert (done.state, back.balance) == (WithdrawalPhase.VOID, 100)
    with pytest.raises(MoveNotAllowed):
        withdrawal.void(done, back, BlockUnreadable())
    with pytest.raises(MoveNotAllowed):
        done.moved(WithdrawalPhase.SIGNED)


# Step W4, user


def test_a_wrong_signature_convicts_the_bank() -> None:
    course, _, delivery = whole()
    wrong = flipped(delivery.signatures[0])
    for signatures in (
        (wrong, *delivery.signatures[1:]),
        delivery.signatures[::-1],
        delivery.signatures[:2],
    ):
        with pytest.raises(WrongBankSignature):
            course.receive(replace(delivery, signatures=signatures))


def test_a_value_blinded_otherwise_than_derived_convicts_the_coin_server() -> None:
    """The coin server marks a coin: it blinds with a factor of its own choice."""
    course, issued, delivery = whole()
    receipt = checked(IssueReceipt, issued.receipt)
    public = denomination_key(1, 8).public_key
    marked = Blinder(public, b"mark", derive_factor(public, bytes(32), "own")).blinded_message
    wrong = receipt_of(issued, blinded=(marked, *receipt.blinded[1:]))
    with pytest.raises(BlindingDiffers):
        course.receive(replace(delivery, receipt=wrong.receipt))


def test_entropies_other_than_those_signed_for_convict_the_coin_server() -> None:
    course, issued, delivery = whole()
    for changes in ({"entropies": bytes(32)}, {"withdrawal": bytes(32)}, {"block": bytes(32)}):
        with pytest.raises(IssueDiffers):
            course.receive(replace(delivery, receipt=receipt_of(issued, **changes).receipt))
    with pytest.raises(IssueDiffers):
        course.receive(replace(delivery, entropies=flipped(delivery.entropies)))


def test_a_key_that_is_not_published_is_refused_by_everybody() -> None:
    """BS-A17: the bank marks one user's coins with a key of their own."""
    course = Course()
    special = BlindPrivateKey.generate()
    tagged = DenominationKey(1, 8, special.public_key.encoded)
    course.accepted()
    keys = tuple(
        tagged if key.denomination == 8 else key
        for key in checked(IssueOrder, course.made.issue.order).keys
    )
    with pytest.raises(KeyNotPublished):
        course.issue(course.order(keys=keys))


def test_without_the_guard_a_marked_coin_is_taken() -> None:
    """BS-A17, as printed: the user cannot see the mark, and the bank knows the coin again."""
    course = Course(Guards.without(["denomination-key-is-published"]))
    special = BlindPrivateKey.generate()
    tagged = DenominationKey(1, 8, special.public_key.encoded)
    course.accepted()
    keys = tuple(
        tagged if key.denomination == 8 else key
        for key in checked(IssueOrder, course.made.issue.order).keys
    )
    issued = course.issue(course.order(keys=keys))
    receipt = checked(IssueReceipt, issued.receipt)
    private = {**course.town.private_keys, tagged.modulus: special}
    signatures = tuple(
        private[next(k.modulus for k in keys if k.denomination == d)].blind_sign(b)
        for b, d in zip(receipt.blinded, (8, 4, 1), strict=True)
    )
    delivery = Deliver(course.asked.withdrawal, signatures, issued.receipt, issued.entropies)
    _, coins = course.receive(delivery)
    assert is_genuine(coins[0].coin, (tagged,))
    assert not is_genuine(coins[0].coin, course.town.published.keys)


def test_a_delivery_for_another_withdrawal_is_refused() -> None:
    course, _, delivery = whole()
    other, _ = course.town.ask(course.town.alice, (8, 4, 1), course.server)
    with pytest.raises(IssueDiffers):
        withdrawal.receive(
            other, delivery, course.town.alice.wallet, course.town.published, Guards()
        )


def test_a_completed_withdrawal_is_not_completed_again() -> None:
    course, _, delivery = whole()
    course.asked, _ = course.receive(delivery)
    with pytest.raises(MoveNotAllowed):
        course.receive(delivery)


# recovery


def test_whoever_has_only_the_seed_gets_the_same_coins_from_the_bank_s_records() -> None:
    """BS-R18 and section 3.2: a lost disk loses no coin."""
    course, _, delivery = whole()
    _, coins = course.receive(delivery)
    state = withdrawal.state_of(course.town.withdrawals[course.asked.withdrawal])
    alice = course.town.alice
    again = recovered(
        alice.wallet, course.asked.index, alice.id, course.town.bank, state, bytes(16)
    )
    assert again is not None
    assert state.delivery is not None
    _, found = withdrawal.receive(
        again, state.delivery, alice.wallet, course.town.published, Guards()
    )
    assert found == coins


# keys


def test_the_authority_lists_a_bank_s_keys_and_only_adds() -> None:
    town = Town()
    one = key_list(town.bank)
    signed = sign_document(one, AUTHORITY)
    assert read_list(signed, AUTHORITY.public_key, town.bank) == one
    more = DenominationKey(2, 8, BlindPrivateKey.generate().public_key.encoded)
    grown = next_list(AUTHORITY.public_key, town.bank, (*one.keys, more), one)
    assert grown.keys[-1] == more


@pytest.mark.parametrize(
    "keys",
    [
        lambda keys: keys[1:],
        lambda keys: (replace(keys[0], modulus=keys[1].modulus), *keys[1:]),
        lambda keys: (
            *keys,
            replace(keys[0], modulus=BlindPrivateKey.generate().public_key.encoded),
        ),
        lambda keys: (*keys, DenominationKey(2, 8, keys[0].modulus)),
        lambda keys: (*keys, DenominationKey(2, 8, bytes(256))),
        lambda keys: (*keys, DenominationKey(2, 8, b"\xff" * 255 + b"\xfe")),
    ],
    ids=["missing", "replaced", "two of one kind", "modulus twice", "leading zero", "even"],
)
def test_a_key_that_replaces_another_or_is_unfit_is_not_listed(keys: Any) -> None:
    one = key_list(Town().bank)
    with pytest.raises(KeysNotAcceptable):
        next_list(AUTHORITY.public_key, one.bank, keys(one.keys), one)


def test_a_list_of_another_bank_or_by_another_authority_is_refused() -> None:
    town = Town()
    signed = sign_document(key_list(town.bank), AUTHORITY)
    for authority, bank in (
        (STRANGER.public_key, town.bank),
        (AUTHORITY.public_key, STRANGER.public_key),
    ):
        with pytest.raises(WrongDocument):
            read_list(signed, authority, bank)
    with pytest.raises(WrongDocument):
        read_list(replace(signed, signatures=(bytes(64),)), AUTHORITY.public_key, town.bank)


@pytest.mark.parametrize(("amount", "coins"), [(13, (8, 4, 1)), (17, (8, 8, 1)), (0, ())])
def test_an_amount_is_split_into_as_few_coins_as_there_can_be(
    amount: int, coins: tuple[int, ...]
) -> None:
    assert split(amount, key_list(Town().bank).keys) == coins


def test_every_denomination_has_a_key_of_its_own() -> None:
    keys = key_list(Town().bank).keys
    assert len({public_key(key).id for key in keys}) == len(keys)


# moves


@pytest.mark.parametrize("start", list(WithdrawingPhase))
@pytest.mark.parametrize("end", list(WithdrawingPhase))
def test_a_user_s_record_makes_only_the_moves_of_its_table(
    start: WithdrawingPhase, end: WithdrawingPhase
) -> None:
    record: Withdrawing = replace(Course().asked, state=start)
    if end in WITHDRAWING_MOVES[start]:
        assert record.moved(end).state is end
    else:
        with pytest.raises(MoveNotAllowed):
            record.moved(end)


@pytest.mark.parametrize("start", list(WithdrawalPhase))
@pytest.mark.parametrize("end", list(WithdrawalPhase))
def test_the_bank_s_record_makes_only_the_moves_of_its_table(
    start: WithdrawalPhase, end: WithdrawalPhase
) -> None:
    course = Course()
    record = replace(course.accepted().withdrawal, state=start)
    if end in WITHDRAWAL_MOVES[start]:
        assert record.moved(end).state is end
    else:
        with pytest.raises(MoveNotAllowed):
            record.moved(end)


def test_a_repeat_of_w1_has_the_same_bytes() -> None:
    course = Course()
    again = withdrawal.request_of(course.asked, course.town.alice.wallet)
    assert codec.encode(again) == codec.encode(course.request)
