"""Step 0: an item of the game world gets its certificate; and what others check of one."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from crypto import codec
from crypto.codec import MalformedEncoding
from crypto.documents import Signed, sign_document
from crypto.full_domain_hash import (
    FdhPrivateKey,
    FdhPublicKey,
    InvalidFullDomainSignature,
    UnacceptableKey,
)
from crypto.signing import SigningKey
from nodes.protocols.guard import ALL_ON, Guards
from nodes.protocols.item_trading.documents import (
    CERTIFICATE,
    Certificate,
    GameKey,
    ItemCertificate,
    ItemInfo,
    Reference,
    Serial,
)
from nodes.protocols.item_trading.messages import CertificateIssued, RequestCertificate
from nodes.protocols.item_trading.moves import To
from nodes.protocols.item_trading.reading import changed, checked
from nodes.protocols.item_trading.refusals import (
    AnotherGame,
    CertificateExpired,
    CertificateForged,
    GameClosed,
    ItemReserved,
    UnknownItem,
    WrongDocument,
)
from nodes.protocols.item_trading.state import GameTrade, ItemRecord, ItemState, WorldItem
from nodes.protocols.message import Milliseconds, Name, PartyId


@dataclass(frozen=True)
class Game:
    """The game server as it serves one message."""

    key: SigningKey
    item_key: FdhPrivateKey
    name: Name
    now: Milliseconds
    certificate_milliseconds: int
    """How long a certificate is good for."""
    draw: Callable[[], bytes]
    """A fresh serial# each time."""
    closed: bool = False
    guards: Guards = field(default=ALL_ON)

    @property
    def id(self) -> PartyId:
        return self.key.public_key


class Ledger(Protocol):
    """The game server's books, inside one transaction."""

    def item(self, serial: Serial) -> ItemRecord | None: ...

    def trade(self, reference: Reference) -> GameTrade | None: ...

    def in_world(self, name: Serial) -> WorldItem | None: ...

    def replacing(self, name: Serial) -> ItemRecord | None:
        """The certificate made for an item of this name, be it a serial# or the first one."""


@dataclass(frozen=True)
class GameChange:
    """What follows from one message: saved together, then sent."""

    items: tuple[ItemRecord, ...] = ()
    trades: tuple[GameTrade, ...] = ()
    leaves_world: tuple[Serial, ...] = ()
    enters_world: tuple[WorldItem, ...] = ()
    messages: tuple[tuple[To, bytes], ...] = ()
    """Each with the transaction it belongs to."""


def publish_key(game: Game) -> Signed[GameKey]:
    """G1r."""
    key = GameKey(game.id, game.name, game.item_key.public_key.encoded)
    return sign_document(key, game.key)


def read_key(signed: Signed[GameKey], game_server: PartyId) -> FdhPublicKey:
    """G1r, whoever asked. Raises AnotherGame, WrongDocument."""
    key = checked(GameKey, signed)
    if key.game_server != game_server:
        raise AnotherGame()
    try:
        return FdhPublicKey.from_bytes(key.modulus)
    except UnacceptableKey as error:
        raise WrongDocument(str(error)) from error


def read_certificate(content: bytes) -> Certificate:
    """Cert alone, whoever signed it. Raises CertificateForged."""
    try:
        return codec.decode(content, Certificate)
    except MalformedEncoding as error:
        raise CertificateForged(str(error)) from error


def check_certificate(
    certificate: ItemCertificate, game_server: PartyId, key: FdhPublicKey
) -> Certificate:
    """Raises CertificateForged, AnotherGame. Whether it is the newest only the server knows."""
    made = read_certificate(certificate.content)
    if made.server != game_server:
        raise AnotherGame()
    try:
        key.verify(CERTIFICATE, certificate.content, certificate.signature)
    except InvalidFullDomainSignature as error:
        raise CertificateForged(str(error)) from error
    return made


def require_not_expired(certificate: Certificate, until: Milliseconds) -> None:
    """Raises CertificateExpired."""
    if certificate.expires < until:
        raise CertificateExpired()


def is_current(record: ItemRecord | None) -> bool:
    """G2: whether a serial# is an item's newest, so not on the revocation list."""
    return record is not None and record.state is ItemState.CURRENT


def certify(
    game: Game, serial: Serial, owner: PartyId, item: ItemInfo, previous: Serial | None
) -> ItemCertificate:
    """{Cert, H(Cert)SK_S}."""
    made = Certificate(
        server_name=game.name,
        server=game.id,
        owner=owner,
        item=item,
        issued=game.now,
        serial=serial,
        expires=game.now + game.certificate_milliseconds,
        previous=previous,
    )
    content = codec.encode(made)
    return ItemCertificate(content, game.item_key.sign(CERTIFICATE, content))


def new_record(
    game: Game, owner: PartyId, item: ItemInfo, replaces: Serial, previous: Serial | None
) -> ItemRecord:
    serial = game.draw()
    certificate = certify(game, serial, owner, item, previous)
    return ItemRecord(
        serial=serial,
        state=ItemState.CURRENT,
        certificate=certificate,
        owner=owner,
        item=item,
        expires=game.now + game.certificate_milliseconds,
        replaces=replaces,
    )


def replaced(old: ItemRecord, new: ItemRecord) -> ItemRecord:
    """The certificate before: on the revocation list from now on."""
    return old.moved(ItemState.REVOKED, replaced_by=new.serial, reserved_for=None)


def require_open(game: Game) -> None:
    if game.closed:
        raise GameClosed()


def newest(name: Serial, ledger: Ledger) -> ItemRecord | None:
    """The last certificate of the item that had this name at any time; None for one without."""
    record = ledger.item(name)
    while (after := ledger.replacing(record.serial if record else name)) is not None:
        record = after
    return record


def issue(
    message: RequestCertificate, sender: PartyId, game: Game, ledger: Ledger
) -> tuple[GameChange, CertificateIssued]:
    """Step 0. The certificate of an item the sender has; an expired one is replaced.

    The answer to an earlier question may have been lost: an item is asked for by any name it ever
    had, and the certificate it has stays the same, whatever the game's world has gone back to.
    Raises UnknownItem, GameClosed, and ItemReserved while a trade may still move the item.
    """
    require_open(game)
    old = newest(message.item, ledger)
    if old is None:
        return _first(_item_of(sender, message.item, ledger), game)
    if old.owner != sender:
        raise UnknownItem()
    if old.expires > game.now:
        return GameChange(), CertificateIssued(old.certificate)
    if old.reserved_for is not None:
        raise ItemReserved()
    return _another(_item_of(sender, old.serial, ledger), old, game)


def _item_of(owner: PartyId, name: Serial, ledger: Ledger) -> WorldItem:
    there = ledger.in_world(name)
    if there is None or there.owner != owner:
        raise UnknownItem()
    return there


def _first(there: WorldItem, game: Game) -> tuple[GameChange, CertificateIssued]:
    new = new_record(game, there.owner, there.item, there.name, None)
    return _renamed(there, new, (new,))


def _another(there: WorldItem, old: ItemRecord, game: Game) -> tuple[GameChange, CertificateIssued]:
    new = new_record(game, there.owner, there.item, old.serial, old.serial)
    return _renamed(there, new, (replaced(old, new), new))


def _renamed(
    there: WorldItem, new: ItemRecord, items: tuple[ItemRecord, ...]
) -> tuple[GameChange, CertificateIssued]:
    """In the world the item goes by its newest serial#."""
    moved_item = changed(there, name=new.serial)
    change = GameChange(items=items, leaves_world=(there.name,), enters_world=(moved_item,))
    return change, CertificateIssued(new.certificate)


def receive_certificate(
    answer: CertificateIssued, me: PartyId, game_server: PartyId, key: FdhPublicKey
) -> Certificate:
    """Step 0, owner: it is mine, and good. Raises CertificateForged, AnotherGame."""
    certificate = check_certificate(answer.certificate, game_server, key)
    if certificate.owner != me:
        raise CertificateForged("the certificate names another owner")
    return certificate
