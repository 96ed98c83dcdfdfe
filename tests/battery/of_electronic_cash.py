"""One valid message of each type of the e-cash, and how each is refused out of its place."""

from collections.abc import Awaitable, Callable

from crypto.documents import sign_document
from crypto.sealing import SealingKey
from crypto.signing import SigningKey
from nodes.protocols.electronic_cash import messages as words
from nodes.protocols.electronic_cash import spending
from nodes.protocols.electronic_cash.circulation import ASK, FETCH
from nodes.protocols.electronic_cash.documents import Debt
from nodes.protocols.message import Message
from tests.battery import of_cash_accounts, of_coin_orders
from tests.battery.cash import Ready, code
from tests.battery.letters import ACCEPTED, Rules, Sample
from tests.battery.players import Player

NOT_SIGNED = code("spend-not-signed")

# P5, Q1, J1, J2


async def change_query(ready: Ready) -> Sample:
    order, home = ready.change, ready.id(ready.home)
    other = SigningKey.generate()
    strangers = words.ChangeQuery(
        order.request, other.public_key, other.sign(FETCH, home + order.request)
    )
    return ready.sample(
        spending.ask_for_change(order, ready.holder.cash.purse.wallet),
        ready.holder,
        ready.home,
        altered=(("*", NOT_SIGNED),),
        stored=False,
        elsewhere={
            "by who did not order it": (
                ready.sample(strangers, ready.holder, ready.home),
                code("unknown-request"),
            )
        },
    )


async def coin_query(ready: Ready) -> Sample:
    (held, *_), home, reply = ready.coins, ready.id(ready.home), SealingKey.generate()
    wallet, now = ready.holder.cash.purse.wallet, ready.holder.party.now()

    def asked(at: int = now, reply_key: bytes = reply.public_key, me: bytes = home) -> Sample:
        key = wallet.one_time_key(held.path)
        signature = key.sign(ASK, me + at.to_bytes(8, "big"))
        message = words.CoinQuery(key.public_key, at, signature, reply_key)
        return ready.sample(message, ready.holder, ready.home)

    return ready.sample(
        asked().message,
        ready.holder,
        ready.home,
        opens_with=reply,
        altered=(("reply_key", ACCEPTED), ("*", NOT_SIGNED)),
        stored=False,
        elsewhere={
            "asked long ago": (asked(now - 120_000), code("order-too-late")),
            "asked of another": (asked(me=ready.id(ready.second)), NOT_SIGNED),
            "under a reply key that tells everybody": (
                asked(reply_key=bytes(32)),
                "message/cannot-seal",
            ),
        },
    )


async def acknowledge(ready: Ready) -> Sample:
    message = words.Acknowledge(ready.entry)
    return ready.sample(
        message,
        ready.seller,
        ready.home,
        altered=(("*", ACCEPTED),),
        stored=False,
        elsewhere={
            "by who did not present it": (
                ready.sample(message, ready.holder, ready.home),
                code("not-yours"),
            )
        },
    )


async def acknowledge_change(ready: Ready) -> Sample:
    """What nobody waits for is acknowledged by anybody."""
    return ready.sample(
        spending.acknowledge_change(ready.change, ready.holder.cash.purse.wallet),
        ready.holder,
        ready.home,
        altered=(("signature", NOT_SIGNED), ("*", ACCEPTED)),
        stored=False,
    )


# F4, F6

DEBT: Rules = (("*", code("wrong-document")),)


async def clear(ready: Ready) -> Sample:
    def cleared(debt: Debt, by: Player, sender: Player) -> Sample:
        message = words.Clear((sign_document(debt, by.party.key),))
        return ready.sample(message, sender, ready.bank)

    home, second = ready.homes_voice, ready.seconds_voice
    own = ready.debt(debtor=ready.id(ready.second))
    return ready.sample(
        cleared(ready.debt(), home, second).message,
        second,
        ready.bank,
        altered=DEBT,
        signed_anew=(
            ("*.debtor", code("wrong-document")),
            ("*.creditor", code("wrong-debt")),
            ("*.bank", code("wrong-debt")),
        ),
        elsewhere={
            "of another's": (cleared(ready.debt(), home, home), code("wrong-debt")),
            "of its own": (cleared(own, second, second), code("wrong-debt")),
            "beyond what is outstanding": (
                cleared(ready.debt(amount=2**50), home, second),
                code("beyond-outstanding"),
            ),
        },
    )


async def void_debt(ready: Ready) -> Sample:
    home, second = ready.homes_voice, ready.seconds_voice
    owed, paid = (sign_document(ready.debt(), home.party.key) for _ in range(2))
    await ready.told(words.Clear((paid,)), second, ready.bank, words.Cleared)
    not_lost = ready.debt(creditor=ready.id(ready.merchant))

    def voided(message: words.VoidDebt, sender: Player = home) -> Sample:
        return ready.sample(message, sender, ready.bank)

    return ready.sample(
        words.VoidDebt(owed),
        home,
        ready.bank,
        altered=DEBT,
        signed_anew=(
            ("*.debtor", code("wrong-document")),
            ("*.creditor", code("not-lost")),
            ("*.bank", code("wrong-debt")),
        ),
        elsewhere={
            "by its creditor": (voided(words.VoidDebt(owed), second), code("not-yours")),
            "that is cleared": (voided(words.VoidDebt(paid)), code("debt-is-cleared")),
            "to who is not lost": (
                voided(words.VoidDebt(sign_document(not_lost, home.party.key))),
                code("not-lost"),
            ),
        },
    )


SAMPLES: dict[type[Message], Callable[[Ready], Awaitable[Sample]]] = {
    words.PublishKeys: of_cash_accounts.publish_keys,
    words.KeysQuery: of_cash_accounts.keys_query,
    words.AccountQuery: of_cash_accounts.account_query,
    words.Withdraw: of_cash_accounts.withdraw,
    words.Issue: of_cash_accounts.issue,
    words.Deliver: of_cash_accounts.deliver,
    words.WithdrawalQuery: of_cash_accounts.withdrawal_query,
    words.Exchange: of_coin_orders.exchange,
    words.Pay: of_coin_orders.pay,
    words.Present: of_coin_orders.present,
    words.ChangeQuery: change_query,
    words.Deposit: of_cash_accounts.deposit,
    words.Redeem: of_coin_orders.redeem,
    words.Deposited: of_cash_accounts.deposited,
    words.CoinQuery: coin_query,
    words.Acknowledge: acknowledge,
    words.AcknowledgeChange: acknowledge_change,
    words.Retire: of_coin_orders.retire,
    words.Clear: clear,
    words.VoidDebt: void_debt,
    words.Pend: of_coin_orders.pend,
    words.Resolve: of_coin_orders.resolve,
}
