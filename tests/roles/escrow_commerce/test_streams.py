"""E_K(C) on its way: who may fetch it, from where, and what a stranger gets."""

import hashlib
from pathlib import Path

import aiohttp
import pytest

from crypto.content import ciphertext_size_of
from scenarios.lab.world import World
from tests.roles.escrow_commerce.trading import agreed, in_peer_folder

pytestmark = pytest.mark.asyncio(loop_scope="module")

HEADER = "Jangteo-Message"


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "message/malformed"),
        ({HEADER: "no base64!"}, "message/malformed"),
        ({HEADER: "AAAA"}, "message/malformed"),
    ],
)
async def test_content_is_not_given_to_who_shows_no_message(
    world: World, tmp_path: Path, headers: dict[str, str], code: str
) -> None:
    deal = await agreed(world, tmp_path, coins=0, within_seconds=2)
    await deal.buyer.until(deal.sale, "ciphertext-held")
    url = f"{deal.seller.url}/content/{deal.sale}"
    async with aiohttp.ClientSession() as http, http.get(url, headers=headers) as response:
        problem = await response.json(content_type=None)
    assert (response.status, problem["code"]) == (400, code)


async def test_the_owners_content_needs_the_owners_token(world: World) -> None:
    url = f"{world.peers[0].url}/control/content"
    async with aiohttp.ClientSession() as http, http.put(url, data=b"x") as response:
        assert response.status == 401


async def test_a_fetch_that_broke_off_goes_on_where_it_stopped(
    world: World, tmp_path: Path
) -> None:
    """The seller goes away and comes back while the buyer, too, is started again in between."""
    size = 40_000_000
    deal = await agreed(world, tmp_path, coins=0, size=size, within_seconds=60)
    fetching, bought = (
        world.folder.data(deal.buyer.name).joinpath("content", name, deal.sale)  # type: ignore[union-attr]
        for name in ("fetching", "bought")
    )
    await deal.seller.until(deal.sale, "deposited")
    while not (bought.exists() or (fetching.exists() and fetching.stat().st_size > 0)):
        await deal.buyer.trace(after=10**6, wait=0.01)
    await deal.buyer.kill()
    await deal.buyer.restart()
    await deal.buyer.until(deal.sale, "ciphertext-held")
    assert bought.stat().st_size == ciphertext_size_of(size)
    selling = in_peer_folder(world, deal.seller, "selling")
    (sold,) = (path for path in selling if path.name == deal.sale)
    assert (
        hashlib.sha256(bought.read_bytes()).digest() == hashlib.sha256(sold.read_bytes()).digest()
    )
