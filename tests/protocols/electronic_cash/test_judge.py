"""BS-A4, A10, A15 and the blame for wrong coins: by public keys and evidence alone."""

from typing import Any

import pytest

from crypto import codec
from crypto.blind_signature import Blinder, derive_factor
from crypto.documents import sign_document
from crypto.sealing import SealingKey
from crypto.signing import SigningKey
from nodes.protocols.electronic_cash import judge as rule
from nodes.protocols.electronic_cash import spending
from nodes.protocols.electronic_cash.documents import (
    DepositReceipt,
    IssueReceipt,
    PaymentReceipt,
    Redemption,
    Settlement,
    WithdrawalReceipt,
)
from nodes.protocols.electronic_cash.messages import CoinAnswer, CoinQuery, Deliver
from nodes.protocols.electronic_cash.reading import checked
from nodes.protocols.electronic_cash.wronged import shown_secrets
from nodes.protocols.envelope import identity, wrap
from nodes.protocols.evidence import Answer, Ruled
from nodes.protocols.message import Role
from tests.protocols.altered_evidence import altered, enveloped
from tests.protocols.electronic_cash.test_withdrawal import flipped, receipt_of, replace, whole
from tests.protocols.electronic_cash.town import (
    AUTHORITY,
    NOW,
    TRANSACTION,
    Town,
    denomination_key,
)

COURSE, ISSUED, DELIVERY = whole()
TOWN = COURSE.town
SERVER = COURSE.server
KEYS = {
    Role.CERTIFICATE_AUTHORITY: frozenset({AUTHORITY.public_key}),
    Role.COIN_SERVER: frozenset({TOWN.first.id, TOWN.second.id}),
}
LIST = codec.encode(sign_document(TOWN.published, AUTHORITY))
REFERENCE = bytes(31) + b"r"


def rulings(denial: str, *pieces: bytes, keys: Any = KEYS) -> list[Ruled]:
    return [r for r in rule.judge(pieces, keys) if r.denial == denial]


def ruled(denial: str, *pieces: bytes, keys: Any = KEYS) -> Ruled:
    (found,) = rulings(denial, *pieces, keys=keys)
    return found


def shown(delivery: Deliver, signer: SigningKey = TOWN.bank_key) -> list[bytes]:
    """What the user shows: its secrets, W4 as it travelled, and the bank's published keys."""
    secrets = shown_secrets(COURSE.asked, delivery, TOWN.alice.wallet)
    wire = enveloped(delivery, signer, TOWN.alice.key, TRANSACTION)
    return [codec.encode(secrets), wire, LIST]


# who made a wrong coin


def test_a_good_delivery_convicts_nobody() -> None:
    for denial in (rule.BLINDED_WRONG, rule.SIGNED_WRONG):
        found = ruled(denial, *shown(DELIVERY))
        assert (found.answer, found.culprit) == (Answer.DECIDED, None)


@pytest.mark.parametrize("count", [3, 2])
def test_a_wrong_signature_or_one_too_few_convicts_the_bank(count: int) -> None:
    wrong = (*DELIVERY.signatures[: count - 1], flipped(DELIVERY.signatures[count - 1]))
    signatures = wrong if count == 3 else DELIVERY.signatures[:2]
    pieces = shown(replace(DELIVERY, signatures=signatures))
    assert ruled(rule.SIGNED_WRONG, *pieces).culprit == TOWN.bank
    assert ruled(rule.BLINDED_WRONG, *pieces).culprit is None


def marked() -> Deliver:
    """The coin server blinds the first coin with a factor of its own choice, and signs for it."""
    receipt = checked(IssueReceipt, ISSUED.receipt)
    public = denomination_key(1, 8).public_key
    mark = Blinder(public, b"mark", derive_factor(public, bytes(32), "own")).blinded_message
    wrong = receipt_of(ISSUED, blinded=(mark, *receipt.blinded[1:]))
    return replace(DELIVERY, receipt=wrong.receipt)


def test_a_b_i_that_is_another_convicts_the_coin_server() -> None:
    assert ruled(rule.BLINDED_WRONG, *shown(marked())).culprit == SERVER.id


def test_a_bank_that_did_not_send_it_is_not_convicted() -> None:
    wrong = replace(DELIVERY, signatures=DELIVERY.signatures[::-1])
    found = ruled(rule.SIGNED_WRONG, *shown(wrong, signer=TOWN.bob.key))
    assert found.answer is Answer.UNDECIDABLE


@pytest.mark.parametrize("field", ["secret", "denominations", "keys", "entropies"])
def test_a_user_with_other_secrets_than_it_gave_frames_nobody(field: str) -> None:
    secrets = shown_secrets(COURSE.asked, DELIVERY, TOWN.alice.wallet)
    value = getattr(secrets, field)
    first = value if isinstance(value, bytes) else value[0]
    other = first + 1 if isinstance(first, int) else flipped(first)
    other = other if isinstance(value, bytes) else (other, *value[1:])
    pieces = [codec.encode(replace(secrets, **{field: other})), *shown(DELIVERY)[1:]]
    assert ruled(rule.BLINDED_WRONG, *pieces).answer is Answer.UNDECIDABLE
    assert rulings(rule.SIGNED_WRONG, *pieces) == []


@pytest.mark.parametrize("keys", [{}, {Role.CERTIFICATE_AUTHORITY: frozenset({TOWN.bob.id})}])
def test_without_the_authoritys_list_the_bank_is_not_convicted(keys: Any) -> None:
    pieces = shown(replace(DELIVERY, signatures=DELIVERY.signatures[::-1]))
    assert ruled(rule.SIGNED_WRONG, *pieces, keys=keys).answer is Answer.UNDECIDABLE


# accounts, payments, deposits


def paper(document: Any, *keys: SigningKey) -> bytes:
    return codec.encode(sign_document(document, *keys))


RECEIPT = checked(WithdrawalReceipt, COURSE.made.answer.receipt)
ALICE, BOB = TOWN.alice, TOWN.bob
PAYMENT = PaymentReceipt(BOB.id, 5, REFERENCE, bytes(32))
DONE = Settlement(SERVER.id, bytes(32), "pay", BOB.id, 5, REFERENCE)
BROUGHT = Redemption(SERVER.id, TOWN.bank, REFERENCE, 9)
CREDITED = DepositReceipt(TOWN.bank, ALICE.id, REFERENCE, 9)
PAPERS: list[tuple[str, Any, SigningKey]] = [
    (rule.DEBITED, RECEIPT, TOWN.bank_key),
    (rule.PAID, PAYMENT, BOB.key),
    (rule.DEPOSIT, BROUGHT, SERVER.key),
    (rule.DEPOSIT, CREDITED, TOWN.bank_key),
]


def test_the_bank_cannot_deny_a_debit() -> None:
    assert ruled(rule.DEBITED, paper(RECEIPT, TOWN.bank_key)).culprit == TOWN.bank


def test_a_merchant_cannot_deny_its_receipt_nor_its_coin_servers_word() -> None:
    """BS-A4."""
    for piece in (paper(PAYMENT, BOB.key), paper(DONE, SERVER.key)):
        assert ruled(rule.PAID, piece).culprit == BOB.id


def test_the_word_of_an_unknown_coin_server_convicts_no_merchant() -> None:
    assert rulings(rule.PAID, paper(DONE, SERVER.key), keys={}) == []


def test_an_order_alone_proves_no_payment() -> None:
    town = Town()
    town.withdraw(town.alice, (8, 4))
    made, _ = town.pay(town.alice, town.bob, 5)
    assert ruled(rule.PAID, codec.encode(made.spend)).answer is Answer.UNDECIDABLE


@pytest.mark.parametrize(("credited", "says"), [(9, "credited 9"), (4, "credited 4"), (0, "0")])
def test_a_bank_that_keeps_a_deposit_is_convicted_by_the_coin_server(
    credited: int, says: str
) -> None:
    """BS-A10."""
    pieces = [paper(BROUGHT, SERVER.key)]
    if credited:
        pieces.append(paper(replace(CREDITED, amount=credited), TOWN.bank_key))
    found = ruled(rule.DEPOSIT, *pieces)
    assert (found.culprit, says in found.grounds) == (TOWN.bank, True)


def test_a_deposit_without_the_coin_servers_word_is_undecidable() -> None:
    town = Town()
    town.withdraw(town.alice, (8, 4))
    order = town.order(town.alice, spending.Wanted("deposit", 4, town.bank, REFERENCE, NOW))
    assert ruled(rule.DEPOSIT, codec.encode(order.spend)).answer is Answer.UNDECIDABLE


# BS-A15: a coin that is said to be gone


def asked() -> tuple[CoinQuery, bytes, bytes]:
    """The question, as it travelled, and its identity."""
    (held, *_) = COURSE.receive(DELIVERY)[1]
    reply = SealingKey(bytes(32)).public_key
    query = spending.ask_for_coin(TOWN.alice.wallet, held.path, SERVER.id, NOW, reply)
    wire, envelope = wrap(
        query,
        key=None,
        to=SERVER.id,
        transaction=TRANSACTION,
        nonce=bytes(16),
        now=NOW,
    )
    return query, wire, identity(envelope)


QUERY, QUESTION, IDENTITY = asked()
THERE, GONE = CoinAnswer(bytes(32), 8, 1, None), CoinAnswer(None, 0, None, None)


def told(*answers: CoinAnswer) -> list[bytes]:
    """Signed by the coin server, one after the other."""
    wires = [
        enveloped(answer, SERVER.key, ALICE.key, TRANSACTION, request=IDENTITY, now=NOW + place)
        for place, answer in enumerate(answers)
    ]
    return [QUESTION, *wires]


def test_answers_that_contradict_each_other_convict_the_coin_server() -> None:
    found = ruled(rule.VALID, *told(THERE, GONE, THERE))
    assert found.culprit == SERVER.id


def test_a_coin_server_cannot_deny_what_it_said_circulates() -> None:
    assert ruled(rule.VALID, *told(THERE)).culprit == SERVER.id


@pytest.mark.parametrize("answers", [(GONE,), (THERE, GONE), (GONE, THERE)])
def test_who_has_spent_a_coin_cannot_be_told_without_the_order(
    answers: tuple[CoinAnswer, ...],
) -> None:
    assert ruled(rule.VALID, *told(*answers)).answer is Answer.UNDECIDABLE


def test_the_holders_order_shows_that_the_coin_was_spent() -> None:
    town = COURSE.town
    coins = COURSE.receive(DELIVERY)[1]
    town.alice.put(coins)
    held = next(coin for coin in coins if coin.coin.key == QUERY.key)
    wanted = spending.Wanted("exchange", 0, None, None, NOW, (held.coin.amount,))
    order = town.order(town.alice, wanted, SERVER, [held])
    found = ruled(rule.VALID, *told(THERE, GONE), codec.encode(order.spend))
    assert (found.answer, found.culprit) == (Answer.DECIDED, None)
    forged = replace(order.spend, signatures=(bytes(64),))
    found = ruled(rule.VALID, *told(THERE, GONE), codec.encode(forged))
    assert found.answer is Answer.UNDECIDABLE


# altered


def convictions(*pieces: bytes) -> set[tuple[str, bytes]]:
    return {(r.denial, r.culprit) for r in rule.judge(pieces, KEYS) if r.culprit is not None}


@pytest.mark.parametrize(("denial", "document", "key"), PAPERS)
def test_a_paper_with_any_field_altered_convicts_nobody(
    denial: str, document: Any, key: SigningKey
) -> None:
    piece = paper(document, key)
    assert {name for name, _ in convictions(piece)} == {denial}
    for path, other in altered(piece):
        assert convictions(other) == set(), path


@pytest.mark.parametrize(
    "pieces",
    [
        told(THERE, GONE, THERE),
        shown(marked())[:2],
        shown(replace(DELIVERY, signatures=DELIVERY.signatures[:2]))[:2],
    ],
    ids=["answers", "marked", "too few"],
)
def test_what_was_altered_convicts_nobody_else(pieces: list[bytes]) -> None:
    signed = {(rule.VALID, SERVER.id), (rule.BLINDED_WRONG, SERVER.id)}
    for place, piece in enumerate(pieces):
        for path, other in altered(piece):
            changed = [*pieces[:place], other, *pieces[place + 1 :]]
            assert convictions(*changed) <= convictions(*pieces) & signed, path
