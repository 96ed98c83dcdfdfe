"""1.1, 2.1 to 2.2d, L1, U1: what a market is told of items on offer."""

from collections.abc import Mapping

import msgspec

from crypto import codec
from nodes.protocols.item_trading import listing_proof
from nodes.protocols.item_trading import messages as words
from nodes.protocols.item_trading.certificate import read_certificate, read_key
from nodes.protocols.item_trading.documents import ItemCertificate
from nodes.protocols.item_trading.players import Offering
from nodes.protocols.item_trading.reading import changed
from nodes.protocols.message import Message, Received
from tests.battery.items import HOURS, PRICE, Ready, code
from tests.battery.letters import ACCEPTED, Rules, Sample
from tests.battery.players import Player


def elsewhere(
    ready: Ready, made: Mapping[str, tuple[Message, Player, bytes, str]]
) -> dict[str, tuple[Sample, str]]:
    return {
        what: (ready.sample(said, by, ready.market, transaction=transaction), code(refusal))
        for what, (said, by, transaction, refusal) in made.items()
    }


# Listing


def _request(
    ready: Ready, shown: ItemCertificate, listing: bytes, until: int | None = None
) -> words.SaleRequest:
    until = until or ready.now() + 2 * HOURS
    authority = ready.authority(shown, ready.id(ready.market), nonce=listing, valid_until=until)
    return words.SaleRequest(shown, PRICE, ready.payee_key, until, authority)


async def listed(ready: Ready, valid_until: int | None = None) -> bytes:
    listing, shown = ready.fresh(), await ready.certificate()
    message = _request(ready, shown, listing, valid_until)
    await ready.told(message, ready.seller, ready.market, words.SaleAccepted, transaction=listing)
    return listing


async def sale_request(ready: Ready) -> Sample:
    shown, me, listing = await ready.certificate(), ready.id(ready.market), ready.fresh()
    message, now, seller = _request(ready, shown, listing), ready.now(), ready.seller
    made = read_certificate(shown.content)
    nowhere = codec.encode(msgspec.structs.replace(made, server=ready.buyer.party.id))
    no_game = ItemCertificate(nowhere, shown.signature)
    old = ready.authority(shown, me, nonce=listing, valid_until=now - 1)
    refusal, over = "sale-not-authorised", "sale-authority-expired"
    unsigned, late = changed(message, authority=None), changed(message, authority=old)
    longer = changed(message, valid_until=message.valid_until + 1)
    somewhere = changed(message, certificate=no_game)
    return ready.sample(
        message,
        seller,
        ready.market,
        transaction=listing,
        altered=(
            ("certificate.signature", code("certificate-forged")),
            ("price", code(refusal)),
            ("payee_key", code(refusal)),
            ("valid_until", code(over)),
            ("authority*", code(refusal)),
        ),
        signed_anew=(
            ("authority.content.valid_until", ACCEPTED),
            ("*", code(refusal)),
        ),
        elsewhere=elsewhere(
            ready,
            {
                "of another's": (message, ready.buyer, listing, refusal),
                "under another listing": (message, seller, ready.fresh(), refusal),
                "without authority": (unsigned, seller, listing, refusal),
                "with old authority": (late, seller, listing, over),
                "for longer than the word": (longer, seller, listing, over),
                "of no game": (somewhere, seller, listing, "another-game"),
                "under a listing there is": (message, seller, await listed(ready), "wrong-state"),
            },
        ),
    )


async def unlist(ready: Ready) -> Sample:
    """Of what is on offer; who unlists twice hears the same."""
    mine, taken, seller = await listed(ready), await listed(ready), ready.seller
    trade = ready.fresh()
    order = ready.order(taken, trade)
    await ready.told(order, ready.buyer, ready.market, Received, transaction=trade)
    made = {
        "by another": (words.Unlist(), ready.buyer, mine, "not-yours"),
        "of no listing": (words.Unlist(), seller, ready.fresh(), "unknown-listing"),
        "of what is being sold": (words.Unlist(), seller, taken, "item-taken"),
    }
    return ready.sample(
        words.Unlist(), seller, ready.market, transaction=mine, elsewhere=elsewhere(ready, made)
    )


async def item_information(ready: Ready) -> Sample:
    """Nothing is proven yet, so anything that looks like a certificate is taken."""
    shown, now = await ready.certificate(), ready.now()
    message = words.ItemInformation(shown.content, PRICE, now + 2 * HOURS)
    made = read_certificate(shown.content)
    expired = codec.encode(msgspec.structs.replace(made, expires=now - 1))
    seller, fresh = ready.seller, ready.fresh
    return ready.sample(
        message,
        seller,
        ready.market,
        altered=(("*", ACCEPTED),),
        elsewhere=elsewhere(
            ready,
            {
                "of no certificate": (
                    changed(message, certificate=shown.content[:-1]),
                    seller,
                    fresh(),
                    "certificate-forged",
                ),
                "expired": (
                    changed(message, certificate=expired),
                    seller,
                    fresh(),
                    "certificate-expired",
                ),
                "too late": (changed(message, valid_until=now - 1), seller, fresh(), "too-late"),
                "under a listing there is": (message, seller, await listed(ready), "wrong-state"),
            },
        ),
    )


async def _owner(ready: Ready) -> listing_proof.Owner:
    asked = await ready.told(words.GameQuery(), ready.seller, ready.game, words.GameAnswer)
    party = ready.seller.party
    game_key = read_key(asked.key, ready.id(ready.game))
    return listing_proof.Owner(party.key, game_key, bytes(32), party.guards)


async def _announced(
    ready: Ready, shown: ItemCertificate | None = None
) -> tuple[Offering, words.Announcement]:
    """The market has committed to its challenges; nothing is announced yet."""
    now, listing = ready.now(), ready.fresh()
    offering, asked = listing_proof.offer_by_proof(
        shown or await ready.certificate(),
        me=ready.seller.party.id,
        market=ready.id(ready.market),
        listing=listing,
        price=PRICE,
        payee_key=ready.payee_key,
        valid_until=now + 2 * HOURS,
        now=now,
    )
    answer = await ready.told(
        asked, ready.seller, ready.market, words.ChallengeCommitted, transaction=listing
    )
    return (await _owner(ready)).announce(offering, answer)


async def _proof(
    ready: Ready, shown: ItemCertificate | None = None
) -> tuple[bytes, words.ProofAnswer]:
    offering, announcement = await _announced(ready, shown)
    listing = offering.listing
    answer = await ready.told(
        announcement, ready.seller, ready.market, words.ChallengeOpened, transaction=listing
    )
    return listing, (await _owner(ready)).answer(offering, answer)


async def proven(ready: Ready) -> bytes:
    listing, proof = await _proof(ready)
    await ready.told(proof, ready.seller, ready.market, words.ItemListed, transaction=listing)
    return listing


async def announcement(ready: Ready) -> Sample:
    offering, message = await _announced(ready)
    running, _ = await _proof(ready)
    handed_over, seller = await listed(ready), ready.seller
    made = {
        "by another": (message, ready.buyer, offering.listing, "not-yours"),
        "of no listing": (message, seller, ready.fresh(), "unknown-listing"),
        "another than before": (message, seller, running, "wrong-state"),
        "of what is listed": (message, seller, handed_over, "wrong-state"),
    }
    return ready.sample(
        message,
        seller,
        ready.market,
        transaction=offering.listing,
        altered=(("*", ACCEPTED),),
        elsewhere=elsewhere(ready, made),
    )


async def proof_answer(ready: Ready) -> Sample:
    """Numbers that prove nothing end the listing, and are refused elsewhere."""
    listing, message = await _proof(ready)
    other, _ = await _proof(ready)
    begun, _ = await _announced(ready)
    handed_over, seller, not_here = await listed(ready), ready.seller, "proof-for-another-market"
    unsigned = changed(message, statement=None)
    made = {
        "by another": (message, ready.buyer, listing, "not-yours"),
        "of no listing": (message, seller, ready.fresh(), "unknown-listing"),
        "of another listing": (message, seller, other, not_here),
        "without a statement": (unsigned, seller, listing, not_here),
        "before it is announced": (message, seller, begun.listing, "wrong-state"),
        "of what is listed": (message, seller, handed_over, "wrong-state"),
    }
    return ready.sample(
        message,
        seller,
        ready.market,
        transaction=listing,
        altered=(("numbers.*", ACCEPTED), ("statement*", code(not_here))),
        signed_anew=(("*", code(not_here)),),
        elsewhere=elsewhere(ready, made),
    )


async def list_query(ready: Ready) -> Sample:
    rules: Rules = (("*", ACCEPTED),)
    message = words.ListQuery("sword")
    return ready.sample(message, ready.buyer, ready.market, altered=rules, stored=False)
