"""Traders in items that hear and do nothing, and what they could say to each other."""

from typing import Any, TypeVar

import msgspec

from crypto import codec
from crypto.documents import Signed, sign_document
from crypto.signing import SigningKey
from nodes.protocols.electronic_cash.documents import PendingCoin
from nodes.protocols.envelope import Opened
from nodes.protocols.item_trading import messages as words
from nodes.protocols.item_trading.certificate import read_certificate
from nodes.protocols.item_trading.documents import (
    Deal,
    Goods,
    ItemCertificate,
    ListedItem,
    PurchaseOrder,
    Receipt,
    SaleAuthority,
    Shipment,
    certificate_digest,
)
from nodes.protocols.item_trading.payment import PaidIn, condition_of, reference_of
from nodes.protocols.item_trading.reading import ciphertext_digest, lock, opened
from nodes.protocols.message import Message, PartyId, Role
from nodes.runtime.party import Answer, Party
from nodes.runtime.settings import Settings
from scenarios.lab.node_client import Node
from tests.battery.battery import hears
from tests.battery.letters import Sample
from tests.battery.players import Player
from tests.battery.stage import PLAYERS, Kinds, Stage

T = TypeVar("T")
SWORD, PRICE, KEY = "Sword of dawn, level 12", 4, b"k" * 16
HOURS = 6 * 3_600_000
DEALER = "player-market"
TRADERS: dict[Role, tuple[type[Message], ...]] = {
    Role.PEER: (
        words.ReadyToSell,
        words.GoodsSent,
        words.BuyerFound,
        words.EncryptedCertificate,
        words.PaidNotice,
        words.KeyInfo,
        words.KeyForwarded,
        words.Proceeds,
        words.VoidNotice,
    ),
    Role.MARKET: (words.PurchaseRequest, words.Settlement, words.MoneyPaid, words.Moved),
}


def code(name: str) -> str:
    return f"item_trading/{name}"


class Trader(Player):
    """One that also hears what is said to players and markets."""

    def __init__(self, role: Role, settings: Settings) -> None:
        super().__init__(role, settings)
        for type_ in TRADERS[role]:
            self.service.handles(type_, self._hear)
        if role is Role.PEER:
            self.service.handles(words.KeyDemand, self._show)

    async def _show(self, received: Opened[Any], party: Party) -> Answer:
        return party.reply(received, words.KeyShown(KEY))


KINDS: Kinds = {
    **PLAYERS,
    "player-buyer": (Trader, Role.PEER),
    "player-seller": (Trader, Role.PEER),
    DEALER: (Trader, Role.MARKET),
}


class Ready:
    def __init__(self, stage: Stage) -> None:
        self.stage, world = stage, stage.world
        self.buyer: Player = stage.buyer
        self.seller: Player = stage.seller
        self.dealer = next(one for one in stage.players if one.party.name == DEALER)
        self.game, self.other_game = world.node("game-server-1"), world.node("game-server-2")
        self.market = world.node("market-1")
        self.at_buyer, self.at_seller = world.peers[:2]
        self.games_voice, self.markets_voice, self.coins_voice = map(
            stage.voice_of, (self.game, self.market, world.node("coin-server-1"))
        )
        self.payee_key = SigningKey.generate().public_key

    async def make(self) -> "Ready":
        asked = await self.at_buyer.control("cash_withdraw", amount=31)
        await self.at_buyer.until(asked["transaction"], "completed")
        self.revoked = await self.certificate()
        self.sold = self.signed(self.deal(self.revoked, model=2))
        bought = words.Register(self.sold, self.transferred(self.revoked, self.sold))
        await self.told(bought, self.buyer, self.game, words.Registered)
        self.foreign = await self.certificate(self.other_game)
        self.void = self.signed(self.deal(self.foreign, game_server=self.id(self.game)))
        await self.told(words.VoidTrade(self.void), self.dealer, self.game, words.TradeEnded)
        return self

    # saying things

    @staticmethod
    def id(node: Node) -> bytes:
        return bytes.fromhex(node.id)

    def fresh(self) -> bytes:
        return self.buyer.party.fresh_transaction()

    def now(self) -> int:
        return self.buyer.party.now()

    def sample(self, message: Message, sender: Player, to: Node, **how: Any) -> Sample:
        return Sample(message, sender, to, how.pop("transaction", self.fresh()), **how)

    async def told(
        self, message: Message, sender: Player, to: Node, answer: type[T], **how: Any
    ) -> T:
        said = await hears(self.stage, self.sample(message, sender, to, **how))
        assert isinstance(said, answer)
        return said

    # items and documents

    async def certificate(self, game: Node | None = None) -> ItemCertificate:
        game = game or self.game
        owner = self.seller.party.name
        found = await game.control("item_found", owner=owner, item=SWORD)
        asked = words.RequestCertificate(bytes.fromhex(found["item"]))
        issued = await self.told(asked, self.seller, game, words.CertificateIssued)
        return issued.certificate

    def deal(self, shown: ItemCertificate, **changes: Any) -> Deal:
        """Between the two players, unless told otherwise, at the dealer's."""
        made = read_certificate(shown.content)
        deal = Deal(
            model=1,
            trade=self.fresh(),
            game_server=made.server,
            market=self.dealer.party.id,
            seller=made.owner,
            buyer=self.buyer.party.id,
            serial=made.serial,
            certificate=certificate_digest(shown.content),
            item=made.item,
            price=PRICE,
            until=self.now() + HOURS,
        )
        return msgspec.structs.replace(deal, **changes)

    def signed(self, deal: Deal, market: Player | None = None) -> Signed[Deal]:
        return sign_document(deal, (market or self.dealer).party.key)

    def authority(
        self, shown: ItemCertificate, market: PartyId, **changes: Any
    ) -> Signed[SaleAuthority]:
        made = read_certificate(shown.content)
        document = SaleAuthority(
            seller=made.owner,
            market=market,
            game_server=made.server,
            serial=made.serial,
            certificate=certificate_digest(shown.content),
            price=PRICE,
            payee_key=self.payee_key,
            valid_until=self.now() + 2 * HOURS,
            nonce=self.fresh(),
        )
        return sign_document(msgspec.structs.replace(document, **changes), self.seller.party.key)

    def transferred(self, shown: ItemCertificate, signed: Signed[Deal]) -> Goods:
        deal = opened(Deal, signed)
        transfer = sign_document(deal, self.dealer.party.key, self.seller.party.key)
        return Goods(shown, None, None, transfer)

    def receipt(self, signed: Signed[Deal], **changes: Any) -> Signed[Receipt]:
        deal = opened(Deal, signed)
        made = Receipt(
            market=deal.market,
            market_name=DEALER,
            client=deal.buyer,
            item=deal.item,
            date=self.now(),
            listing=self.fresh(),
            serial=deal.serial,
            certificate=deal.certificate,
            price=deal.price,
            deal=reference_of(deal),
        )
        return sign_document(msgspec.structs.replace(made, **changes), self.dealer.party.key)

    def order(self, listing: bytes, trade: bytes, **changes: Any) -> words.PurchaseRequest:
        market, buyer = self.id(self.market), self.buyer.party
        made = PurchaseOrder(buyer.id, market, trade, listing, changes.get("price", PRICE))
        return words.PurchaseRequest(listing, made.price, sign_document(made, buyer.key))

    def paid(self, deal: Deal, payee_key: bytes) -> PaidIn:
        """As the coin server would say it."""
        condition = condition_of(deal, payee_key, SigningKey.generate().public_key)
        voice = self.coins_voice.party
        request = self.buyer.party.fresh(32)
        return sign_document(PendingCoin(voice.id, request, deal.price, condition), voice.key)

    def shipped(self, shown: ItemCertificate, signed: Signed[Deal]) -> words.EncryptedCertificate:
        reference = reference_of(opened(Deal, signed))
        ciphertext = lock(self.transferred(shown, signed), KEY, reference)
        shipment = Shipment(
            self.seller.party.id, reference, self.payee_key, ciphertext_digest(ciphertext)
        )
        return words.EncryptedCertificate(
            signed, sign_document(shipment, self.seller.party.key), ciphertext
        )

    def shipped_for(self, deal: Deal, key: bytes = KEY) -> words.EncryptedCertificate:
        """What a seller sends that has no such certificate, in a trade at the market."""
        signed = self.signed(deal, self.markets_voice)
        ciphertext = lock(self.transferred(self.revoked, self.sold), key, reference_of(deal))
        shipment = Shipment(
            deal.seller, reference_of(deal), self.payee_key, ciphertext_digest(ciphertext)
        )
        made = sign_document(shipment, self.seller.party.key)
        return words.EncryptedCertificate(signed, made, ciphertext)

    # a peer that buys from the dealer

    async def ordered(self, model: Any) -> tuple[bytes, ItemCertificate, Signed[Deal]]:
        """A peer's order: its trade, the item, and the deal it waits for."""
        listed = ListedItem(self.fresh(), model, self.id(self.game), SWORD, PRICE)
        asked = await self.at_buyer.control(
            "item_order", market=DEALER, listed=codec.encode(listed).hex()
        )
        trade = bytes.fromhex(asked["transaction"])
        await self.dealer.has_heard(words.PurchaseRequest, trade)
        shown = await self.certificate()
        deal = self.deal(shown, model=model, trade=trade, buyer=self.id(self.at_buyer))
        return trade, shown, self.signed(deal)

    async def reserved(self, shown: ItemCertificate, signed: Signed[Deal]) -> words.ReadyToSell:
        authority = self.authority(shown, self.dealer.party.id)
        asked = words.Reserve(shown, signed, authority)
        answer = await self.told(asked, self.dealer, self.game, words.Reserved)
        return words.ReadyToSell(signed, self.payee_key, answer.reservation)

    async def paid_by_peer(self, trade: bytes, type_: type[Message]) -> Any:
        await self.at_buyer.control("item_pay", transaction=trade.hex())
        return await self.dealer.has_heard(type_, trade)
