"""What a peer finds in its books: by key, however much there is."""

from pathlib import Path

import pytest

from crypto.documents import content_digest
from crypto.meter import metering
from nodes.peer.escrow_commerce.books import Books, OwnOffer
from nodes.protocols.escrow_commerce import contract as rule
from nodes.protocols.escrow_commerce.messages import Contract, Offer
from nodes.protocols.escrow_commerce.offer import make_offer
from nodes.protocols.escrow_commerce.refusals import ContractNotAsOffered
from nodes.protocols.message import Role
from nodes.runtime.service import Service
from nodes.runtime.settings import Settings

MANY = 50


def peer(folder: Path) -> Service:
    (folder / "world").mkdir()
    (folder / "world" / "secret").write_text("ab" * 32)
    (folder / "world" / "token").write_text("t" * 32)
    settings = Settings(
        name="seller", data=folder / "seller", world=folder / "world", ca_url="http://unused"
    )
    return Service(Role.PEER, settings, purpose="Sells.")


@pytest.mark.asyncio
async def test_the_offer_that_a_contract_means_is_found_without_reading_the_others(
    tmp_path: Path,
) -> None:
    service = peer(tmp_path)
    party, books = service.party, Books(service)
    offers = [
        make_offer(
            party.key,
            description=f"song {number}",
            content_id=bytes(32),
            size=1,
            price=1,
            valid_until=party.now(),
        )
        for number in range(MANY)
    ]
    async with party.store.transaction() as tx:
        for offer in offers:
            books.save_offer(tx, OwnOffer(party.fresh_transaction(), offer, "offered"))
    reader = party.store.committed

    def wanted(named: bytes | None, description: str = "") -> Contract:
        other, sale = bytes(32), bytes(16)
        return Contract(party.id, party.id, other, description, 0, sale, named, other, 1, 1)

    for offer in offers:
        named = wanted(content_digest(Offer, offer.content))
        with metering() as meter:
            assert rule.offer_wanted(named, books.offers_meant(reader, named)) == offer
        assert meter["hash"] == 1
    unknown = wanted(bytes(32))
    with pytest.raises(ContractNotAsOffered):
        rule.offer_wanted(unknown, books.offers_meant(reader, unknown))
    printed = wanted(None, "song 7")
    assert rule.offer_wanted(printed, books.offers_meant(reader, printed)) == offers[7]
    await party.store.close()
