"""What somebody could say over HTTP who does not keep to the rules: true papers, wrongly used."""

from typing import Any, TypeVar

from crypto.documents import Signed, countersign, sign_document
from nodes.protocols.item_trading.certificate import read_certificate
from nodes.protocols.item_trading.documents import (
    Deal,
    Goods,
    ItemCertificate,
    SaleAuthority,
    certificate_digest,
)
from nodes.protocols.item_trading.messages import (
    Recover,
    Recovered,
    Register,
    Registered,
    Reserve,
    Reserved,
)
from nodes.protocols.message import Message
from nodes.runtime.party import Party
from tests.roles.item_trading.world import PRICE, World

A = TypeVar("A", bound=Message)
HOUR = 3_600_000


class Forger:
    """Every node of a world, with its keys."""

    def __init__(self, world: World) -> None:
        self.world = world

    def party(self, name: str) -> Party:
        return self.world.nodes[name].party

    def certificate(self, owner: str, serial: str) -> ItemCertificate:
        """A copy of what this player has, or had."""
        store = self.party(owner).store
        own = self.world.players[owner].books.items.get(store.committed, bytes.fromhex(serial))
        assert own is not None, "it had one"
        return own.certificate

    async def say(
        self, sender: str, to: str, message: Message, answer: type[A], trade: bytes | None = None
    ) -> A:
        party = self.party(sender)
        transaction = trade or party.fresh_transaction()
        said = await party.send(self.party(to).id, message, transaction, answer)
        return said.message

    # papers

    def deal(
        self, shown: ItemCertificate, *, market: str = "market-1", buyer: str, model: Any = 1
    ) -> Deal:
        made, party = read_certificate(shown.content), self.party(market)
        return Deal(
            model=model,
            trade=party.fresh_transaction(),
            game_server=made.server,
            market=party.id,
            seller=made.owner,
            buyer=self.party(buyer).id,
            serial=made.serial,
            certificate=certificate_digest(shown.content),
            item=made.item,
            price=PRICE,
            until=party.now() + HOUR,
        )

    def signed(self, deal: Deal, market: str = "market-1") -> Signed[Deal]:
        return sign_document(deal, self.party(market).key)

    def authority(
        self, shown: ItemCertificate, *, seller: str, market: str = "market-1", **changes: Any
    ) -> Signed[SaleAuthority]:
        made, party = read_certificate(shown.content), self.party(seller)
        fields: dict[str, Any] = {
            "seller": party.id,
            "market": self.party(market).id,
            "game_server": made.server,
            "serial": made.serial,
            "certificate": certificate_digest(shown.content),
            "price": PRICE,
            "payee_key": party.fresh(32),
            "valid_until": party.now() + HOUR,
            "nonce": party.fresh_transaction(),
        }
        return sign_document(SaleAuthority(**{**fields, **changes}), party.key)

    # what they are used for

    async def reserve(
        self,
        shown: ItemCertificate,
        authority: Signed[SaleAuthority],
        *,
        market: str = "market-1",
        buyer: str = "bob",
    ) -> None:
        """Step 1.4, by a market: whatever it was told to sell, it offers this."""
        deal = self.deal(shown, market=market, buyer=buyer)
        message = Reserve(shown, self.signed(deal, market), authority)
        await self.say(market, "game", message, Reserved, deal.trade)

    async def register(self, shown: ItemCertificate, deal: Signed[Deal], *, seller: str,
                       buyer: str, trade: bytes) -> Registered:  # fmt: skip
        """Step 7, model 2, with TS."""
        transfer = countersign(Deal, deal, self.party(seller).key)
        goods = Goods(shown, None, None, transfer)
        return await self.say(buyer, "game", Register(deal, goods), Registered, trade)

    async def recover(self, shown: ItemCertificate, owner: str) -> None:
        await self.say(owner, "game", Recover(shown), Recovered)
