"""Steps 6a, 7, 9, D1, D1u, Q1: what the escrow server is told."""

from typing import Any

from crypto.documents import Signed
from nodes.protocols.escrow_commerce import messages as words
from nodes.protocols.message import Message
from scenarios.lab.node_client import Node
from tests.battery import sales
from tests.battery.letters import ACCEPTED, Rules, Sample
from tests.battery.players import Player
from tests.battery.sale_ready import NOT_THE_STATE, UNREADABLE, Elsewhere, Ready, code, in_states
from tests.battery.sales import STATES
from tests.battery.stage import Stage

CONTRACT_ALTERED: Rules = (
    ("contract.content.escrow_server", code("contract-for-another-sale")),
    (
        "contract.content",
        UNREADABLE | {code("contract-not-signed"), code("contract-for-another-sale")},
    ),
    ("contract.*", code("contract-not-signed")),
    ("*", ACCEPTED),
)
CONTRACT_SIGNED_ANEW: Rules = (
    ("contract.content.buyer", code("contract-not-signed")),
    ("contract.content.seller", code("contract-not-signed")),
    ("contract.content.escrow_server", code("contract-for-another-sale")),
    ("contract.content.sale", code("contract-for-another-sale")),
)


async def seller_deposit(ready: Ready) -> Sample:
    stage, escrow_server = ready.stage, ready.stage.world.escrow_server
    sale = ready.fresh()

    def deposit(state: str, at: bytes) -> tuple[Message, Player, Node]:
        signed = ready.at_escrow[state][1]
        message = words.SellerDeposit(signed, bytes(32), 7, stage.seller.party.fresh(16))
        return message, stage.seller, escrow_server

    def changed(sale: bytes = sale, **changes: Any) -> Sample:
        message = sales.seller_deposit(stage, sale, **changes)
        return Sample(message, stage.seller, escrow_server, sale)

    states = [state for state in STATES if state != "buyer-in"]
    elsewhere = in_states(deposit, _sales(ready), dict.fromkeys(states, NOT_THE_STATE))
    used = sales.seller_deposit(stage, sale)
    other = ready.fresh()
    await sales.say(stage, stage.seller, escrow_server, _moved(used, stage, other), other)
    valid = sales.seller_deposit(stage, sale)
    elsewhere |= {
        "by the buyer": (
            Sample(valid, stage.buyer, escrow_server, sale),
            code("not-your-sale"),
        ),
        "with a key that has served": (
            Sample(used, stage.seller, escrow_server, sale),
            code("key-seen-before"),
        ),
        "with another contract than the buyer's": (
            changed(ready.at_escrow["buyer-in"][0], price=5),
            code("contracts-differ"),
        ),
        "too late": (changed(deadline=1), code("too-late")),
        "without content": (changed(content_id=None), code("contract-names-no-content")),
        "of another sale": (
            Sample(sales.seller_deposit(stage, ready.fresh()), stage.seller, escrow_server, sale),
            code("contract-for-another-sale"),
        ),
        "signed by the buyer alone": (changed(signatures=1), code("contract-not-signed")),
    }
    return Sample(
        valid,
        stage.seller,
        escrow_server,
        sale,
        altered=CONTRACT_ALTERED,
        signed_anew=CONTRACT_SIGNED_ANEW,
        elsewhere=elsewhere,
    )


def _sales(ready: Ready) -> dict[str, bytes]:
    return {state: sale for state, (sale, _) in ready.at_escrow.items()}


def _moved(deposit: words.SellerDeposit, stage: Stage, sale: bytes) -> words.SellerDeposit:
    """The same key for another sale."""
    signed = sales.contract(stage, sale)
    return words.SellerDeposit(signed, deposit.ciphertext_digest, 100, deposit.key)


async def buyer_deposit(ready: Ready) -> Sample:
    stage, escrow_server = ready.stage, ready.stage.world.escrow_server
    sale = ready.fresh()

    def paid(state: str, at: bytes) -> tuple[Message, Player, Node]:
        signed: Signed[Any] = ready.at_escrow[state][1]
        return sales.buyer_deposit(stage, signed, b"7" * 32), stage.buyer, escrow_server

    def changed(sale: bytes = sale, **changes: Any) -> Sample:
        signed = sales.contract(stage, sale, **changes)
        return Sample(sales.buyer_deposit(stage, signed), stage.buyer, escrow_server, sale)

    states = [state for state in STATES if state != "seller-in"]
    elsewhere = in_states(paid, _sales(ready), dict.fromkeys(states, NOT_THE_STATE))
    valid = sales.buyer_deposit(stage, sales.contract(stage, sale))
    elsewhere |= {
        "by the seller": (
            Sample(valid, stage.seller, escrow_server, sale),
            code("not-your-sale"),
        ),
        "with another contract than the seller's": (
            changed(ready.at_escrow["seller-in"][0], price=5),
            code("contracts-differ"),
        ),
        "without content": (changed(content_id=None), code("contract-names-no-content")),
        "signed by the buyer alone": (changed(signatures=1), code("contract-not-signed")),
    }
    return Sample(
        valid,
        stage.buyer,
        escrow_server,
        sale,
        altered=CONTRACT_ALTERED,
        signed_anew=CONTRACT_SIGNED_ANEW,
        elsewhere=elsewhere,
    )


async def open_dispute(ready: Ready) -> Sample:
    stage, escrow_server = ready.stage, ready.stage.world.escrow_server
    message = words.OpenDispute(words.Complaint.WRONG_CONTENT)
    sale, _ = await sales.sale_in(stage, "committed")

    def complaint(state: str, at: bytes) -> tuple[Message, Player, Node]:
        return message, stage.buyer, escrow_server

    states = [state for state in STATES if state != "committed"]
    elsewhere = in_states(complaint, _sales(ready), dict.fromkeys(states, NOT_THE_STATE))
    elsewhere |= _of_others(message, ready, sale)
    return Sample(
        message,
        stage.buyer,
        escrow_server,
        sale,
        altered=(("*", ACCEPTED),),
        elsewhere=elsewhere,
    )


def _of_others(message: Message, ready: Ready, sale: bytes) -> Elsewhere:
    stage, escrow_server = ready.stage, ready.stage.world.escrow_server
    return {
        "of an unknown sale": (
            Sample(message, stage.buyer, escrow_server, ready.fresh()),
            code("unknown-sale"),
        ),
        "by the seller": (
            Sample(message, stage.seller, escrow_server, sale),
            code("not-your-sale"),
        ),
        "by somebody else": (
            Sample(message, stage.cheat, escrow_server, sale),
            code("not-your-sale"),
        ),
    }


async def upload(ready: Ready) -> Sample:
    stage, escrow_server = ready.stage, ready.stage.world.escrow_server
    sale, _ = await sales.sale_in(stage, "disputed")
    message = words.Upload()

    def shown(state: str, at: bytes) -> tuple[Message, Player, Node]:
        return message, stage.buyer, escrow_server

    states = [state for state in STATES if state != "disputed"]
    elsewhere = in_states(shown, _sales(ready), dict.fromkeys(states, NOT_THE_STATE))
    elsewhere |= _of_others(message, ready, sale)
    return Sample(
        message,
        stage.buyer,
        escrow_server,
        sale,
        stored=False,
        repeated=code(NOT_THE_STATE),
        elsewhere=elsewhere,
    )


async def status_query(ready: Ready) -> Sample:
    stage, escrow_server = ready.stage, ready.stage.world.escrow_server
    sale, message = ready.at_escrow["closed"][0], words.StatusQuery(5)
    elsewhere = _of_others(message, ready, sale)
    del elsewhere["by the seller"]
    return Sample(
        message,
        stage.buyer,
        escrow_server,
        sale,
        altered=(("*", ACCEPTED),),
        stored=False,
        elsewhere=elsewhere,
    )


async def rate(ready: Ready) -> Sample:
    stage, escrow_server = ready.stage, ready.stage.world.escrow_server
    sale, _ = await sales.sale_in(stage, "committed")
    forged, strange = code("not-the-buyers-rating"), code("rating-not-of-this-sale")

    def rated(state: str, at: bytes) -> tuple[Message, Player, Node]:
        return sales.rating(stage, at, value=-1), stage.buyer, escrow_server

    states = [state for state in STATES if state not in ("committed", "closed")]
    codes = dict.fromkeys(states, "not-purchased") | {"closed": "rated-already"}
    valid, unknown = sales.rating(stage, sale), ready.fresh()
    elsewhere = in_states(rated, _sales(ready), codes)
    elsewhere |= {
        "of an unknown sale": (
            Sample(sales.rating(stage, unknown), stage.buyer, escrow_server, unknown),
            code("not-purchased"),
        ),
        "by the seller": (Sample(valid, stage.seller, escrow_server, sale), forged),
        "by somebody else": (Sample(valid, stage.cheat, escrow_server, sale), forged),
    }
    return Sample(
        valid,
        stage.buyer,
        escrow_server,
        sale,
        altered=(("rating.content", UNREADABLE | {forged}), ("*", forged)),
        signed_anew=(
            ("rating.content.buyer", forged),
            ("rating.content.value", ACCEPTED),
            ("*", strange),
        ),
        elsewhere=elsewhere,
    )
