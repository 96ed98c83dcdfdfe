"""Step R1: the game has lost its world; the certificates bring the items back, exactly once."""

from typing import Any

import pytest

from nodes.protocols.item_trading import recovery
from nodes.protocols.item_trading.documents import ItemCertificate, Model
from nodes.protocols.item_trading.messages import Recover
from nodes.protocols.item_trading.refusals import (
    CertificateForged,
    GameClosed,
    NotTheLastCertificate,
    NotYours,
)
from tests.protocols.item_trading.bazaar import (
    BUYER,
    SELLER,
    THIEF,
    Bazaar,
    game,
    off,
)

BOTH: tuple[Model, Model] = (1, 2)


def rolled_back(model: Model, on: Any = None) -> Bazaar:
    """The world is as before the trade: the item lies with its seller again."""
    trade = Bazaar(model, *([on] if on else []))
    before = dict(trade.books.world)
    trade.up_to("register")
    trade.books.world = before
    return trade


def recover(trade: Bazaar, shown: ItemCertificate, sender: Any, **changes: Any) -> None:
    change, _ = recovery.recover(
        Recover(shown), sender.public_key, game(trade.books, trade.guards, **changes), trade.books
    )
    trade.books.apply(change)


def in_world(trade: Bazaar) -> list[bytes]:
    return [item.owner for item in trade.books.world.values()]


@pytest.mark.parametrize("model", BOTH)
def test_after_a_rollback_the_last_certificates_owner_gets_the_item_exactly_once(
    model: Model,
) -> None:
    """Introduction, 4.1: "the owned item is restored"; IT-26."""
    trade = rolled_back(model)
    assert in_world(trade) == [SELLER.public_key]
    for _ in range(3):
        recover(trade, trade.said["8"].certificate, BUYER)
        assert in_world(trade) == [BUYER.public_key]


@pytest.mark.parametrize("model", BOTH)
def test_the_old_owners_certificate_brings_nothing_back(model: Model) -> None:
    """IT-A16."""
    for order in (0, 1):
        trade = rolled_back(model)
        if order:
            recover(trade, trade.said["8"].certificate, BUYER)
        with pytest.raises(NotTheLastCertificate):
            recover(trade, trade.certificate, SELLER)
    assert in_world(trade) == [BUYER.public_key]


@pytest.mark.parametrize("model", BOTH)
def test_as_printed_both_owners_recover_and_the_item_is_doubled(model: Model) -> None:
    """IT-A16: the server that lost its registrations sees two good certificates."""
    trade = rolled_back(model, off("ledger-outlives-the-world"))
    recover(trade, trade.certificate, SELLER)
    recover(trade, trade.said["8"].certificate, BUYER)
    assert sorted(in_world(trade)) == sorted([SELLER.public_key, BUYER.public_key])


def test_an_item_lost_altogether_comes_back() -> None:
    trade = Bazaar(1)
    trade.books.world.clear()
    recover(trade, trade.certificate, SELLER)
    assert in_world(trade) == [SELLER.public_key]


def test_only_the_owner_recovers_and_only_what_the_game_signed() -> None:
    trade = rolled_back(2)
    newest = trade.said["8"].certificate
    with pytest.raises(NotYours):
        recover(trade, newest, THIEF)
    with pytest.raises(CertificateForged):
        recover(trade, ItemCertificate(newest.content, bytes(256)), BUYER)
    with pytest.raises(GameClosed):
        recover(trade, newest, BUYER, closed=True)
    assert in_world(trade) == [SELLER.public_key]


def test_a_certificate_that_is_not_in_the_ledger_brings_nothing_back() -> None:
    trade = Bazaar(1)
    trade.books.items.clear()
    with pytest.raises(NotTheLastCertificate):
        recover(trade, trade.certificate, SELLER)
