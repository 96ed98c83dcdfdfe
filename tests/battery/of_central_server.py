"""Steps 1, 2, 10: what the central server is told."""

from typing import Any

from crypto import codec
from crypto.documents import sign_document
from nodes.protocols.escrow_commerce import messages as words
from nodes.protocols.escrow_commerce.messages import Offer, Tally
from nodes.protocols.escrow_commerce.offer import make_offer
from nodes.protocols.escrow_commerce.rating import trust_update
from tests.battery.letters import ACCEPTED, Sample
from tests.battery.players import Player
from tests.battery.sale_ready import UNREADABLE, Elsewhere, Ready, code


async def register(ready: Ready) -> Sample:
    stage = ready.stage
    seller, central = stage.seller, stage.world.central_server
    fields: dict[str, Any] = {
        "description": "a song about harbours",
        "content_id": bytes(32),
        "size": 9,
        "price": 3,
        "valid_until": seller.party.now() + 60_000,
    }

    def offered(player: Player, **changes: Any) -> tuple[Sample, str]:
        offer = Offer(player.party.id, **{**fields, **changes})
        message = words.Register(sign_document(offer, player.party.key))
        return Sample(message, seller, central, ready.fresh()), ""

    elsewhere: Elsewhere = {
        "another's offer": (offered(stage.buyer)[0], code("offer-not-signed")),
        "no longer valid": (
            offered(seller, valid_until=seller.party.now() - 1)[0],
            code("too-late"),
        ),
    }
    for field in ("content_id", "size", "price", "valid_until"):
        without = offered(seller, **{field: None})[0]
        elsewhere[f"an offer without {field}"] = (without, code("offer-incomplete"))
    return Sample(
        words.Register(make_offer(seller.party.key, **fields)),
        seller,
        central,
        ready.fresh(),
        altered=(
            ("offer.content", UNREADABLE | {code("offer-not-signed")}),
            ("*", code("offer-not-signed")),
        ),
        signed_anew=(("offer.content.seller", code("offer-not-signed")),),
        elsewhere=elsewhere,
    )


async def query(ready: Ready) -> Sample:
    central = ready.stage.world.central_server
    message = words.Query("harbour", bytes(32))
    return Sample(
        message,
        ready.stage.buyer,
        central,
        ready.fresh(),
        altered=(("*", ACCEPTED),),
        stored=False,
    )


async def update(ready: Ready) -> Sample:
    stage, sale = ready.stage, ready.fresh()
    message = trust_update(
        stage.escrow.party.key,
        sale=sale,
        seller=stage.seller.party.id,
        content_id=bytes(32),
        value=1,
        of_content=Tally(2, 4),
        of_seller=Tally(2, 4),
    )
    central, refusal = stage.world.central_server, code("update-not-the-escrow-servers")
    forged = sign_document(
        codec.decode(message.update.content, words.TrustUpdate), stage.other_escrow.party.key
    )
    return Sample(
        message,
        stage.escrow,
        central,
        sale,
        altered=(("update.content", UNREADABLE | {refusal}), ("*", refusal)),
        signed_anew=(("update.content.escrow_server", refusal),),
        elsewhere={
            "another's update": (Sample(message, stage.other_escrow, central, sale), refusal),
            "signed by another": (
                Sample(words.Update(forged), stage.escrow, central, sale),
                refusal,
            ),
        },
    )
