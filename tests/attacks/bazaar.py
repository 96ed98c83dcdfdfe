"""A market with sales: every party as a node of its own, in one event loop."""

from nodes.central_server.service import build as build_central_server
from nodes.escrow_server.service import build as build_escrow_server
from nodes.peer.escrow_commerce import Trade
from nodes.protocols.escrow_commerce.state import Purchase
from nodes.protocols.message import Role
from scenarios.adversaries.peer import build_peer
from tests.wallet.market import OWNER, Market, Node

PRICE = 2


class Stall(Node):
    trade: Trade

    def build(self) -> None:
        match self.role:
            case Role.PEER:
                self.service, self.wallet, self.trade = build_peer(self.settings)
            case Role.ESCROW_SERVER:
                self.service = build_escrow_server(self.settings)
            case Role.CENTRAL_SERVER:
                self.service = build_central_server(self.settings)
            case _:
                super().build()

    def purchase(self, sale: str) -> Purchase:
        found = self.trade.books.purchase(bytes.fromhex(sale))
        assert found is not None
        return found

    async def sell(self, content: bytes) -> str:
        """Content on offer; its id."""
        url = f"{self.service.url}/control/content?name=harbour.png"
        async with self.market.http.put(url, data=content, headers=OWNER) as response:
            content_id: str = (await response.json(content_type=None))["content_id"]
        await self.ask("offer", content_id=content_id, description="a harbour", price=PRICE)
        return content_id

    async def order(self, content_id: str) -> str:
        """What was found of that content is bought; the sale."""
        found = await self.ask("search", content_id=content_id)
        ordered = await self.ask("order", offer=found["selected"]["offer"])
        return str(ordered["transaction"])

    async def pay_for(self, sale: str) -> None:
        await self.until(sale, "ciphertext-held")
        await self.ask("pay", transaction=sale)


class Bazaar(Market):
    peers: list[Stall]  # type: ignore[assignment]

    async def _add(self, name: str, role: Role) -> Stall:
        stall = Stall(self, self.settings(name), role)
        await stall.start()
        self.nodes.append(stall)
        return stall

    async def __aenter__(self) -> "Bazaar":
        await super().__aenter__()
        self.central = await self._add("central", Role.CENTRAL_SERVER)
        await self.ready()
        return self

    async def advance(self, seconds: float) -> None:
        for node in self.nodes:
            await node.ask("clock", advance_seconds=seconds)
