"""Steps 5, 6b: what a seller is asked."""

from typing import Any

import msgspec

from crypto import codec
from crypto.documents import sign_document
from nodes.protocols.escrow_commerce import messages as words
from nodes.protocols.message import Message
from scenarios.lab.node_client import Node
from tests.battery import sales
from tests.battery.letters import Sample
from tests.battery.players import Player
from tests.battery.sale_ready import UNREADABLE, Elsewhere, Ready, code, in_states


async def request(ready: Ready) -> Sample:
    stage, seller = ready.stage, ready.trade.seller
    sale = ready.fresh()

    def asked(**changes: Any) -> Sample:
        message = sales.request(stage, ready.offer, sale)
        contract = codec.decode(message.contract.content, words.Contract)
        changed = msgspec.structs.replace(contract, **changes)
        signed = sign_document(changed, stage.buyer.party.key)
        return Sample(words.Request(signed), stage.buyer, seller, sale)

    known = ready.fetched["deposited"]
    elsewhere: Elsewhere = {
        "by somebody else": (
            Sample(sales.request(stage, ready.offer, sale), stage.cheat, seller, sale),
            code("not-your-sale"),
        ),
        "for a sale that has its contract": (
            Sample(sales.request(stage, ready.offer, known), stage.buyer, seller, known),
            code("wrong-state"),
        ),
        "too late": (asked(deadline=stage.buyer.party.now() - 1), code("too-late")),
        "without content": (asked(content_id=None), code("contract-names-no-content")),
        "without a sale": (asked(sale=None), code("contract-for-another-sale")),
        "of no offer": (asked(offer=None, description="?"), code("contract-not-as-offered")),
        "for nothing": (asked(price=None), code("contract-not-as-offered")),
        "a peer as escrow server": (
            asked(escrow_server=stage.buyer.party.id),
            code("unknown-escrow-server"),
        ),
    }
    return Sample(
        sales.request(stage, ready.offer, sale),
        stage.buyer,
        seller,
        sale,
        altered=(
            ("contract.content.buyer", code("not-your-sale")),
            ("contract.content.seller", code("not-your-sale")),
            ("contract.content.offer", code("contract-not-as-offered")),
            (
                "contract.content",
                UNREADABLE | {code("contract-not-as-offered"), code("contract-not-signed")},
            ),
            ("*", code("contract-not-signed")),
        ),
        signed_anew=(
            ("contract.content.buyer", code("not-your-sale")),
            ("contract.content.seller", code("not-your-sale")),
            ("contract.content.escrow_server", code("unknown-escrow-server")),
            ("contract.content.sale", code("contract-for-another-sale")),
            ("contract.content.offer", code("contract-not-as-offered")),
            ("contract.content.content_id", code("contract-not-as-offered")),
            ("contract.content.size", code("contract-not-as-offered")),
            ("contract.content.price", code("contract-not-as-offered")),
        ),
        elsewhere=elsewhere,
    )


async def content_request(ready: Ready) -> Sample:
    stage, seller = ready.stage, ready.trade.seller
    sale, message = ready.fetched["deposited"], words.ContentRequest()

    def asked(state: str, sale: bytes) -> tuple[Message, Player, Node]:
        return message, stage.buyer, seller

    ended = dict.fromkeys(("paid", "aborted", "refunded"), "wrong-state")
    elsewhere = in_states(asked, ready.fetched, ended)
    elsewhere["by somebody else"] = (
        Sample(message, stage.cheat, seller, sale),
        code("not-your-sale"),
    )
    elsewhere["of an unknown sale"] = (
        Sample(message, stage.buyer, seller, ready.fresh()),
        code("unknown-sale"),
    )
    return Sample(message, stage.buyer, seller, sale, stored=False, elsewhere=elsewhere)
