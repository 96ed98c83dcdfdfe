"""Table 1, row 7: each party denies each step, and a judge has papers and public keys alone."""

from typing import Any

import pytest

from crypto import codec
from crypto.documents import Signed
from crypto.signing import SigningKey
from nodes.protocols.evidence import Answer, Ruled
from nodes.protocols.item_trading import judge as rule
from nodes.protocols.item_trading import messages as words
from nodes.protocols.item_trading.certificate import publish_key
from nodes.protocols.item_trading.documents import Complaint, Goods, Shipment
from nodes.protocols.item_trading.payment import Outcome, reference_of, say
from nodes.protocols.item_trading.reading import ciphertext_digest, lock
from nodes.protocols.message import Role
from tests.protocols.altered_evidence import altered, enveloped
from tests.protocols.item_trading.bazaar import (
    BUYER,
    COINS,
    FOUND_TWIN,
    GAME,
    LISTING,
    MARKET,
    SELLER,
    SESSION_KEY,
    THIEF,
    TRADE,
    Bazaar,
    Books,
    bazaar,
    certified,
    game,
    resigned,
)

KEYS = {Role.COIN_SERVER: frozenset({COINS.public_key})}
FIRST, SECOND = bazaar(1, "earn"), bazaar(2, "earn")
SENDERS: dict[str, tuple[SigningKey, SigningKey]] = {
    "3": (BUYER, MARKET),
    "Reserve": (MARKET, GAME),
    "1.4r": (GAME, MARKET),
    "ReadyToSell": (MARKET, BUYER),
    "BuyerFound": (MARKET, SELLER),
    "2.5": (SELLER, BUYER),
    "told": (BUYER, MARKET),
    "7": (BUYER, GAME),
    "8": (GAME, BUYER),
}
"""Who said what in a trade, to whom."""


def papers(trade: Bazaar) -> dict[str, bytes]:
    """The messages of a trade as they travelled, and the game server's key."""
    found = {
        step: enveloped(trade.said[step], *SENDERS[step], TRADE)
        for step in SENDERS
        if step in trade.said
    }
    return {**found, "key": codec.encode(publish_key(game(trade.books)))}


def ruled(denial: str, *pieces: bytes, keys: Any = KEYS) -> Ruled:
    found = [r for r in rule.judge(pieces, keys) if r.denial == denial]
    assert len(found) == 1, found
    return found[0]


def convicted(denial: str, *pieces: bytes) -> bytes | None:
    found = ruled(denial, *pieces)
    assert found.answer is Answer.DECIDED, found
    return found.culprit


@pytest.mark.parametrize(
    ("trade", "denial", "culprit"),
    [
        (FIRST, rule.SALE_ORDER, SELLER),
        (FIRST, rule.ORDER, BUYER),
        (FIRST, rule.DEAL, MARKET),
        (FIRST, rule.RESERVED, GAME),
        (FIRST, rule.KEY, BUYER),
        (FIRST, rule.PAID_IN, MARKET),
        (FIRST, rule.PROCEEDS, SELLER),
        (FIRST, rule.WORD, GAME),
        (SECOND, rule.SALE_ORDER, SELLER),
        (SECOND, rule.ORDER, BUYER),
        (SECOND, rule.DEAL, MARKET),
        (SECOND, rule.MESSAGE, BUYER),
        (SECOND, rule.KEY, BUYER),
        (SECOND, rule.PAID_IN, MARKET),
        (SECOND, rule.PROCEEDS, SELLER),
        (SECOND, rule.WORD, GAME),
    ],
)
def test_each_denial_of_a_trade_is_decided(trade: Bazaar, denial: str, culprit: SigningKey) -> None:
    assert convicted(denial, *papers(trade).values()) == culprit.public_key


@pytest.mark.parametrize("trade", [FIRST, SECOND])
def test_nothing_of_an_honest_trade_is_undecidable(trade: Bazaar) -> None:
    rulings = rule.judge(papers(trade).values(), KEYS)
    assert {r.answer for r in rulings} == {Answer.DECIDED}


def test_as_printed_sale_order_and_order_are_undecidable() -> None:
    """IT-A3: neither signs."""
    found, asked = papers(FIRST), FIRST.said["3"]
    unsigned = words.PurchaseRequest(asked.listing, asked.price, None)
    order = enveloped(unsigned, BUYER, MARKET, TRADE)
    pieces = [codec.encode(FIRST.brokerage.signed), order, found["1.4r"], found["8"]]
    assert ruled(rule.SALE_ORDER, *pieces).answer is Answer.UNDECIDABLE
    assert ruled(rule.ORDER, *pieces).answer is Answer.UNDECIDABLE


def test_as_printed_the_notices_are_undecidable() -> None:
    """A payment without the coin server's receipt, and without the ciphertext's digest."""
    found = papers(SECOND)
    pieces = [found["BuyerFound"], found["2.5"]]
    for denial in (rule.MESSAGE, rule.PAID_IN, rule.PROCEEDS, rule.KEY, rule.WORD):
        assert ruled(denial, *pieces).answer is Answer.UNDECIDABLE


def test_without_a_deal_nothing_can_be_told() -> None:
    rulings = rule.judge([papers(FIRST)["1.4r"]], KEYS)
    assert {r.answer for r in rulings} == {Answer.UNDECIDABLE}


def test_what_is_listed_binds_seller_and_market_before_there_is_a_deal() -> None:
    asked, accepted = FIRST.said["1.1"], FIRST.said["1.2"]
    pieces = [
        enveloped(asked, SELLER, MARKET, LISTING),
        enveloped(accepted, MARKET, SELLER, LISTING, request=bytes(32)),
    ]
    assert convicted(rule.SALE_ORDER, *pieces) == SELLER.public_key
    assert convicted(rule.CUSTODY, *pieces) == MARKET.public_key
    for path, other in altered(pieces[1]):
        assert (rule.CUSTODY, MARKET.public_key) not in convictions([other]), path


def test_money_that_an_unknown_coin_server_has_proves_nothing() -> None:
    found = ruled(rule.PAID_IN, *papers(FIRST).values(), keys={})
    assert found.answer is Answer.UNDECIDABLE


def test_a_market_that_names_another_key_to_pay_to_is_convicted() -> None:
    found = papers(FIRST)
    ready = FIRST.said["ReadyToSell"]
    lie = words.ReadyToSell(ready.deal, THIEF.public_key, ready.reservation)
    found["ReadyToSell"] = enveloped(lie, MARKET, BUYER, TRADE)
    assert "another key" in ruled(rule.PAID_IN, *found.values()).grounds


def test_a_game_server_that_says_two_things_is_convicted() -> None:
    other = codec.encode(say(GAME, FIRST.deal, Outcome.VOID))
    found = ruled(rule.WORD, *papers(FIRST).values(), other)
    assert (found.culprit, found.grounds) == (GAME.public_key, "it said registered and void")
    assert ruled(rule.KEY, *papers(FIRST).values(), other).answer is Answer.UNDECIDABLE


# IT-A11: garbage


def complaint(content: bytes | None = None, key: bytes | None = SESSION_KEY) -> list[bytes]:
    """C1 by the buyer and C2r by the seller, about what the seller signed to have sent."""
    sent: words.EncryptedCertificate = SECOND.said["2.5"]
    content = sent.ciphertext if content is None else content
    shipment = resigned(Shipment, sent.shipment, SELLER, ciphertext=ciphertext_digest(content))
    complain = words.Complain(Complaint.KEY_DOES_NOT_OPEN, sent.deal, shipment, content)
    pieces = [
        codec.encode(publish_key(game(SECOND.books))),
        enveloped(complain, BUYER, MARKET, TRADE),
    ]
    if key is not None:
        shown = words.KeyShown(key)
        pieces.append(enveloped(shown, SELLER, MARKET, TRADE, request=bytes(32)))
    return pieces


def garbage() -> bytes:
    """What opens under the seller's key is the certificate of another item."""
    goods = SECOND.purchase.goods
    assert goods is not None, "it was registered with them"
    other = certified(Books(), FOUND_TWIN, THIEF)
    swapped = Goods(other, None, None, goods.transfer)
    return lock(swapped, SESSION_KEY, reference_of(SECOND.deal))


def test_a_seller_whose_ciphertext_is_garbage_is_convicted() -> None:
    assert convicted(rule.GARBAGE, *complaint(garbage())) == SELLER.public_key


def test_a_seller_that_shows_another_key_is_convicted() -> None:
    assert convicted(rule.GARBAGE, *complaint(key=b"another session.")) == SELLER.public_key


def test_what_is_good_convicts_nobody() -> None:
    found = ruled(rule.GARBAGE, *complaint())
    assert (found.answer, found.culprit) == (Answer.DECIDED, None)


def test_without_a_key_it_is_undecidable_who_lied() -> None:
    assert ruled(rule.GARBAGE, *complaint(key=None)).answer is Answer.UNDECIDABLE


def test_a_buyer_that_complains_of_what_was_never_sent_is_convicted() -> None:
    sent: words.EncryptedCertificate = SECOND.said["2.5"]
    lie = words.Complain(Complaint.KEY_DOES_NOT_OPEN, sent.deal, sent.shipment, b"never sent")
    pieces = [*complaint(key=None)[:1], enveloped(lie, BUYER, MARKET, TRADE)]
    assert convicted(rule.GARBAGE, *pieces) == BUYER.public_key


# altered


def convictions(pieces: list[bytes]) -> set[tuple[str, bytes]]:
    return {(r.denial, r.culprit) for r in rule.judge(pieces, KEYS) if r.culprit is not None}


@pytest.mark.parametrize(
    "pieces",
    [
        list(papers(FIRST).values()),
        list(papers(SECOND).values()),
        complaint(),
        complaint(garbage()),
    ],
    ids=["model 1", "model 2", "good", "garbage"],
)
def test_what_was_altered_convicts_nobody_else(pieces: list[bytes]) -> None:
    told = convictions(pieces)
    for place, piece in enumerate(pieces):
        for path, other in altered(piece):
            changed = [*pieces[:place], other, *pieces[place + 1 :]]
            assert convictions(changed) <= told, path


SIGNED: list[tuple[str, Signed[Any], tuple[SigningKey, ...]]] = [
    (rule.SALE_ORDER, FIRST.said["Reserve"].authority, (SELLER,)),
    (rule.ORDER, FIRST.said["3"].order, (BUYER,)),
    (rule.RESERVED, FIRST.said["1.4r"].reservation, (GAME,)),
    (rule.PAID_IN, FIRST.said["told"].paid, (COINS,)),
    (rule.WORD, FIRST.said["8"].word, (GAME,)),
]


@pytest.mark.parametrize(("denial", "signed", "keys"), SIGNED)
def test_a_paper_with_any_field_altered_decides_nothing(
    denial: str, signed: Signed[Any], keys: tuple[SigningKey, ...]
) -> None:
    deal, piece = codec.encode(FIRST.brokerage.signed), codec.encode(signed)
    assert ruled(denial, deal, piece).answer is Answer.DECIDED
    for path, other in altered(piece):
        assert ruled(denial, deal, other).answer is Answer.UNDECIDABLE, path


def test_every_denial_is_made_here() -> None:
    tested = {r.denial for t in (FIRST, SECOND) for r in rule.judge(papers(t).values(), KEYS)}
    assert tested | {rule.GARBAGE, rule.CUSTODY} == {denial.says for denial in rule.DENIALS}
