"""Parties that do not keep to the rules, written with the same messages."""

from collections.abc import Sequence

from crypto.documents import open_document, sign_document
from nodes.protocols.dht_micropayment import holding as rule
from nodes.protocols.dht_micropayment import payment
from nodes.protocols.dht_micropayment.holding import CoinState, Holding
from nodes.protocols.dht_micropayment.messages import (
    AskQuote,
    Outcome,
    Payment,
    Quote,
    QuoteGiven,
    Receipt,
    Redeem,
    Redeemed,
    Taken,
)
from nodes.protocols.dht_micropayment.transfer import Transfer, chains_of, terms_of
from nodes.protocols.envelope import Opened
from nodes.protocols.errors import MalformedMessage
from nodes.protocols.message import Role
from nodes.runtime.party import Answer, Party
from nodes.runtime.refusals import UnexpectedFailure
from nodes.runtime.service import Service
from tests.wallet.market import Market, Node

ORDER = b"one order"


def held_coins(node: Node) -> list[Holding]:
    return [coin for coin in node.wallet.purse if coin.state is CoinState.HELD]


def signed_away(
    node: Node, coins: Sequence[Holding], payee: Node, order: bytes = ORDER, kind: str = "pay"
) -> tuple[Transfer, ...]:
    """Signed without being written down: nothing keeps this wallet from signing again."""
    party = node.service.party
    terms = terms_of(order, [coin.chain for coin in coins])
    return tuple(
        rule.sign_committed(
            rule.commit(coin, kind, payee.id, terms, bytes(16), party.id, party.guards),  # type: ignore[arg-type]
            party.key,
        )
        for coin in coins
    )


async def quote_of(node: Node, payee: Node, count: int, transaction: bytes) -> QuoteGiven:
    party = node.service.party
    given = await party.send(payee.id, AskQuote(ORDER, count), transaction, QuoteGiven)
    return given.message


async def pay_unprobed(node: Node, coins: Sequence[Holding], payee: Node) -> Taken:
    """P1 with these coins, whether or not they were given to others or can be certified."""
    party = node.service.party
    transaction = party.fresh_transaction()
    quoted = await quote_of(node, payee, len(coins), transaction)
    message = Payment(quoted.quote, signed_away(node, coins, payee))
    answer = await party.send(payee.id, message, transaction, Taken)
    return answer.message


async def redeem_unprobed(node: Node, coins: Sequence[Holding], broker: Node) -> Redeemed:
    party = node.service.party
    transaction = party.fresh_transaction()
    message = Redeem(ORDER, signed_away(node, coins, broker, kind="redeem"))
    answer = await party.send(broker.id, message, transaction, Redeemed)
    return answer.message


class OddPayee(Node):
    """Gives quotes, takes the payment's bytes, and says what it is told to; None: not a word."""

    def __init__(self, market: Market, *answers: Outcome | None) -> None:
        super().__init__(market, market.settings("odd-payee"), Role.PEER)
        self._answers = list(answers)
        self.asked = 0

    def build(self) -> None:
        self.service = Service(self.role, self.settings, purpose="Answers oddly.")
        self.service.handles(AskQuote, self._quote)
        self.service.handles(Payment, self._answer)

    async def _quote(self, received: Opened[AskQuote], party: Party) -> Answer:
        quoted = payment.give_quote(
            received.message,
            received.sender,
            received.transaction,
            party.now() + 60_000,
            party.key,
        )
        return party.reply(received, QuoteGiven(quoted.quote))

    async def _answer(self, received: Opened[Payment], party: Party) -> Answer:
        """The last of its answers again and again."""
        self.asked += 1
        outcome = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if outcome is None:
            raise UnexpectedFailure()
        if outcome is not Outcome.DELIVERED:
            return party.reply(received, Taken(outcome, None, None))
        quote = open_document(Quote, received.message.quote)
        terms = terms_of(quote.order, chains_of(received.message.transfers))
        receipt = Receipt(party.id, quote.payer, quote.order, quote.count, terms)
        return party.reply(received, Taken(outcome, sign_document(receipt, party.key), None))


class DeafPayee(OddPayee):
    """Says that it cannot read the first payments, or no question at all."""

    def __init__(self, market: Market, times: int, *, quotes: bool = True) -> None:
        super().__init__(market, Outcome.DELIVERED)
        self._times, self._quotes = times, quotes

    async def _quote(self, received: Opened[AskQuote], party: Party) -> Answer:
        if not self._quotes:
            raise MalformedMessage("no question that it knows")
        return await super()._quote(received, party)

    async def _answer(self, received: Opened[Payment], party: Party) -> Answer:
        if self.asked < self._times:
            self.asked += 1
            raise MalformedMessage("no payment that it knows")
        return await super()._answer(received, party)


class LyingPayee(OddPayee):
    """Signs a receipt that is not for this payment."""

    async def _answer(self, received: Opened[Payment], party: Party) -> Answer:
        self.asked += 1
        quote = open_document(Quote, received.message.quote)
        receipt = Receipt(party.id, quote.payer, quote.order, quote.count, bytes(32))
        signed = sign_document(receipt, party.key)
        return party.reply(received, Taken(Outcome.DELIVERED, signed, None))
