"""A peer that pays one coin to several payees at once (DC-A1).

Its wallet knows what an honest one knows; but where an honest wallet saves one step and signs only
that for ever, this one signs a step for each payee, all for the same register, and races them.
"""

import asyncio
from typing import Annotated, Any

import msgspec

from crypto.documents import Signed, open_document
from nodes.protocols.dht_micropayment import holding as rule
from nodes.protocols.dht_micropayment.holding import Holding
from nodes.protocols.dht_micropayment.messages import AskQuote, Payment, Quote, QuoteGiven, Taken
from nodes.protocols.dht_micropayment.transfer import terms_of
from nodes.protocols.errors import ProtocolError
from nodes.protocols.message import PartyId, TransactionId
from nodes.runtime.control import Request
from nodes.runtime.party import Party
from nodes.runtime.service import Service
from nodes.runtime.settings import Settings
from nodes.wallet.wallet import Wallet
from scenarios.adversaries.peer import build_peer


class SpendTwice(Request, frozen=True):
    payees: Annotated[tuple[str, ...], msgspec.Meta(min_length=2, max_length=8)]
    """Names. Each is paid with the same coin."""
    delays_milliseconds: tuple[float, ...] = ()
    """How long each payment is held back; 0 where none is named."""


class DoubleSpender:
    def __init__(self, wallet: Wallet) -> None:
        self._wallet = wallet
        self._party = wallet.party
        wallet.service.operation(
            "spend_twice", SpendTwice, self._spend, "Pay one coin to several payees at once"
        )

    async def _spend(self, asked: SpendTwice, party: Party) -> dict[str, Any]:
        """Answers when every payee has said how its payment stands, or has stayed silent."""
        cards = [await party.directory.named(name) for name in asked.payees]
        offers = await asyncio.gather(*(self._ask(card.id) for card in cards))
        coin = self._take_coin()
        payments = [self._signed(coin, *offer) for offer in offers]
        await self._look_honest(coin, *offers[0])
        delays = [*asked.delays_milliseconds, *[0.0] * len(cards)]
        told = await asyncio.gather(
            *(
                self._pay(card.id, transaction, payment, delay / 1000)
                for card, (transaction, _), payment, delay in zip(
                    cards, offers, payments, delays, strict=False
                )
            )
        )
        return {
            "chain": coin.chain.hex(),
            "serial": coin.coin.serial,
            "index": coin.step.index + 1,
            "payments": [
                {"to": name, "transaction": transaction.hex(), "outcome": outcome}
                for name, (transaction, _), outcome in zip(asked.payees, offers, told, strict=True)
            ],
        }

    async def _ask(self, payee: PartyId) -> tuple[TransactionId, Signed[Quote]]:
        """Q1, with each payee in a transaction of its own."""
        transaction = self._party.fresh_transaction()
        answer = await self._party.send(payee, AskQuote(transaction, 1), transaction, QuoteGiven)
        return transaction, answer.message.quote

    def _take_coin(self) -> Holding:
        free = sorted(self._wallet.purse.free(), key=lambda coin: coin.coin.serial)
        if not free:
            raise LookupError("no coin to spend twice")
        self._wallet.purse.speak_for(free[:1])
        return free[0]

    def _committed(
        self, coin: Holding, transaction: TransactionId, signed: Signed[Quote]
    ) -> Holding:
        """The coin as if it had never been signed over to anybody else."""
        quote = open_document(Quote, signed)
        terms = terms_of(quote.order, [coin.chain])
        party = self._party
        return rule.commit(coin, "pay", quote.payee, terms, transaction, party.id, party.guards)

    def _signed(self, coin: Holding, transaction: TransactionId, signed: Signed[Quote]) -> Payment:
        committed = self._committed(coin, transaction, signed)
        return Payment(signed, (rule.sign_committed(committed, self._party.key),))

    async def _look_honest(
        self, coin: Holding, transaction: TransactionId, signed: Signed[Quote]
    ) -> None:
        """Its ledger says that the first payee was paid, as an honest one's would."""
        async with self._party.store.transaction() as tx:
            self._wallet.purse.save(tx, self._committed(coin, transaction, signed))

    async def _pay(
        self, payee: PartyId, transaction: TransactionId, payment: Payment, seconds: float
    ) -> str:
        """P1: what the payee says, or the code of its refusal."""
        await asyncio.sleep(seconds)
        try:
            answer = await self._party.send(payee, payment, transaction, Taken)
        except ProtocolError as error:
            return error.code
        return answer.message.outcome.value


def build(settings: Settings) -> Service:
    service, wallet, _ = build_peer(settings)
    DoubleSpender(wallet)
    return service
