"""Broker and authority together name a customer, on a vendor's complaint; nobody does it alone."""

import pytest

from crypto import codec
from crypto.documents import Signed
from nodes.protocols.anonymous_micropayment.messages import (
    Complain,
    IdentityTold,
    RequestIdentity,
)
from nodes.protocols.anonymous_micropayment.refusals import EvidenceDoesNotFit
from nodes.protocols.anonymous_micropayment.values import Complaint
from nodes.protocols.message import Received
from nodes.runtime.refusals import WrongRole
from tests.roles.anonymous_micropayment.market import Market, Node, Refusal

pytestmark = pytest.mark.asyncio


async def sold(market: Market, *, hides: bool = False) -> tuple[Node, Node, str, str]:
    vendor, customer = await market.peer("vendor"), await market.peer("customer")
    await vendor.sells(5)
    pseudonym = await customer.named()
    await customer.prepay(100, hides=hides)
    bought = await customer.buys(vendor, 5)
    return vendor, customer, pseudonym, bought["id"]


@pytest.mark.parametrize("hides", [False, True])
async def test_on_a_vendors_complaint_broker_and_authority_name_the_customer(
    market: Market, hides: bool
) -> None:
    vendor, customer, pseudonym, sale = await sold(market, hides=hides)
    complaint = await vendor.ask("pid_complain", transaction=sale, text="resold the song")
    again = await vendor.ask("pid_complain", transaction=sale, text="resold the song")
    assert again["evidence"] == complaint["evidence"]
    shown = (await market.broker.ledger())["complaints"]
    assert [(one["pseudonym"], one["identity"]) for one in shown] == [(pseudonym, "")]
    told = await market.broker.ask("pid_trace", evidence=complaint["evidence"])
    assert told == {"identity": customer.id, "name": customer.name}
    traced = (await market.authority.ledger())["traced"]
    assert [(one["identity"], one["text"]) for one in traced] == [(customer.id, "resold the song")]


async def test_without_evidence_the_authority_names_nobody(market: Market) -> None:
    _, _, pseudonym, _ = await sold(market)
    with pytest.raises(Refusal) as refused:
        await market.broker.ask("pid_trace", pseudonym=pseudonym)
    assert refused.value.code == "anonymous_micropayment/no-evidence"
    assert (await market.authority.ledger())["traced"] == []


async def test_a_complaint_that_nobody_brought_is_no_evidence(market: Market) -> None:
    vendor, _, pseudonym, sale = await sold(market)
    made = (await vendor.ask("pid_complain", transaction=sale, text="x"))["evidence"]
    altered = made[:-1] + ("0" if made[-1] != "0" else "1")
    for evidence in ("00", "ff" * 40, altered):
        with pytest.raises(Refusal) as refused:
            await market.broker.ask("pid_trace", evidence=evidence, pseudonym=pseudonym)
        assert refused.value.code == "anonymous_micropayment/evidence-does-not-fit"


async def test_a_peer_cannot_ask_the_authority(market: Market) -> None:
    vendor, _, pseudonym, _ = await sold(market)
    party, authority = vendor.service.party, market.authority.service.party.id
    request = RequestIdentity(bytes.fromhex(pseudonym), None)
    with pytest.raises(WrongRole):
        await party.send(authority, request, party.fresh_transaction(), IdentityTold)


async def test_a_complaint_about_a_rejected_order_is_none(market: Market) -> None:
    vendor, customer = await market.peer("vendor"), await market.peer("customer")
    await vendor.sells(5)
    await customer.named()
    await customer.prepay(1)
    placed = await customer.orders(vendor, 5)
    await customer.until(placed, "rejected")
    with pytest.raises(Refusal) as refused:
        await vendor.ask("pid_complain", transaction=placed, text="pays nothing")
    assert refused.value.code == "anonymous_micropayment/complaint-unfounded"


async def test_only_the_vendor_itself_complains(market: Market) -> None:
    vendor, customer, _, sale = await sold(market)
    other = await market.peer("other")
    complaint = await vendor.ask("pid_complain", transaction=sale, text="x")
    assert customer.id not in complaint["evidence"]
    party, broker = other.service.party, market.broker.service.party.id
    signed = codec.decode(bytes.fromhex(complaint["evidence"]), Signed[Complaint])
    with pytest.raises(EvidenceDoesNotFit):
        await party.send(broker, Complain(signed), party.fresh_transaction(), Received)
