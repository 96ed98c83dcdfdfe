"""What the coin server does with an order: checks it, retires its coins, makes the new ones.

All checks of pay, exchange, deposit and pend are `retire`. Retiring and issuing are one
transaction, the commit point, by the digest of the order: whoever asks again with the same order
gets the same answer, as long as the journal has it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from crypto import codec
from crypto.codec import MalformedEncoding
from crypto.documents import Signed, sign_document
from crypto.hashing import digest, framed
from crypto.sealing import CannotOpen, SealingKey, UnusableKey, seal
from crypto.signing import SigningKey
from nodes.protocols.electronic_cash import guards as rules
from nodes.protocols.electronic_cash.coin import (
    SERIAL_BITS,
    Coin,
    KeyList,
    Serial,
    first_bits,
    is_genuine,
    issued,
    serial,
    serial_of,
)
from nodes.protocols.electronic_cash.documents import (
    ChangeBlock,
    Kind,
    RequestId,
    Settlement,
    Spend,
    SpendOrder,
)
from nodes.protocols.electronic_cash.refusals import (
    CoinForged,
    CoinGivenTwice,
    CoinNotCirculating,
    KeyInUse,
    ParcelUnreadable,
    ValueChanged,
    WrongCoinServer,
    WrongKind,
)
from nodes.protocols.electronic_cash.state import (
    Circulating,
    Entry,
    Vault,
)
from nodes.protocols.guard import ALL_ON, Guards
from nodes.protocols.message import Milliseconds, PartyId

FETCH = "electronic_cash/fetch/1"
KEPT = "electronic_cash/kept/1"
ASK = "electronic_cash/ask/1"
PRESENTER, HOLDER, HOME = "presenter", "holder", "home"
"""Who has still to say that an answer has arrived; the home: that it gives its own no more."""
MOST_DRAWS = 1 << 16


def request_of(order: bytes) -> RequestId:
    return digest("electronic_cash/request", order)


def parcel_digest(parcel: bytes) -> bytes:
    return digest("electronic_cash/parcel", parcel)


def _parcel_context(coin_server: bytes) -> bytes:
    return framed("electronic_cash/parcel/1", coin_server)


def _change_context(request: bytes) -> bytes:
    return framed("electronic_cash/change/1", request)


def _evidence_context(request: bytes) -> bytes:
    return framed("electronic_cash/evidence/1", request)


@dataclass(frozen=True)
class CoinServer:
    """Who serves, and with what."""

    key: SigningKey
    sealing_key: SealingKey
    published: KeyList
    now: Milliseconds
    journal_until: Milliseconds
    draw: Callable[[], bytes]
    """32 fresh bytes each time."""
    guards: Guards = field(default=ALL_ON)
    serial_bits: int = SERIAL_BITS
    """How many bits of a serial number its records tell apart; fewer only in a lab."""

    @property
    def id(self) -> PartyId:
        return self.key.public_key


@dataclass(frozen=True)
class Presented:
    """An order as it came."""

    spend: Spend
    order: SpendOrder
    request: RequestId


def read_spend(spend: Spend) -> Presented:
    try:
        made = codec.decode(spend.order, SpendOrder)
    except MalformedEncoding as error:
        raise ParcelUnreadable(str(error)) from error
    return Presented(spend, made, request_of(spend.order))


def open_parcel(parcel: bytes, coin_server: CoinServer) -> Presented:
    """Raises ParcelUnreadable."""
    try:
        content = coin_server.sealing_key.open(parcel, _parcel_context(coin_server.id))
        return read_spend(codec.decode(content, Spend))
    except (CannotOpen, MalformedEncoding) as error:
        raise ParcelUnreadable(str(error)) from error


def retire(
    presented: Presented, kind: Kind, coin_server: CoinServer, vault: Vault
) -> tuple[Serial, ...]:
    """Everything that must hold of an order, whoever presents it: the serials that go.

    Raises the refusal of the first rule that does not hold; CoinNotCirculating carries, sealed to
    whoever made this order, the order that retired the coin.
    """
    made, guards = presented.order, coin_server.guards
    if made.coin_server != coin_server.id:
        raise WrongCoinServer()
    if made.kind != kind:
        raise WrongKind(f"{made.kind} instead of {kind}")
    serials = tuple(serial(coin) for coin in made.coins)
    keys = [coin.key for coin in made.coins] + [output.key for output in made.outputs]
    if len(set(serials)) != len(serials) or len(set(keys)) != len(keys):
        raise CoinGivenTwice()
    guards.require(rules.spend_is_signed, presented.spend, made)
    guards.require(rules.order_is_in_time, made, coin_server.now)
    for coin, serial_ in zip(made.coins, serials, strict=True):
        _check_coin(coin, serial_, presented, coin_server, vault)
    if sum(coin.amount for coin in made.coins) != made.amount + sum(
        output.amount for output in made.outputs
    ):
        raise ValueChanged()
    return serials


def _check_coin(
    coin: Coin, serial_: Serial, presented: Presented, coin_server: CoinServer, vault: Vault
) -> None:
    """In circulation as it says, and signed: neither alone makes a coin."""
    if coin.coin_server != coin_server.id:
        raise WrongCoinServer()
    if not is_genuine(coin, coin_server.published.keys):
        raise CoinForged()
    if vault.coin(serial_) != Circulating(coin.key, coin.entropy, coin.amount, coin.period):
        raise CoinNotCirculating(evidence=_evidence(serial_, presented, vault))


def _evidence(serial_: Serial, presented: Presented, vault: Vault) -> bytes:
    spend = vault.retirement(serial_)
    if spend is None:
        return b""
    context = _evidence_context(presented.request)
    try:
        return seal(presented.order.reply_key, codec.encode(spend), context)
    except UnusableKey:
        return b""


class Mint:
    """Makes the coins of one answer: no two, and none that circulates, share a serial or a key."""

    def __init__(self, coin_server: CoinServer, vault: Vault) -> None:
        self._coin_server, self._vault = coin_server, vault
        self._places: set[Serial] = set()
        self._keys: set[bytes] = set()
        self.made: list[Circulating] = []

    def entropy_for(self, key: bytes) -> bytes:
        """v, drawn again while the serial number exists. Raises KeyInUse."""
        if key in self._keys or self._vault.serial_under(key) is not None:
            raise KeyInUse()
        for _ in range(MOST_DRAWS):
            entropy = self._coin_server.draw()
            serial_ = serial_of(key, entropy)
            place = first_bits(serial_, self._coin_server.serial_bits)
            if place not in self._places and self._vault.coin(serial_) is None:
                self._places.add(place)
                self._keys.add(key)
                return entropy
        raise AssertionError("no serial number is free")

    def coin(self, key: bytes, amount: int) -> Coin:
        """A coin of this server."""
        entropy = self.entropy_for(key)
        self.made.append(Circulating(key, entropy, amount, None))
        return issued(self._coin_server.key, key, entropy, amount)

    def withdrawn(self, key: bytes, amount: int, period: int) -> bytes:
        """v of a coin that the bank will sign."""
        entropy = self.entropy_for(key)
        self.made.append(Circulating(key, entropy, amount, period))
        return entropy


def settlement(presented: Presented, coin_server: CoinServer) -> Signed[Settlement]:
    made = presented.order
    document = Settlement(
        coin_server=coin_server.id,
        request=presented.request,
        kind=made.kind,
        payee=made.payee,
        amount=made.amount,
        reference=made.reference,
    )
    return sign_document(document, coin_server.key)


def seal_change(presented: Presented, block: ChangeBlock) -> bytes:
    """Ssc(..). Raises ParcelUnreadable for a reply key nothing can be sealed to."""
    try:
        return seal(
            presented.order.reply_key, codec.encode(block), _change_context(presented.request)
        )
    except UnusableKey as error:
        raise ParcelUnreadable("unusable reply key") from error


def journal(
    presented: Presented,
    answer: object,
    change: bytes,
    coin_server: CoinServer,
    presenter: PartyId | None,
) -> Entry:
    """The answer, until those who need it have acknowledged it."""
    return Entry(
        answer=codec.encode(answer),
        change=change,
        spend=presented.spend,
        presenter=presenter,
        holder=presented.order.coins[0].key,
        waiting=(HOLDER,) if presenter is None else (HOLDER, PRESENTER),
        until=coin_server.journal_until,
    )
