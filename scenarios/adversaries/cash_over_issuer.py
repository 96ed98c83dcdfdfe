"""A coin server that signs for coins it never wrote down (BS-A9).

What it issues so stands in no book of its own: it takes the bank's word for it when it comes back.
"""

from crypto.documents import sign_document
from nodes.coin_server.electronic_cash import Counter
from nodes.coin_server.forwarding import Forwarding
from nodes.protocols.electronic_cash.circulation import open_parcel, seal_change, settlement
from nodes.protocols.electronic_cash.documents import ChangeBlock, Debt, Redemption
from nodes.protocols.electronic_cash.messages import Redeem, Redeemed, Retire, Retired
from nodes.protocols.electronic_cash.refusals import CoinNotCirculating
from nodes.protocols.envelope import Opened
from nodes.runtime.party import Answer, Party
from nodes.runtime.service import Service
from nodes.runtime.settings import Settings
from scenarios.adversaries.coin_server import build_coin_server


class OverIssuer(Counter):
    async def _redeem(self, received: Opened[Redeem], party: Party) -> Answer:
        """Step D3: whatever bears its signature was in circulation, it says."""
        try:
            return await super()._redeem(received, party)
        except CoinNotCirculating:
            request, serving = received.message, self.serving()
            presented = self.opened(received, "D2")
            receipt = Redemption(party.id, received.sender, request.deposit, request.amount)
            change = seal_change(presented, ChangeBlock((), settlement(presented, serving)))
            signed = sign_document(receipt, party.key)
            return party.reply(received, Redeemed(signed, change, presented.request))


class OverOwing(Forwarding):
    async def _retire(self, received: Opened[Retire], party: Party) -> Answer:
        """Step F2: it owes another coin server for them, too."""
        try:
            return await super()._retire(received, party)
        except CoinNotCirculating:
            serving, message = self._counter.serving(), received.message
            presented = open_parcel(message.parcel, serving)
            debt = Debt(
                debtor=party.id,
                creditor=received.sender,
                bank=serving.published.bank,
                amount=presented.order.amount,
                request=presented.request,
            )
            change = seal_change(presented, ChangeBlock((), settlement(presented, serving)))
            return party.reply(received, Retired(sign_document(debt, party.key), change))


def build(settings: Settings) -> Service:
    return build_coin_server(settings, OverIssuer, OverOwing)
