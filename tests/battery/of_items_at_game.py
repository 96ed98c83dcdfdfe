"""G1, G2, 0, 1.4, 7, V1, R1: what a game server is told."""

from nodes.protocols.item_trading import messages as words
from nodes.protocols.item_trading.certificate import read_certificate
from nodes.protocols.item_trading.documents import Goods, ItemCertificate
from nodes.protocols.item_trading.reading import changed
from tests.battery.altered import another
from tests.battery.items import SWORD, Ready, code
from tests.battery.letters import ACCEPTED, Rules, Sample

NOT_AUTHORISED, WRONG = code("sale-not-authorised"), code("wrong-document")
FORGED = code("certificate-forged")
DEAL: Rules = (("deal.*", WRONG), ("certificate.signature", FORGED))


def forged(shown: ItemCertificate) -> ItemCertificate:
    return ItemCertificate(shown.content, another(shown.signature))


async def game_query(ready: Ready) -> Sample:
    return ready.sample(words.GameQuery(), ready.buyer, ready.game, stored=False)


async def item_query(ready: Ready) -> Sample:
    serial = read_certificate(ready.revoked.content).serial
    message = words.ItemQuery(serial)
    rules: Rules = (("*", ACCEPTED),)
    return ready.sample(message, ready.dealer, ready.game, altered=rules, stored=False)


async def request_certificate(ready: Ready) -> Sample:
    found = await ready.game.control("item_found", owner=ready.seller.party.name, item=SWORD)
    message = words.RequestCertificate(bytes.fromhex(found["item"]))
    old = words.RequestCertificate(read_certificate(ready.revoked.content).serial)
    unknown = code("unknown-item")
    return ready.sample(
        message,
        ready.seller,
        ready.game,
        altered=(("item", unknown),),
        elsewhere={
            "of another's": (ready.sample(message, ready.buyer, ready.game), unknown),
            "of one that was sold": (ready.sample(old, ready.seller, ready.game), unknown),
        },
    )


async def reserve(ready: Ready) -> Sample:
    me = ready.dealer.party.id
    shown, kept = await ready.certificate(), await ready.certificate()
    authority = ready.authority(shown, me)
    message = words.Reserve(shown, ready.signed(ready.deal(shown)), authority)
    await ready.reserved(kept, ready.signed(ready.deal(kept)))
    late, now = ready.deal(shown, until=ready.now() + 10**12), ready.now()

    def of(item: ItemCertificate) -> words.Reserve:
        return words.Reserve(item, ready.signed(ready.deal(item)), ready.authority(item, me))

    nobodys = ready.signed(ready.deal(shown, market=ready.seller.party.id), ready.seller)
    out_of_place = {
        "without the owner's word": (changed(message, authority=None), NOT_AUTHORISED),
        "with an old word": (
            changed(message, authority=ready.authority(shown, me, valid_until=now - 1)),
            code("sale-authority-expired"),
        ),
        "of no market": (changed(message, deal=nobodys), code("unknown-market")),
        "kept for another": (of(kept), code("item-reserved")),
        "of a replaced certificate": (of(ready.revoked), code("certificate-revoked")),
        "of another game": (of(ready.foreign), code("another-game")),
        "beyond the certificate": (
            changed(message, deal=ready.signed(late)),
            code("certificate-expired"),
        ),
        "of a void trade": (changed(message, deal=ready.void), code("trade-is-over")),
        "of a forged certificate": (changed(message, certificate=forged(shown)), FORGED),
    }
    elsewhere = {
        what: (ready.sample(made, ready.dealer, ready.game), refusal)
        for what, (made, refusal) in out_of_place.items()
    }
    by_another = ready.sample(message, ready.markets_voice, ready.game)
    return ready.sample(
        message,
        ready.dealer,
        ready.game,
        altered=(*DEAL, ("authority*", NOT_AUTHORISED)),
        signed_anew=(
            ("deal.content.market", WRONG),
            ("deal.content.game_server", code("another-game")),
            ("deal.content.seller", NOT_AUTHORISED),
            ("deal.content.price", NOT_AUTHORISED),
            ("deal.content.buyer", ACCEPTED),
            ("deal.content.trade", ACCEPTED),
            ("deal.content.until", ACCEPTED),
            ("deal.content.*", code("deal-differs")),
            ("authority.content.valid_until", ACCEPTED),
            ("authority.content.nonce", ACCEPTED),
            ("authority.content.payee_key", ACCEPTED),
            ("authority.content.*", NOT_AUTHORISED),
        ),
        elsewhere={**elsewhere, "by another market": (by_another, code("not-yours"))},
    )


async def register(ready: Ready) -> Sample:
    shown = await ready.certificate()
    signed = ready.signed(ready.deal(shown, model=2))
    message = words.Register(signed, ready.transferred(shown, signed))
    not_named = code("transferee-not-named")
    by_seller = ready.sample(message, ready.seller, ready.game)
    nobodys = ready.signed(ready.deal(shown, market=ready.seller.party.id), ready.seller)
    out_of_place = {
        "of a void trade": (words.Register(ready.void, message.goods), code("trade-is-void")),
        "of no market": (words.Register(nobodys, message.goods), code("unknown-market")),
        "without the transfer": (words.Register(signed, Goods(shown, None, None, None)), not_named),
    }
    elsewhere = {
        what: (ready.sample(made, ready.buyer, ready.game), refusal)
        for what, (made, refusal) in out_of_place.items()
    }
    elsewhere |= await _of_model_1(ready)
    return ready.sample(
        message,
        ready.buyer,
        ready.game,
        altered=(
            ("deal.*", WRONG),
            ("goods.certificate.signature", FORGED),
            ("goods.transfer*", not_named),
        ),
        signed_anew=(
            ("deal.content.market", WRONG),
            ("deal.content.game_server", code("another-game")),
            ("deal.content.model", code("receipt-not-the-markets")),
            ("*", not_named),
        ),
        elsewhere={**elsewhere, "by the seller": (by_seller, not_named)},
    )


async def _of_model_1(ready: Ready) -> dict[str, tuple[Sample, str]]:
    """What is not reserved is not registered, nor without the market's receipt of it."""
    shown, me = await ready.certificate(), ready.dealer.party.id
    signed, authority = ready.signed(ready.deal(shown)), ready.authority(shown, me)
    receipt, not_the_markets = ready.receipt(signed), code("receipt-not-the-markets")
    another_item = code("receipt-names-another-item")
    made = {
        "not reserved": (receipt, authority, code("item-reserved")),
        "without a receipt": (None, authority, not_the_markets),
        "without authority": (receipt, None, NOT_AUTHORISED),
    }
    changes = {
        "client": (me, not_the_markets),
        "market": (ready.id(ready.market), not_the_markets),
        "item": ("Sword", not_the_markets),
        "serial": (bytes(16), another_item),
        "certificate": (bytes(32), another_item),
        "price": (1, another_item),
        "deal": (None, another_item),
    }
    for field, (value, refusal) in changes.items():
        made[f"with another {field}"] = ready.receipt(signed, **{field: value}), authority, refusal
    found = {}
    for what, (paper, word, refusal) in made.items():
        message = words.Register(signed, Goods(shown, paper, word, None))
        found[f"model 1, {what}"] = (ready.sample(message, ready.buyer, ready.game), refusal)
    return found


async def void_trade(ready: Ready) -> Sample:
    shown = await ready.certificate()
    signed = ready.signed(ready.deal(shown))
    await ready.reserved(shown, signed)
    message = words.VoidTrade(signed)
    nobodys = ready.signed(ready.deal(shown, market=ready.seller.party.id), ready.seller)
    made = {
        "by the buyer before its time": (message, ready.buyer, "too-early"),
        "by the seller before its time": (message, ready.seller, "too-early"),
        "by nobody of the trade": (message, ready.stage.poor, "not-yours"),
        "of no market": (words.VoidTrade(nobodys), ready.dealer, "unknown-market"),
    }
    return ready.sample(
        message,
        ready.dealer,
        ready.game,
        altered=DEAL,
        signed_anew=(("*.market", WRONG), ("*.game_server", code("another-game"))),
        elsewhere={
            what: (ready.sample(said, by, ready.game), code(refusal))
            for what, (said, by, refusal) in made.items()
        },
    )


async def recover(ready: Ready) -> Sample:
    message = words.Recover(await ready.certificate())
    made = {
        "by who does not own it": (message, ready.buyer, "not-yours"),
        "replaced": (words.Recover(ready.revoked), ready.seller, "not-the-last-certificate"),
        "of another game": (words.Recover(ready.foreign), ready.seller, "another-game"),
    }
    return ready.sample(
        message,
        ready.seller,
        ready.game,
        altered=DEAL,
        stored=False,
        elsewhere={
            what: (ready.sample(said, by, ready.game), code(refusal))
            for what, (said, by, refusal) in made.items()
        },
    )
