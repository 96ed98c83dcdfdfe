"""S1, G1, 5, 6, E1: a vendor's name, its stall, and orders of it."""

import msgspec

from nodes.protocols.anonymous_micropayment import disposal
from nodes.protocols.anonymous_micropayment import messages as words
from nodes.protocols.anonymous_micropayment.shop import goods_digest
from nodes.protocols.anonymous_micropayment.values import Order
from nodes.protocols.message import PartyId
from tests.battery.letters import ACCEPTED, Sample
from tests.battery.prepaid import GOODS, Elsewhere, Ready, code, each_altered


async def register_vendor(ready: Ready) -> Sample:
    message = words.RegisterVendor("another-vendor")
    taken = words.RegisterVendor(ready.vendor.name)
    return ready.sample(
        message,
        ready.seller,
        ready.broker,
        altered=(("*", ACCEPTED),),
        elsewhere={
            "under another's name": (
                ready.sample(taken, ready.seller, ready.broker),
                code("vendor-name-taken"),
            )
        },
    )


async def ask_catalogue(ready: Ready) -> Sample:
    message = words.AskCatalogue()
    nothing = ready.sample(message, ready.buyer, ready.no_vendor)
    return ready.sample(
        message,
        ready.buyer,
        ready.vendor,
        stored=False,
        elsewhere={"where nothing is sold": (nothing, code("no-such-vendor"))},
    )


async def place_order(ready: Ready) -> Sample:
    """What only the broker can tell is refused by it, and forgotten by the vendor."""
    sold = goods_digest(b"la la la")
    made = ready.order(2, vendor=ready.vendor.name, goods=sold)

    def placed(order: Order) -> Sample:
        return ready.sample(words.PlaceOrder(order, GOODS), ready.buyer, ready.vendor)

    return ready.sample(
        words.PlaceOrder(made, GOODS),
        ready.buyer,
        ready.vendor,
        stored=False,
        altered=(
            ("order.amount", code("price-differs")),
            ("order.vendor", code("order-for-another")),
            ("order.pseudonym", code("no-such-pseudonym")),
            ("order.goods", code("goods-not-as-ordered")),
            ("order.*", code("order-not-authentic")),
            ("goods", code("no-such-goods")),
        ),
        elsewhere=_misnumbered(ready, made, placed),
    )


def _misnumbered(ready: Ready, made: Order, sample: object) -> Elsewhere:
    assert callable(sample)
    replace = msgspec.structs.replace
    far = ready.order(1_000, vendor=made.vendor, goods=made.goods)
    both = replace(made, alias=bytes(32))
    neither = replace(made, pseudonym=None, number=None)
    half = replace(made, number=None)
    of_nobody = replace(made, pseudonym=None, number=None, alias=bytes(32))
    malformed = code("order-malformed")
    return {
        "far ahead": (sample(far), code("number-too-far-ahead")),
        "with an alias beside its number": (sample(both), malformed),
        "without a number": (sample(half), malformed),
        "of nobody": (sample(neither), malformed),
        "with an alias that is nobody's": (sample(of_nobody), code("no-such-pseudonym")),
    }


async def claim_order(ready: Ready) -> Sample:
    made = ready.order(3)

    def claimed(order: Order) -> Sample:
        return ready.sample(ready.claim(order), ready.seller, ready.broker)

    rules = {
        "vendor": code("no-such-vendor"),
        "pseudonym": code("no-such-pseudonym"),
        "*": code("order-not-authentic"),
    }
    untagged = msgspec.structs.replace(ready.claim(made), tag=None)
    return ready.sample(
        ready.claim(made),
        ready.seller,
        ready.broker,
        altered=(
            ("account", ACCEPTED),
            ("order.vendor", code("no-such-vendor")),
            ("*", code("not-the-vendor")),
        ),
        elsewhere={
            **each_altered(made, rules, claimed),
            **_misnumbered(ready, made, claimed),
            "without a tag": (
                ready.sample(untagged, ready.seller, ready.broker),
                code("not-the-vendor"),
            ),
        },
    )


async def dispose_of_order(ready: Ready) -> Sample:
    made = ready.settled[4]

    def disposed(order: Order, to: PartyId | None = None) -> Sample:
        message = disposal.dispose(order, to, ready.vendor_key)
        return ready.sample(message, ready.seller, ready.broker)

    rules = {"vendor": code("no-such-vendor"), "*": code("order-not-held")}
    misnumbered = _misnumbered(ready, made, disposed)
    misnumbered["far ahead"] = (misnumbered["far ahead"][0], code("order-not-held"))
    return ready.sample(
        disposal.dispose(made, None, ready.vendor_key),
        ready.seller,
        ready.broker,
        altered=(("order.vendor", code("no-such-vendor")), ("*", code("not-the-vendor"))),
        elsewhere={
            **each_altered(made, rules, disposed),
            **misnumbered,
            "back, when handed on": (disposed(ready.settled[6]), code("order-not-held")),
            "on, when given back": (
                disposed(ready.settled[7], ready.buyer.party.id),
                code("order-not-held"),
            ),
            "on to another": (
                disposed(ready.settled[6], ready.seller.party.id),
                code("order-not-held"),
            ),
        },
    )
