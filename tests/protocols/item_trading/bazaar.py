"""A trade of each model walked by the rules alone: every record of every party, in every state."""

from typing import Any

import msgspec

from crypto.documents import Signed, sign_document
from crypto.full_domain_hash import FdhPrivateKey
from crypto.sealing import SealingKey
from crypto.signing import SigningKey
from nodes.protocols.electronic_cash.documents import PendingCoin
from nodes.protocols.guard import Guards
from nodes.protocols.item_trading import (
    certificate,
    direct_sale,
    listing_proof,
    outcome,
    purchase,
    registration,
    sale_by_market,
    settlement,
)
from nodes.protocols.item_trading import messages as words
from nodes.protocols.item_trading.certificate import Game, GameChange
from nodes.protocols.item_trading.documents import Deal, ItemCertificate, ListedItem, Model, Serial
from nodes.protocols.item_trading.payment import PaidIn, Word, condition_of
from nodes.protocols.item_trading.players import Offering, Purchase, Sale
from nodes.protocols.item_trading.purchase import Market, Step
from nodes.protocols.item_trading.state import Brokerage, GameTrade, ItemRecord, Listing, WorldItem

SELLER, BUYER, MARKET, GAME, COINS, THIEF, OTHER_MARKET, OTHER_GAME = (
    SigningKey(bytes([n]) * 32) for n in range(1, 9)
)
ITEM_KEY, OTHER_ITEM_KEY = FdhPrivateKey.generate(), FdhPrivateKey.generate()
PUBLIC = ITEM_KEY.public_key
BUYER_SEAL, THIEF_SEAL = (SealingKey(bytes([n]) * 32) for n in (11, 12))
PAYEE_KEY, REFUND_KEY = (SigningKey(bytes([n]) * 32).public_key for n in (21, 22))
MARKETS = frozenset({MARKET.public_key, OTHER_MARKET.public_key})
COIN_SERVERS = frozenset({COINS.public_key})

NOW = 1_700_000_000_000
MINUTE = 60_000
VALID_UNTIL = NOW + 60 * MINUTE
UNTIL = NOW + MINUTE
"""When a trade ordered at NOW may be voided by anyone of it."""
LATE = UNTIL + 1
LIFETIME = 24 * 60 * MINUTE
LISTING, TRADE, OTHER_TRADE = b"the listing.....", b"the trade.......", b"another trade..."
FOUND_SWORD, FOUND_TWIN = b"a found sword...", b"its twin........"
SWORD = "Sword of dawn, level 12"
PRICE = 30
SESSION_KEY = b"session key of 1"
SEED = b"s" * 32
SECRET = b"the prover's own secret, 32 bytes"
ALL_ON = Guards()


def off(*names: str) -> Guards:
    return Guards.without(names)


class Books:
    """The game server's ledger and world."""

    def __init__(self) -> None:
        self.items: dict[Serial, ItemRecord] = {}
        self.trades: dict[bytes, GameTrade] = {}
        self.world: dict[Serial, WorldItem] = {}
        self.drawn = 0

    def item(self, serial: Serial) -> ItemRecord | None:
        return self.items.get(serial)

    def trade(self, reference: bytes) -> GameTrade | None:
        return self.trades.get(reference)

    def in_world(self, name: Serial) -> WorldItem | None:
        return self.world.get(name)

    def replacing(self, name: Serial) -> ItemRecord | None:
        return next((r for r in self.items.values() if r.replaces == name), None)

    def apply(self, change: GameChange) -> None:
        self.items.update({record.serial: record for record in change.items})
        self.trades.update({trade.reference: trade for trade in change.trades})
        for name in change.leaves_world:
            self.world.pop(name, None)
        self.world.update({item.name: item for item in change.enters_world})

    def draw(self) -> Serial:
        self.drawn += 1
        return b"serial" + self.drawn.to_bytes(10, "big")

    def owners(self) -> dict[Serial, bytes]:
        """Of the certificates that count."""
        return {s: r.owner for s, r in self.items.items() if r.state == "current"}


def game(books: Books, guards: Guards = ALL_ON, **changes: Any) -> Game:
    fields: dict[str, Any] = {
        "key": GAME,
        "item_key": ITEM_KEY,
        "name": "lands-of-dawn",
        "now": NOW,
        "certificate_milliseconds": LIFETIME,
        "draw": books.draw,
        "guards": guards,
    }
    return Game(**{**fields, **changes})


def market(guards: Guards = ALL_ON, key: SigningKey = MARKET, now: int = NOW) -> Market:
    return Market(key, "bazaar", now, MINUTE, guards)


def found(books: Books, name: Serial = FOUND_SWORD, owner: SigningKey = SELLER) -> Serial:
    """A player has found an item in the game."""
    books.world[name] = WorldItem(name, owner.public_key, SWORD)
    return name


def certified(
    books: Books, name: Serial = FOUND_SWORD, owner: SigningKey = SELLER, **changes: Any
) -> ItemCertificate:
    """Step 0."""
    request = words.RequestCertificate(found(books, name, owner))
    change, answer = certificate.issue(request, owner.public_key, game(books, **changes), books)
    books.apply(change)
    return answer.certificate


def paid_in(deal: Deal, payee_key: bytes = PAYEE_KEY, **changes: Any) -> PaidIn:
    """The coin server's receipt."""
    condition = condition_of(deal, payee_key, REFUND_KEY)
    made = PendingCoin(COINS.public_key, b"r" * 32, deal.price, condition)
    return sign_document(msgspec.structs.replace(made, **changes), COINS)


def resigned(type_: Any, signed: Signed[Any] | None, *keys: SigningKey, **changes: Any) -> Any:
    """The same document with something else in it, signed as well as these keys can."""
    assert signed is not None
    made = msgspec.msgpack.decode(signed.content, type=type_)
    return sign_document(msgspec.structs.replace(made, **changes), *keys)


class Bazaar:
    """A trade between SELLER and BUYER at MARKET; each method takes the next steps."""

    def __init__(self, model: Model, guards: Guards = ALL_ON, books: Books | None = None) -> None:
        self.model, self.guards = model, guards
        self.books = books or Books()
        self.certificate = certified(self.books)
        self.content = certificate.read_certificate(self.certificate.content)
        self.offering: Offering
        self.listing: Listing
        self.purchase: Purchase
        self.brokerage: Brokerage
        self.sale: Sale
        self.said: dict[str, Any] = {}
        """The messages, by step."""

    # 1.1, 1.2; 2.1, 2.2

    def list(self) -> "Bazaar":
        return self._list_1() if self.model == 1 else self._list_2()

    def _offer(self, offer: Any, seller: dict[str, Any]) -> Any:
        return offer(
            self.certificate,
            market=MARKET.public_key,
            listing=LISTING,
            price=PRICE,
            payee_key=PAYEE_KEY,
            valid_until=VALID_UNTIL,
            now=NOW,
            **seller,
        )

    def _list_1(self) -> "Bazaar":
        offering, asked = self._offer(sale_by_market.offer_to_market, {"seller": SELLER})
        self.listing, accepted = self.take_sale_request(asked)
        self.offering = sale_by_market.listed_by_market(offering, accepted, self.guards)
        self.said |= {"1.1": asked, "1.2": accepted}
        return self

    def take_sale_request(
        self, asked: words.SaleRequest, sender: SigningKey = SELLER, **changes: Any
    ) -> tuple[Listing, words.SaleAccepted]:
        fields: dict[str, Any] = {
            "sender": sender.public_key,
            "listing": LISTING,
            "game_key": PUBLIC,
            "market": MARKET,
            "market_name": "bazaar",
            "now": NOW,
            "guards": self.guards,
        }
        known = changes.pop("known", None)
        return sale_by_market.take_sale_request(known, asked, **{**fields, **changes})

    def owner(self, key: SigningKey = SELLER) -> listing_proof.Owner:
        return listing_proof.Owner(key, PUBLIC, SECRET, self.guards)

    def _list_2(self) -> "Bazaar":
        me = {"me": SELLER.public_key}
        offering, asked = self._offer(listing_proof.offer_by_proof, me)
        proving = listing_proof.take_information(
            None, asked, sender=SELLER.public_key, listing=LISTING, seed=SEED, now=NOW
        )
        committed = listing_proof.committed(proving, MARKET.public_key, self.guards)
        offering, announced = self.owner().announce(offering, committed)
        proving, opened = listing_proof.take_announcement(proving, announced, SELLER.public_key)
        answer = self.owner().answer(offering, opened)
        self.said |= {
            "2.1": asked, "2.2a": committed, "2.2b": announced, "2.2c": opened, "2.2d": answer,
        }  # fmt: skip
        self.proving, self.asked_offering = proving, offering
        self.listing = self.take_proof(answer)
        self.offering = listing_proof.listed_by_proof(offering)
        return self

    def take_proof(
        self, answer: words.ProofAnswer, proving: Listing | None = None, **changes: Any
    ) -> Listing:
        fields: dict[str, Any] = {
            "sender": SELLER.public_key,
            "market": MARKET.public_key,
            "game_key": PUBLIC,
            "is_current": True,
            "guards": self.guards,
        }
        return listing_proof.take_proof(proving or self.proving, answer, **{**fields, **changes})

    # 3, then 1.4 or 2.4 and 2.5

    def order(self) -> "Bazaar":
        listed = ListedItem(LISTING, self.model, GAME.public_key, SWORD, PRICE)
        self.purchase, asked = purchase.order(
            listed,
            buyer=BUYER,
            market=MARKET.public_key,
            trade=TRADE,
            deadline=NOW + MINUTE,
        )
        self.said["3"] = asked
        self._keep(self.take_order(asked))
        return self

    def take_order(self, asked: words.PurchaseRequest, **changes: Any) -> Step:
        fields: dict[str, Any] = {
            "sender": BUYER.public_key,
            "buyer_key": BUYER_SEAL.public_key,
            "trade": TRADE,
            "market": market(self.guards),
        }
        known = changes.pop("known", None)
        listing = changes.pop("listing", self.listing)
        return purchase.take_order(known, listing, asked, **{**fields, **changes})

    def _keep(self, step: Step) -> None:
        self.brokerage = step.brokerage
        self.listing = step.listing or self.listing
        for to in step.messages:
            self.said[type(to.message).__name__] = to.message

    @property
    def deal(self) -> Deal:
        return self.brokerage.deal

    def ready(self) -> "Bazaar":
        return self._reserve() if self.model == 1 else self._ship()

    def _reserve(self) -> "Bazaar":
        answer = self.reserve(self.said["Reserve"])
        self._keep(purchase.reserved(self.brokerage, self.listing, answer, market(self.guards)))
        ready = self.said["ReadyToSell"]
        self.purchase = purchase.ready_to_pay(self.purchase, ready, MARKET.public_key, NOW)
        self.said["1.4r"] = answer
        return self

    def reserve(
        self, message: words.Reserve, sender: SigningKey = MARKET, **changes: Any
    ) -> words.Reserved:
        served = game(self.books, self.guards, **changes)
        change, answer = registration.reserve(
            message, sender.public_key, MARKETS, served, self.books
        )
        self.books.apply(change)
        self.said["change"] = change
        return answer

    def ship(
        self, message: words.BuyerFound, **changes: Any
    ) -> tuple[Offering, Sale, words.EncryptedCertificate]:
        fields: dict[str, Any] = {
            "sender": MARKET.public_key,
            "trade": TRADE,
            "seller": SELLER,
            "certified_key": BUYER_SEAL.public_key,
            "session_key": SESSION_KEY,
            "now": NOW,
            "guards": self.guards,
        }
        offering, sale, to = direct_sale.ship(self.offering, message, **{**fields, **changes})
        assert isinstance(to.message, words.EncryptedCertificate)
        return offering, sale, to.message

    def _ship(self) -> "Bazaar":
        self.offering, self.sale, sent = self.ship(self.said["BuyerFound"])
        self.said["2.5"] = sent
        self.purchase = direct_sale.ciphertext_arrives(
            self.purchase, sent, SELLER.public_key, NOW, self.guards
        )
        return self

    # 1.5, 2.6

    def pay(self) -> "Bazaar":
        paying = settlement.start_paying(self.purchase, SESSION_KEY, NOW)
        self.purchase, told = settlement.paid_in(paying, paid_in(self.deal))
        self.said["told"] = told
        self._keep(self.take_money(told))
        return self

    def take_money(self, told: Any, **changes: Any) -> Step:
        fields: dict[str, Any] = {
            "sender": BUYER.public_key,
            "coin_servers": COIN_SERVERS,
            "market": market(self.guards),
        }
        brokerage = changes.pop("brokerage", self.brokerage)
        fields = {**fields, **changes}
        if self.model == 1:
            return settlement.take_settlement(brokerage, self.listing, told, **fields)
        return direct_sale.take_money(brokerage, told, **fields)

    # 1.6, 2.7 and 2.8

    def goods(self) -> "Bazaar":
        if self.model == 1:
            self.purchase, asked = settlement.goods_arrive(
                self.purchase, self.said["GoodsSent"], MARKET.public_key, PUBLIC, self.guards
            )
        else:
            self.purchase, asked = self.take_key(self.send_key())
        assert asked is not None
        self.said["7"] = asked
        return self

    def send_key(self) -> words.KeyInfo:
        self.sale, to = direct_sale.paid_notice_arrives(
            self.sale, self.offering, self.said["PaidNotice"], COIN_SERVERS, self.guards
        )
        assert isinstance(to.message, words.KeyInfo)
        self.said["2.8"] = to.message
        return to.message

    def take_key(self, key: words.KeyInfo) -> tuple[Purchase, words.Register | None]:
        return direct_sale.key_arrives(self.purchase, key, SELLER.public_key, BUYER_SEAL, PUBLIC)

    # 7 to 10

    def register(self) -> "Bazaar":
        answer = self.registered(self.said["7"])
        self.said["8"] = answer
        self.purchase = outcome.registered(self.purchase, answer, PUBLIC)
        return self

    def registered(
        self, message: words.Register, sender: SigningKey = BUYER, **changes: Any
    ) -> words.Registered:
        change, answer = registration.register(
            message,
            sender.public_key,
            MARKETS,
            game(self.books, self.guards, **changes),
            self.books,
        )
        self.books.apply(change)
        self.said["change"] = change
        return answer

    def hear(self, word: Word, now: int = NOW) -> "Bazaar":
        """Step 9, market."""
        self._keep(outcome.take_word(self.brokerage, self.listing, word, now, self.guards))
        return self

    def earn(self) -> "Bazaar":
        self.offering, self.sale = outcome.proceeds_arrive(
            self.offering,
            getattr(self, "sale", None),
            self.said["Proceeds"],
            sender=MARKET.public_key,
            seller=SELLER.public_key,
            trade=TRADE,
        )
        return self

    def voided(self, sender: SigningKey = MARKET, **changes: Any) -> Word:
        """V1."""
        message = words.VoidTrade(self.brokerage.signed)
        change, answer = registration.void(
            message,
            sender.public_key,
            MARKETS,
            game(self.books, self.guards, **changes),
            self.books,
        )
        self.books.apply(change)
        self.said["change"] = change
        return answer.word

    # shortcuts

    def up_to(self, last: str) -> "Bazaar":
        """Take all steps up to this one."""
        for step in ("list", "order", "ready", "pay", "goods", "register", "hear", "earn"):
            if step == "hear":
                self.hear(self.said["8"].word)
            else:
                getattr(self, step)()
            if step == last:
                break
        return self


def bazaar(model: Model, last: str, guards: Guards = ALL_ON) -> Bazaar:
    return Bazaar(model, guards).up_to(last)
