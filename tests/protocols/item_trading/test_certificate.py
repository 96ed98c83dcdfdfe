"""Step 0: the certificate of an item."""

from typing import Any

import msgspec
import pytest

from crypto import codec
from nodes.protocols.item_trading import certificate, recovery
from nodes.protocols.item_trading.documents import (
    CERTIFICATE,
    Certificate,
    GameKey,
    ItemCertificate,
)
from nodes.protocols.item_trading.messages import CertificateIssued, RequestCertificate
from nodes.protocols.item_trading.refusals import (
    AnotherGame,
    CertificateExpired,
    CertificateForged,
    GameClosed,
    ItemReserved,
    UnknownItem,
    WrongDocument,
)
from nodes.protocols.item_trading.state import ItemState
from tests.protocols.item_trading.bazaar import (
    BUYER,
    FOUND_SWORD,
    GAME,
    ITEM_KEY,
    LIFETIME,
    NOW,
    OTHER_GAME,
    OTHER_ITEM_KEY,
    PUBLIC,
    SELLER,
    SWORD,
    THIEF,
    Bazaar,
    Books,
    certified,
    found,
    game,
    resigned,
)

OTHER_VALUES: dict[str, Any] = {
    "server_name": "lands-of-dusk",
    "server": OTHER_GAME.public_key,
    "owner": THIEF.public_key,
    "item": "Sword of dawn, level 99",
    "issued": NOW - 1,
    "serial": b"another serial..",
    "expires": NOW + 2 * LIFETIME,
    "previous": b"another serial..",
}


def read(shown: ItemCertificate) -> Certificate:
    return certificate.check_certificate(shown, GAME.public_key, PUBLIC)


def issued(books: Books, owner: Any = SELLER, name: bytes = FOUND_SWORD, **changes: Any) -> Any:
    change, answer = certificate.issue(
        RequestCertificate(name), owner.public_key, game(books, **changes), books
    )
    books.apply(change)
    return answer


def test_step_0_an_item_gets_a_certificate_that_says_whose_it_is() -> None:
    books = Books()
    made = read(certified(books))
    assert (made.owner, made.item, made.previous) == (SELLER.public_key, SWORD, None)
    assert (made.server, made.expires) == (GAME.public_key, NOW + LIFETIME)
    assert list(books.world) == [made.serial]
    assert books.items[made.serial].replaces == FOUND_SWORD


def test_step_0_asking_again_brings_the_same_certificate() -> None:
    books = Books()
    first = certified(books)
    again = issued(books, name=read(first).serial)
    assert again.certificate == first
    assert len(books.items) == 1


def test_step_0_a_lost_answer_is_asked_for_again_under_the_name_of_the_first_question() -> None:
    books = Books()
    first = certified(books)
    assert issued(books, name=FOUND_SWORD).certificate == first
    assert (len(books.items), list(books.world)) == (1, [read(first).serial])
    with pytest.raises(UnknownItem):
        issued(books, THIEF, FOUND_SWORD)


def test_step_0_a_world_gone_back_to_before_it_has_no_second_item_to_certify() -> None:
    books = Books()
    found(books)
    before = dict(books.world)
    first = certified(books)
    books.world = before
    assert issued(books, name=FOUND_SWORD).certificate == first
    assert len(books.items) == 1


def test_an_expired_certificate_of_an_item_the_world_has_lost_is_not_replaced() -> None:
    books = Books()
    old = read(certified(books))
    books.world.clear()
    with pytest.raises(UnknownItem):
        issued(books, name=FOUND_SWORD, now=old.expires + 1)


def test_who_has_sold_an_item_gets_no_certificate_by_any_of_its_names() -> None:
    trade = Bazaar(1).up_to("register")
    (bought,) = trade.books.owners()
    for name in (FOUND_SWORD, trade.content.serial, bought):
        with pytest.raises(UnknownItem):
            issued(trade.books, name=name)
        assert read(issued(trade.books, BUYER, name).certificate).serial == bought


@pytest.mark.parametrize(("owner", "name"), [(THIEF, FOUND_SWORD), (SELLER, b"no such item....")])
def test_step_0_only_the_owner_in_the_world_gets_one(owner: Any, name: bytes) -> None:
    books = Books()
    found(books)
    with pytest.raises(UnknownItem):
        issued(books, owner, name)


def test_an_expired_certificate_is_replaced_for_its_owner_and_revoked() -> None:
    books = Books()
    old = read(certified(books))
    late = old.expires + 1
    new = read(issued(books, name=old.serial, now=late).certificate)
    assert (new.previous, new.owner, new.item) == (old.serial, old.owner, old.item)
    assert books.items[old.serial].state is ItemState.REVOKED
    assert books.items[old.serial].replaced_by == new.serial
    assert list(books.world) == [new.serial]
    for name in (FOUND_SWORD, old.serial, new.serial):
        assert read(issued(books, name=name, now=late).certificate) == new


def test_an_item_that_a_trade_may_still_move_gets_no_new_certificate() -> None:
    trade = Bazaar(1).up_to("ready")
    with pytest.raises(ItemReserved):
        issued(trade.books, name=trade.content.serial, now=trade.content.expires + 1)


def test_a_certificate_replaced_in_the_ledger_is_not_replaced_again_after_a_rollback() -> None:
    trade = Bazaar(1)
    before = dict(trade.books.world)
    trade.up_to("register")
    trade.books.world = before
    with pytest.raises(UnknownItem):
        issued(trade.books, name=trade.content.serial)


def test_a_closed_game_certifies_nothing() -> None:
    books = Books()
    found(books)
    with pytest.raises(GameClosed):
        issued(books, closed=True)


# what others check (4.2.2: "impossible to alter")


@pytest.mark.parametrize("field", Certificate.__struct_fields__)
def test_a_certificate_altered_in_any_field_is_refused(field: str) -> None:
    shown = certified(Books())
    altered = msgspec.structs.replace(read(shown), **{field: OTHER_VALUES[field]})
    forged = ItemCertificate(codec.encode(altered), shown.signature)
    with pytest.raises((CertificateForged, AnotherGame)):
        read(forged)


def test_a_certificate_signed_with_another_key_is_refused() -> None:
    shown = certified(Books())
    forged = ItemCertificate(shown.content, OTHER_ITEM_KEY.sign(CERTIFICATE, shown.content))
    with pytest.raises(CertificateForged):
        read(forged)
    elsewhere = ItemCertificate(shown.content, ITEM_KEY.sign("another label", shown.content))
    with pytest.raises(CertificateForged):
        read(elsewhere)


@pytest.mark.parametrize("content", [b"", b"no certificate", b"\x80"])
def test_bytes_that_are_no_certificate_are_refused(content: bytes) -> None:
    with pytest.raises(CertificateForged):
        read(ItemCertificate(content, bytes(256)))


def test_a_certificate_that_ends_before_a_trade_could_is_expired() -> None:
    made = read(certified(Books()))
    certificate.require_not_expired(made, made.expires)
    with pytest.raises(CertificateExpired):
        certificate.require_not_expired(made, made.expires + 1)


def test_step_0_an_owner_takes_no_certificate_that_names_another() -> None:
    answer = CertificateIssued(certified(Books(), owner=BUYER))
    with pytest.raises(CertificateForged):
        certificate.receive_certificate(answer, SELLER.public_key, GAME.public_key, PUBLIC)
    mine = CertificateIssued(certified(Books()))
    made = certificate.receive_certificate(mine, SELLER.public_key, GAME.public_key, PUBLIC)
    assert made.owner == SELLER.public_key


# the game's key


def test_the_key_of_a_game_is_signed_by_the_game_server() -> None:
    signed = certificate.publish_key(game(Books()))
    assert certificate.read_key(signed, GAME.public_key) == PUBLIC
    with pytest.raises(AnotherGame):
        certificate.read_key(signed, OTHER_GAME.public_key)
    for signer in (THIEF, GAME):
        no_key = resigned(GameKey, signed, signer, modulus=bytes(256))
        with pytest.raises(WrongDocument):
            certificate.read_key(no_key, GAME.public_key)


def test_names_of_before_are_followed_back_to_the_item_that_was_found() -> None:
    books = Books()
    first = read(certified(books))
    second = read(issued(books, name=first.serial, now=first.expires + 1).certificate)
    third = read(issued(books, name=second.serial, now=second.expires + 1).certificate)
    names = recovery._earlier_names(books.items[third.serial], books)
    assert names == (second.serial, first.serial, FOUND_SWORD)


def test_only_an_items_newest_certificate_is_off_the_revocation_list() -> None:
    """G2."""
    trade = Bazaar(1).up_to("register")
    states = {s: certificate.is_current(r) for s, r in trade.books.items.items()}
    assert states.pop(trade.content.serial) is False
    assert list(states.values()) == [True]
    assert not certificate.is_current(None)
