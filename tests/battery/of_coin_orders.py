"""X1, P1, P2, D2, F1, C1, C3: orders of coins, and who brings them."""

import msgspec

from crypto.documents import sign_document
from crypto.sealing import SealingKey
from nodes.protocols.electronic_cash import messages as words
from nodes.protocols.electronic_cash.documents import Outcome, Spend, Verdict
from tests.battery.cash import AMOUNT, ORDER, PAID, Elsewhere, Ready, code
from tests.battery.letters import ACCEPTED, OWN, Rules, Sample

SPEND: Rules = (
    ("spend.order", OWN),
    ("spend.signatures.*", code("spend-not-signed")),
)
PRESENTED: Rules = (
    ("presentation.content.home", "message/unknown-sender"),
    ("presentation*", code("wrong-document")),
    ("parcel", code("parcel-unreadable")),
)
PRESENTED_ANEW: Rules = (
    ("presentation.content.payee", code("wrong-document")),
    ("presentation.content.amount", code("payment-not-as-ordered")),
    ("presentation.content.reference", code("payment-not-as-ordered")),
    ("presentation.content.parcel", code("payment-not-as-ordered")),
)


async def exchange(ready: Ready) -> Sample:
    coins = [*ready.take(1), ready.from_bank.pop()]
    order = ready.signed("exchange", coins, (3, 2), reference=None)

    def made(spend: Spend) -> Sample:
        return ready.sample(words.Exchange(spend), ready.holder, ready.home)

    return ready.sample(
        words.Exchange(order.spend),
        ready.holder,
        ready.home,
        altered=SPEND,
        stored=False,
        elsewhere=ready.misordered(order, coins, made),
    )


async def pend(ready: Ready) -> Sample:
    coins = [*ready.take(1), ready.from_bank.pop()]
    order = ready.pended(coins, outputs=(1,))

    def made(spend: Spend) -> Sample:
        return ready.sample(words.Pend(spend), ready.holder, ready.home)

    differs = code("payment-not-as-ordered")
    first = {"condition.*": differs, "reference": differs}
    elsewhere = ready.misordered(order, coins, made, first)
    unconditioned = ready.signed("pend", coins)
    elsewhere["without a condition"] = (made(unconditioned.spend), differs)
    return ready.sample(
        words.Pend(order.spend),
        ready.holder,
        ready.home,
        altered=SPEND,
        stored=False,
        elsewhere=elsewhere,
    )


async def resolve(ready: Ready) -> Sample:
    order = ready.pended(ready.take(1))
    await ready.told(words.Pend(order.spend), ready.holder, ready.home, words.Pending)
    judge, other = ready.seller.party, ready.holder.party

    def verdict(by: object = judge, about: bytes = ORDER) -> words.Resolve:
        assert by in (judge, other)
        party = judge if by is judge else other
        said = Verdict(party.id, about, Outcome.REGISTERED)
        return words.Resolve(order.request, sign_document(said, party.key))

    anothers = ready.sample(verdict(other), ready.seller, ready.home)
    return ready.sample(
        verdict(),
        ready.seller,
        ready.home,
        stored=False,
        altered=(("request", code("unknown-pending")), ("*", code("wrong-document"))),
        signed_anew=(
            ("verdict.content.judge", code("wrong-document")),
            ("verdict.content.transaction", code("wrong-verdict")),
        ),
        elsewhere={"by who is not its judge": (anothers, code("wrong-verdict"))},
    )


async def pay(ready: Ready) -> Sample:
    """The merchant cannot read what it is given; what its coin server refuses, it refuses."""
    coins, payee = ready.take(1), ready.id(ready.merchant)
    order, reply = ready.signed("pay", coins, payee=payee), SealingKey.generate()

    def paid(spend: Spend, **changes: object) -> Sample:
        message = words.Pay(
            ready.id(ready.home), AMOUNT, ORDER, ready.parcel(spend), reply.public_key
        )
        return ready.sample(
            msgspec.structs.replace(message, **changes), ready.holder, ready.merchant
        )

    elsewhere = ready.misordered(order, coins, paid, PAID)
    elsewhere |= {
        "at what is no coin server": (
            paid(order.spend, coin_server=ready.id(ready.bank)),
            code("wrong-coin-server"),
        ),
        "under a reply key that tells everybody": (
            paid(order.spend, reply_key=bytes(32)),
            "message/cannot-seal",
        ),
    }
    return ready.sample(
        paid(order.spend).message,
        ready.holder,
        ready.merchant,
        opens_with=reply,
        stored=False,
        altered=(
            ("reply_key", ACCEPTED),
            ("coin_server", "message/unknown-sender"),
            ("amount", code("payment-not-as-ordered")),
            ("reference", code("payment-not-as-ordered")),
            ("parcel", code("parcel-unreadable")),
        ),
        elsewhere=elsewhere,
    )


async def present(ready: Ready) -> Sample:
    coins = ready.take(1)
    order = ready.signed("pay", coins, payee=ready.seller.party.id)

    def made(spend: Spend) -> Sample:
        return ready.sample(ready.presented(spend), ready.seller, ready.home)

    message = ready.presented(order.spend)
    in_use = ready.presented(order.spend, key=ready.coins[0].coin.key)
    elsewhere = ready.misordered(order, coins, made, PAID)
    elsewhere |= _of_others(ready, message)
    elsewhere["for a key in use"] = (
        ready.sample(in_use, ready.seller, ready.home),
        code("key-in-use"),
    )
    return ready.sample(
        message,
        ready.seller,
        ready.home,
        altered=PRESENTED,
        signed_anew=(
            ("presentation.content.home", "message/unknown-sender"),
            *PRESENTED_ANEW,
        ),
        stored=False,
        elsewhere=elsewhere,
    )


def _of_others(ready: Ready, message: words.Present) -> Elsewhere:
    stolen = words.Present(
        ready.presented(Spend(b"", ()), ready.holder, sealed=message.parcel).presentation,
        message.parcel,
    )
    elsewhere = ready.presented(Spend(b"", ()), sealed=message.parcel, home=ready.id(ready.bank))
    garbage = ready.presented(Spend(b"", ()), sealed=bytes(100))
    return {
        "of another's": (
            ready.sample(message, ready.holder, ready.home),
            code("not-yours"),
        ),
        "stolen": (
            ready.sample(stolen, ready.holder, ready.home),
            code("payee-is-not-you"),
        ),
        "at what is no coin server": (
            ready.sample(elsewhere, ready.seller, ready.home),
            code("wrong-coin-server"),
        ),
        "with a parcel that nobody sealed": (
            ready.sample(garbage, ready.seller, ready.home),
            code("parcel-unreadable"),
        ),
        "presented by another before": (
            ready.sample(ready.presented(ready.paid.spend, ready.holder), ready.holder, ready.home),
            code("not-yours"),
        ),
    }


async def retire(ready: Ready) -> Sample:
    coins = ready.take(1)
    order = ready.signed("pay", coins, payee=ready.seller.party.id)

    def made(spend: Spend) -> Sample:
        shown = ready.presented(spend)
        message = words.Retire(shown.presentation, shown.parcel)
        return ready.sample(message, ready.seconds_voice, ready.home)

    return ready.sample(
        made(order.spend).message,
        ready.seconds_voice,
        ready.home,
        altered=(
            ("presentation*", code("wrong-document")),
            ("parcel", code("parcel-unreadable")),
        ),
        signed_anew=PRESENTED_ANEW,
        stored=False,
        elsewhere=ready.misordered(order, coins, made, PAID),
    )


async def redeem(ready: Ready) -> Sample:
    coins = ready.take(1)
    order = ready.signed("deposit", coins, payee=ready.id(ready.bank))

    def made(spend: Spend) -> Sample:
        message = words.Redeem(ORDER, AMOUNT, ready.parcel(spend))
        return ready.sample(message, ready.banks_voice, ready.home)

    return ready.sample(
        words.Redeem(ORDER, AMOUNT, order.parcel),
        ready.banks_voice,
        ready.home,
        altered=(
            ("parcel", code("parcel-unreadable")),
            ("*", code("payment-not-as-ordered")),
        ),
        stored=False,
        elsewhere=ready.misordered(order, coins, made, PAID),
    )
