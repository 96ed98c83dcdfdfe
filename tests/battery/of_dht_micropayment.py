"""One valid message of each type of the coins, and how each is refused out of its place."""

from collections.abc import Awaitable, Callable

from dht.records import FraudProof
from nodes.protocols.dht_micropayment import messages as words
from nodes.protocols.message import Message
from nodes.runtime.refusals import NotReady
from tests.battery import coins
from tests.battery.coins import ORDER, OTHER_ORDER
from tests.battery.letters import ACCEPTED, Rules, Sample
from tests.battery.players import Player
from tests.battery.stage import Stage


def code(name: str) -> str:
    return f"dht_micropayment/{name}"


WITNESS = code("witness-is-not-a-member")
NO_FRAUD = code("no-fraud-shown")
EPOCH_TO_COME = NotReady.code
"""Nobody can say yet whether it is certified: the roster is asked for, and the message again."""
ANYTHING: Rules = (("*", ACCEPTED),)
TRANSFERS: Rules = (
    ("transfers.*.evidence.*", code("coin-is-not-genuine")),
    ("transfers.*.predecessor.votes.*.voter", WITNESS),
    ("transfers.*.predecessor.epoch", EPOCH_TO_COME),
    ("transfers.*.predecessor.*", code("predecessor-not-certified")),
    ("transfers.*.record.*", code("record-not-signed")),
    ("order", code("terms-differ")),
)
STEP_SIGNED_ANEW: Rules = tuple(
    (f"transfers.*.record.signed.content.{field}", code(name))
    for field, name in {
        "namespace": "body-is-not-the-coins",
        "chain": "body-is-not-the-coins",
        "subject": "body-is-not-the-coins",
        "index": "step-out-of-order",
        "previous": "step-out-of-order",
        "kind": "wrong-kind",
        "payer": "record-not-signed",
        "payee": "payee-is-not-you",
        "terms": "terms-differ",
    }.items()
)
Elsewhere = dict[str, tuple[Sample, str]]


class Ready:
    """Players with coins; one of them a convicted cheat."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.broker, self.payee = stage.world.broker, stage.world.peers[0]

    async def make(self) -> "Ready":
        stage = self.stage
        await stage.buyer.withdraw(9)
        await stage.cheat.withdraw(3)
        await self._receive(2)
        self.payees = [stage.seller.party.id, stage.poor.party.id]
        (self.frozen,) = coins.take(stage.cheat, 1)
        convicts = coins.fraud(stage.cheat, self.frozen, self.payees)
        await coins.said(stage, stage.buyer, self.broker, convicts)
        (self.redeemed,) = coins.take(stage.buyer, 1)
        message = coins.redemption(stage.buyer, [self.redeemed], self.broker)
        await coins.said(stage, stage.buyer, self.broker, message)
        self.paid = coins.take(stage.buyer, 1)
        self.paid_in = self.fresh()
        message_paid = await coins.payment(stage.buyer, self.paid, self.payee, self.paid_in)
        answer = await stage.buyer.party.send(
            bytes.fromhex(self.payee.id), message_paid, self.paid_in, words.Taken
        )
        assert answer.message.outcome is words.Outcome.DELIVERED
        return self

    async def _receive(self, count: int) -> None:
        """Coins of the honest peer's, paid to the player; one of them is given back already."""
        buyer, payer = self.stage.buyer, self.payee
        asked = await payer.control("withdraw", count=count)
        await payer.until(asked["transaction"], "held")
        asked = await payer.control("transfer", to=buyer.party.name, count=count)
        await payer.until(asked["transaction"], "paid")
        owner, purse = bytes.fromhex(payer.id), buyer.wallet.purse
        await buyer.until(lambda: sum(coin.coin.owner == owner for coin in purse.free()) == count)
        self.received = [coin for coin in purse.free() if coin.coin.owner == owner]
        buyer.wallet.purse.speak_for(self.received)
        self.given_back = coins.gift(buyer, [self.received.pop()], payer)
        await coins.said(self.stage, buyer, payer, self.given_back)

    def fresh(self) -> bytes:
        return self.stage.buyer.party.fresh_transaction()

    def at_broker(self, message: Message, sender: Player, transaction: bytes = b"") -> Sample:
        return Sample(message, sender, self.broker, transaction or self.fresh())

    def at_payee(self, message: Message, sender: Player, transaction: bytes = b"") -> Sample:
        return Sample(message, sender, self.payee, transaction or self.fresh())


# W1


async def withdraw(ready: Ready) -> Sample:
    stage, transaction = ready.stage, ready.fresh()
    known = ready.fresh()
    told = await stage.seller.party.send(
        bytes.fromhex(ready.broker.id), words.Withdraw(1), known, words.Withdrawn
    )
    assert len(told.message.coins) == 1
    one, many = words.Withdraw(2), words.Withdraw(64)
    return Sample(
        one,
        stage.seller,
        ready.broker,
        transaction,
        altered=ANYTHING,
        elsewhere={
            "another order under one id": (
                ready.at_broker(one, stage.seller, known),
                code("withdrawal-differs"),
            ),
            "of a convicted cheat": (
                ready.at_broker(one, stage.cheat),
                "accounts/account-is-frozen",
            ),
            "without an account": (
                ready.at_broker(one, stage.poor),
                "accounts/no-such-account",
            ),
            "more than there is": (
                ready.at_broker(many, stage.seller),
                "accounts/balance-too-small",
            ),
        },
    )


# Q1, P1, B1: the payee


async def ask_quote(ready: Ready) -> Sample:
    stage, known = ready.stage, ready.paid_in
    again = ready.at_payee(words.AskQuote(OTHER_ORDER, 1), stage.buyer, known)
    return Sample(
        words.AskQuote(ORDER, 2),
        stage.buyer,
        ready.payee,
        ready.fresh(),
        altered=ANYTHING,
        elsewhere={"another quote of one transaction": (again, code("quote-is-not-yours"))},
    )


async def payment(ready: Ready) -> Sample:
    stage, payee, transaction = ready.stage, ready.payee, ready.fresh()
    buyer, id_ = stage.buyer, bytes.fromhex(payee.id)
    two, (third,) = coins.take(buyer, 2), coins.take(buyer, 1)
    quote = (await coins.quoted(buyer, payee, 2, transaction)).quote
    old, known = ready.fresh(), ready.paid_in
    old_quote = (await coins.quoted(buyer, payee, 1, old)).quote
    known_quote = (await coins.payment(buyer, ready.paid, payee, known)).quote
    others = ready.fresh()
    others_quote = (await coins.quoted(stage.seller, payee, 2, others)).quote
    cheats = coins.take(stage.cheat, 1)

    def paid(payee: bytes = id_, transaction: bytes = transaction, **how: object) -> Sample:
        transfers = coins.signed_over(buyer, how.pop("coins", two), payee, **how)  # type: ignore[arg-type]
        quoted = how.pop("quote", quote)
        return ready.at_payee(words.Payment(quoted, transfers), buyer, transaction)  # type: ignore[arg-type]

    twice = coins.signed_over(buyer, [two[0], two[0]], id_)
    stale = words.Payment(old_quote, coins.signed_over(buyer, ready.paid, id_))
    another = words.Payment(known_quote, coins.signed_over(buyer, [third], id_))
    valid = words.Payment(quote, coins.signed_over(buyer, two, id_))
    elsewhere: Elsewhere = {
        "of no quote": (paid(transaction=ready.fresh()), code("no-such-quote")),
        "of another's quote": (
            ready.at_payee(valid, stage.seller, transaction),
            code("no-such-quote"),
        ),
        "by the quote of another payment": (
            ready.at_payee(words.Payment(old_quote, valid.transfers), buyer, transaction),
            code("quote-is-not-yours"),
        ),
        "with another's coins": (
            ready.at_payee(words.Payment(others_quote, valid.transfers), stage.seller, others),
            code("paid-by-another"),
        ),
        "when delivered": (ready.at_payee(another, buyer, known), code("quote-has-ended")),
        "one coin too few": (paid(coins=two[:1]), code("wrong-number-of-coins")),
        "one coin too many": (paid(coins=[*two, third]), code("wrong-number-of-coins")),
        "one coin twice": (
            ready.at_payee(words.Payment(quote, twice), buyer, transaction),
            code("coin-given-twice"),
        ),
        "to somebody else": (paid(ready.payees[0]), code("payee-is-not-you")),
        "for another order": (paid(order=OTHER_ORDER), code("terms-differ")),
        "in another order": (
            ready.at_payee(words.Payment(quote, valid.transfers[::-1]), buyer, transaction),
            code("terms-differ"),
        ),
        "as a redemption": (paid(kind="redeem"), code("wrong-kind")),
        "with a coin of another": (
            paid(coins=[two[0], *cheats]),
            code("payer-does-not-hold-the-coin"),
        ),
        "with an old transfer": (
            ready.at_payee(stale, buyer, old),
            code("register-is-written"),
        ),
    }
    return Sample(
        valid,
        buyer,
        payee,
        transaction,
        altered=(("quote.*", code("quote-is-not-yours")), *TRANSFERS),
        signed_anew=STEP_SIGNED_ANEW,
        elsewhere=elsewhere,
    )


async def give_back(ready: Ready) -> Sample:
    """Coins that the honest peer has paid to the player, on their way back."""
    stage, payee, buyer = ready.stage, ready.payee, ready.stage.buyer
    coin = [ready.received[0]]
    own, mine = coins.take(buyer, 1), coins.gift(buyer, coin, payee)
    to_another = coins.signed_over(buyer, coin, ready.payees[0])
    wrong: dict[str, tuple[words.GiveBack, str]] = {
        "of a coin that the payee never had": (
            coins.gift(buyer, own, payee),
            "not-yours-to-give-back",
        ),
        "for another order": (words.GiveBack(OTHER_ORDER, mine.transfers), "terms-differ"),
        "one coin twice": (words.GiveBack(ORDER, mine.transfers * 2), "coin-given-twice"),
        "as a redemption": (coins.gift(buyer, coin, payee, kind="redeem"), "wrong-kind"),
        "to somebody else": (words.GiveBack(ORDER, to_another), "payee-is-not-you"),
        "an old transfer": (ready.given_back, "register-is-written"),
    }
    elsewhere = {
        name: (ready.at_payee(message, buyer), code(refusal))
        for name, (message, refusal) in wrong.items()
    }
    elsewhere["by who has seen it"] = (
        ready.at_payee(mine, stage.seller),
        code("not-yours-to-give-back"),
    )
    return Sample(
        mine,
        buyer,
        payee,
        ready.fresh(),
        altered=TRANSFERS,
        signed_anew=STEP_SIGNED_ANEW,
        elsewhere=elsewhere,
    )


# D1, F1: the broker


async def redeem(ready: Ready) -> Sample:
    stage, broker = ready.stage, ready.broker
    buyer, mine = stage.buyer, coins.take(stage.buyer, 1)

    def handed_in(coin: object, sender: Player = buyer, **how: object) -> Sample:
        message = coins.redemption(sender, [coin], broker, **how)  # type: ignore[list-item]
        return ready.at_broker(message, sender)

    valid = coins.redemption(buyer, mine, broker)
    twice = words.Redeem(ORDER, valid.transfers * 2)
    to_another = coins.signed_over(buyer, mine, ready.payees[0], kind="redeem")
    elsewhere: Elsewhere = {
        "redeemed before": (
            handed_in(ready.redeemed, order=OTHER_ORDER),
            code("already-redeemed"),
        ),
        "of a convicted cheat": (handed_in(ready.frozen, stage.cheat), code("coin-is-frozen")),
        "of another's coin": (
            handed_in(ready.frozen, buyer),
            code("payer-does-not-hold-the-coin"),
        ),
        "as a payment": (handed_in(mine[0], kind="pay"), code("wrong-kind")),
        "one coin twice": (ready.at_broker(twice, buyer), code("coin-given-twice")),
        "for another order": (
            ready.at_broker(words.Redeem(OTHER_ORDER, valid.transfers), buyer),
            code("terms-differ"),
        ),
        "to somebody else": (
            ready.at_broker(words.Redeem(ORDER, to_another), buyer),
            code("payee-is-not-you"),
        ),
    }
    return Sample(
        valid,
        buyer,
        broker,
        ready.fresh(),
        altered=TRANSFERS,
        signed_anew=STEP_SIGNED_ANEW,
        elsewhere=elsewhere,
    )


async def report_fraud(ready: Ready) -> Sample:
    stage = ready.stage
    cheat, buyer = stage.cheat, stage.buyer
    (coin,) = coins.take(cheat, 1)
    valid = coins.fraud(cheat, coin, ready.payees)
    (innocent,) = coins.take(buyer, 1)
    framed = coins.fraud(cheat, innocent, ready.payees)
    same = FraudProof(valid.proof.first, valid.proof.first)
    moved = words.ReportFraud(valid.proof, framed.predecessor, valid.evidence)
    another = words.ReportFraud(valid.proof, valid.predecessor, framed.evidence)
    once = words.ReportFraud(same, valid.predecessor, valid.evidence)
    elsewhere: Elsewhere = {
        "one record twice": (ready.at_broker(once, buyer), NO_FRAUD),
        "by who never held it": (ready.at_broker(framed, buyer), NO_FRAUD),
        "behind another coin's step": (ready.at_broker(moved, buyer), NO_FRAUD),
        "of another coin": (ready.at_broker(another, buyer), NO_FRAUD),
    }
    return Sample(
        valid,
        buyer,
        ready.broker,
        ready.fresh(),
        altered=(
            ("evidence.*", code("coin-is-not-genuine")),
            ("predecessor.votes.*.voter", WITNESS),
            ("predecessor.epoch", EPOCH_TO_COME),
            ("*", NO_FRAUD),
        ),
        signed_anew=tuple(
            (f"proof.*.content.{field}", NO_FRAUD)
            for field in ("namespace", "chain", "index", "payer", "subject")
        ),
        elsewhere=elsewhere,
    )


SAMPLES: dict[type[Message], Callable[[Ready], Awaitable[Sample]]] = {
    words.Withdraw: withdraw,
    words.AskQuote: ask_quote,
    words.Payment: payment,
    words.GiveBack: give_back,
    words.Redeem: redeem,
    words.ReportFraud: report_fraud,
}
