"""1.4n, 1.6, 2.5, 2.8, C3, V2: what a buyer is told."""

from typing import Any

from crypto.documents import Signed
from crypto.sealing import seal
from nodes.protocols.electronic_cash.documents import Outcome
from nodes.protocols.item_trading import messages as words
from nodes.protocols.item_trading.documents import (
    Deal,
    Goods,
    ItemCertificate,
    VoidReason,
)
from nodes.protocols.item_trading.payment import reference_of, say
from nodes.protocols.item_trading.reading import (
    changed,
    key_context,
    lock,
    opened,
)
from nodes.protocols.message import Message, Received
from scenarios.lab.node_client import Node
from tests.battery.items import KEY, Ready, code
from tests.battery.letters import ACCEPTED, Sample
from tests.battery.players import Player

WRONG, DIFFERS = code("wrong-document"), code("deal-differs")
Made = dict[str, tuple[Message, Player, bytes, str]]
ANY = (("*", ACCEPTED),)


def elsewhere(ready: Ready, to: Node, made: Made) -> dict[str, tuple[Sample, str]]:
    return {
        what: (ready.sample(said, by, to, transaction=transaction), code(refusal))
        for what, (said, by, transaction, refusal) in made.items()
    }


async def ready_to_sell(ready: Ready) -> Sample:
    trade, shown, signed = await ready.ordered(1)
    direct, _, differs = await ready.ordered(2)
    message, dealer = await ready.reserved(shown, signed), ready.dealer
    late = ready.signed(changed(opened(Deal, signed), until=ready.now() - 1))
    made: Made = {
        "by another market": (message, ready.markets_voice, trade, "not-yours"),
        "of no trade": (message, dealer, ready.fresh(), "unknown-trade"),
        "too late": (changed(message, deal=late), dealer, trade, "too-late"),
        "where the seller ships": (changed(message, deal=differs), dealer, direct, "wrong-state"),
    }
    not_reserved = code("not-reserved")
    return ready.sample(
        message,
        dealer,
        ready.at_buyer,
        transaction=trade,
        altered=(("deal.*", WRONG), ("payee_key", ACCEPTED), ("reservation.*", not_reserved)),
        signed_anew=(
            ("deal.content.market", WRONG),
            ("deal.content.seller", not_reserved),
            ("deal.content.serial", not_reserved),
            ("deal.content.certificate", not_reserved),
            ("deal.content.until", not_reserved),
            ("deal.*", DIFFERS),
            ("reservation.*", not_reserved),
        ),
        elsewhere=elsewhere(ready, ready.at_buyer, made),
    )


async def _ready_in_model_1(ready: Ready) -> tuple[bytes, ItemCertificate, Signed[Deal]]:
    trade, shown, signed = await ready.ordered(1)
    message = await ready.reserved(shown, signed)
    await ready.told(message, ready.dealer, ready.at_buyer, Received, transaction=trade)
    return trade, shown, signed


async def goods_sent(ready: Ready) -> Sample:
    trade, shown, signed = await _ready_in_model_1(ready)
    unpaid, _, _ = await _ready_in_model_1(ready)
    direct, _ = await _ready_in_model_2(ready)
    key = (await ready.paid_by_peer(trade, words.Settlement)).session_key
    dealer, asked = ready.dealer, await ready.dealer.has_heard(words.PurchaseRequest, trade)
    assert isinstance(asked, words.PurchaseRequest)
    authority = ready.authority(shown, dealer.party.id, nonce=asked.listing)

    def sent(**changes: Any) -> words.GoodsSent:
        goods = Goods(shown, ready.receipt(signed, **changes), authority, None)
        return words.GoodsSent(lock(goods, key, reference_of(opened(Deal, signed))))

    message, receipt = sent(), "receipt-names-another-item"
    made: Made = {
        "by another market": (message, ready.markets_voice, trade, "not-yours"),
        "of no trade": (message, dealer, ready.fresh(), "unknown-trade"),
        "before it is paid": (message, dealer, unpaid, "wrong-state"),
        "where the seller ships": (message, dealer, direct, "wrong-state"),
        "with a receipt to another": (
            sent(client=ready.buyer.party.id),
            dealer,
            trade,
            "receipt-not-the-markets",
        ),
        "with a receipt of another item": (sent(serial=bytes(16)), dealer, trade, receipt),
        "with a receipt of no deal": (sent(deal=None), dealer, trade, receipt),
    }
    return ready.sample(
        message,
        dealer,
        ready.at_buyer,
        transaction=trade,
        altered=ANY,
        elsewhere=elsewhere(ready, ready.at_buyer, made),
    )


async def encrypted_certificate(ready: Ready) -> Sample:
    trade, shown, signed = await ready.ordered(2)
    handed_over, other, differs = await ready.ordered(1)
    message, seller = ready.shipped(shown, signed), ready.seller
    late = ready.signed(changed(opened(Deal, signed), until=ready.now() - 1))
    in_model_1 = ready.shipped(other, differs)
    made: Made = {
        "by another": (message, ready.buyer, trade, "not-yours"),
        "of no trade": (message, seller, ready.fresh(), "unknown-trade"),
        "too late": (ready.shipped(shown, late), seller, trade, "too-late"),
        "where the market ships": (in_model_1, seller, handed_over, "wrong-state"),
    }
    not_signed = code("ciphertext-not-signed")
    return ready.sample(
        message,
        seller,
        ready.at_buyer,
        transaction=trade,
        altered=(
            ("deal.*", WRONG),
            ("shipment.content", frozenset({WRONG, not_signed})),
            ("*", not_signed),
        ),
        signed_anew=(
            ("deal.content.market", WRONG),
            ("deal.content.seller", code("not-yours")),
            ("deal.content.serial", not_signed),
            ("deal.content.certificate", not_signed),
            ("deal.content.until", not_signed),
            ("deal.*", DIFFERS),
            ("shipment.content.payee_key", ACCEPTED),
            ("*", not_signed),
        ),
        elsewhere=elsewhere(ready, ready.at_buyer, made),
    )


async def _ready_in_model_2(ready: Ready) -> tuple[bytes, Signed[Deal]]:
    trade, shown, signed = await ready.ordered(2)
    sent = ready.shipped(shown, signed)
    await ready.told(sent, ready.seller, ready.at_buyer, Received, transaction=trade)
    return trade, signed


async def key_info(ready: Ready) -> Sample:
    trade, signed = await _ready_in_model_2(ready)
    unpaid, of_unpaid = await _ready_in_model_2(ready)
    handed_over, _, _ = await _ready_in_model_1(ready)
    await ready.paid_by_peer(trade, words.MoneyPaid)
    card = ready.seller.party.directory.known(ready.id(ready.at_buyer))

    def told(of: Signed[Deal]) -> words.KeyInfo:
        context = key_context(reference_of(opened(Deal, of)))
        return words.KeyInfo(seal(card.sealing_key, KEY, context))

    message, seller = told(signed), ready.seller
    made: Made = {
        "by another": (message, ready.buyer, trade, "not-yours"),
        "of no trade": (message, seller, ready.fresh(), "unknown-trade"),
        "before it is paid": (told(of_unpaid), seller, unpaid, "wrong-state"),
        "where the market ships": (message, seller, handed_over, "wrong-state"),
    }
    return ready.sample(
        message,
        seller,
        ready.at_buyer,
        transaction=trade,
        altered=ANY,
        elsewhere=elsewhere(ready, ready.at_buyer, made),
    )


async def key_forwarded(ready: Ready) -> Sample:
    trade, _ = await _ready_in_model_2(ready)
    unpaid, _ = await _ready_in_model_2(ready)
    handed_over, _, _ = await _ready_in_model_1(ready)
    ordered, _, _ = await ready.ordered(2)
    await ready.paid_by_peer(trade, words.MoneyPaid)
    message, dealer = words.KeyForwarded(KEY), ready.dealer
    made: Made = {
        "by another market": (message, ready.markets_voice, trade, "not-yours"),
        "of no trade": (message, dealer, ready.fresh(), "unknown-trade"),
        "before it is paid": (message, dealer, unpaid, "wrong-state"),
        "before there is a deal": (message, dealer, ordered, "wrong-state"),
        "where the market ships": (message, dealer, handed_over, "wrong-state"),
    }
    return ready.sample(
        message,
        dealer,
        ready.at_buyer,
        transaction=trade,
        altered=ANY,
        elsewhere=elsewhere(ready, ready.at_buyer, made),
    )


async def void_notice(ready: Ready) -> Sample:
    trade, signed = await _ready_in_model_2(ready)
    paid, of_paid = await _ready_in_model_2(ready)
    await ready.paid_by_peer(paid, words.MoneyPaid)
    deal, judge, dealer = opened(Deal, signed), ready.games_voice.party.key, ready.dealer
    reason = VoidReason.CANNOT_BE_REGISTERED
    message = words.VoidNotice(reason, say(judge, deal, Outcome.VOID))
    other = words.VoidNotice(reason, say(judge, opened(Deal, of_paid), Outcome.VOID))
    registered = words.VoidNotice(reason, say(judge, deal, Outcome.REGISTERED))
    own = words.VoidNotice(reason, say(dealer.party.key, deal, Outcome.VOID))
    wordless = words.VoidNotice(reason, None)
    made: Made = {
        "without a word by another": (wordless, ready.markets_voice, trade, "not-yours"),
        "without a word when it is paid": (wordless, dealer, paid, "wrong-word"),
        "of no trade": (message, dealer, ready.fresh(), "unknown-trade"),
        "of another trade": (other, dealer, trade, "wrong-word"),
        "in the market's own word": (own, dealer, trade, "wrong-word"),
        "that is not void": (registered, dealer, trade, "wrong-state"),
    }
    return ready.sample(
        message,
        dealer,
        ready.at_buyer,
        transaction=trade,
        altered=(("reason", ACCEPTED), ("*", code("wrong-word"))),
        signed_anew=(("*.outcome", code("wrong-state")), ("*", code("wrong-word"))),
        elsewhere=elsewhere(ready, ready.at_buyer, made),
    )
