"""1.1, 2.1 to 2.2d, L1: what a market is told of items on offer."""

from collections.abc import Mapping

import msgspec

from crypto import codec
from nodes.protocols.item_trading import listing_proof
from nodes.protocols.item_trading import messages as words
from nodes.protocols.item_trading.certificate import read_certificate, read_key
from nodes.protocols.item_trading.documents import ItemCertificate
from nodes.protocols.item_trading.players import Offering
from nodes.protocols.item_trading.reading import changed
from nodes.protocols.message import Message
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


def _request(ready: Ready, shown: ItemCertificate, **changes: int) -> words.SaleRequest:
    authority = ready.authority(shown, ready.id(ready.market))
    message = words.SaleRequest(shown, PRICE, ready.payee_key, ready.now() + 2 * HOURS, authority)
    return changed(message, **changes)


async def listed(ready: Ready, **changes: int) -> bytes:
    listing, shown = ready.fresh(), await ready.certificate()
    message = _request(ready, shown, **changes)
    await ready.told(message, ready.seller, ready.market, words.SaleAccepted, transaction=listing)
    return listing


async def sale_request(ready: Ready) -> Sample:
    shown, me = await ready.certificate(), ready.id(ready.market)
    message, now = _request(ready, shown), ready.now()
    made = read_certificate(shown.content)
    nowhere = codec.encode(msgspec.structs.replace(made, server=ready.buyer.party.id))
    no_game = ItemCertificate(nowhere, shown.signature)
    old = ready.authority(shown, me, valid_until=now - 1)
    refusal, fresh = "sale-not-authorised", ready.fresh
    return ready.sample(
        message,
        ready.seller,
        ready.market,
        altered=(
            ("certificate.signature", code("certificate-forged")),
            ("price", code(refusal)),
            ("payee_key", ACCEPTED),
            ("valid_until", ACCEPTED),
            ("authority*", code(refusal)),
        ),
        signed_anew=(
            ("authority.content.valid_until", ACCEPTED),
            ("authority.content.nonce", ACCEPTED),
            ("authority.content.payee_key", ACCEPTED),
            ("*", code(refusal)),
        ),
        elsewhere=elsewhere(
            ready,
            {
                "of another's": (message, ready.buyer, fresh(), refusal),
                "without authority": (
                    changed(message, authority=None),
                    ready.seller,
                    fresh(),
                    refusal,
                ),
                "with old authority": (
                    changed(message, authority=old),
                    ready.seller,
                    fresh(),
                    "sale-authority-expired",
                ),
                "too late": (
                    changed(message, valid_until=now - 1),
                    ready.seller,
                    fresh(),
                    "too-late",
                ),
                "of no game": (
                    changed(message, certificate=no_game),
                    ready.seller,
                    fresh(),
                    "another-game",
                ),
                "under a listing there is": (
                    message,
                    ready.seller,
                    await listed(ready),
                    "wrong-state",
                ),
            },
        ),
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
