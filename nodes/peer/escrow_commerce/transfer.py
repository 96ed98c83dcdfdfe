"""Step 6b and a dispute's upload from the buyer's side: E_K(C) over HTTP, in blocks.

What breaks off goes on from where it stopped, also after a restart.
"""

import asyncio

import aiohttp

from nodes.peer.escrow_commerce.books import PROTOCOL
from nodes.peer.escrow_commerce.files import ContentFiles, Summed, read_blocks
from nodes.protocols.escrow_commerce.messages import CiphertextDigest, ContentRequest, Upload
from nodes.protocols.escrow_commerce.sale import largest_ciphertext
from nodes.protocols.escrow_commerce.state import Purchase
from nodes.runtime.client import read_limited
from nodes.runtime.party import Party
from nodes.runtime.problem import read_problem
from nodes.runtime.refusals import Unreachable
from nodes.runtime.streams import blocks, headers_for, trace_content

PROBLEM_BYTES = 1 << 16
SLOWEST_ANSWER_SECONDS = 30.0
"""The seller may still be encrypting, the escrow server still opening what it got."""


class Transfers:
    def __init__(self, party: Party, files: ContentFiles) -> None:
        self._party = party
        self._files = files

    # step 6b

    async def fetch(self, purchase: Purchase, summed: Summed) -> CiphertextDigest:
        """The rest of E_K(C) behind `summed`; its digest once it is whole and on disk.

        Raises a refusal of the seller, or OutcomeUnknown when it broke off: call again.
        """
        party, sale = self._party, purchase.sale
        seller = await party.directory.card(purchase.contract.seller)
        asked = party.wrap(ContentRequest(), seller.id, sale)
        party.observer.reached("saved", PROTOCOL, "6b")
        before = summed.size
        try:
            async with party.client.session.get(
                f"{seller.url}/content/{sale.hex()}",
                headers=headers_for(asked, before),
                allow_redirects=False,
                timeout=_patient(party),
            ) as response:
                await self._take(purchase, response, summed)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            await party.directory.refreshed(seller)
            raise Unreachable(f"{seller.name}: {type(error).__name__}") from error
        await self._files.fetched(sale)
        trace_content(
            party,
            asked.opened,
            direction="in",
            sender=seller.id,
            receiver=party.id,
            size=summed.size - before,
        )
        party.observer.reached("sent", PROTOCOL, "6b")
        return summed.digest

    async def _take(
        self, purchase: Purchase, response: aiohttp.ClientResponse, summed: Summed
    ) -> None:
        if response.status == 416 and _total(response) == summed.size:
            return  # nothing is left to fetch
        if response.status not in (200, 206):
            body = await read_limited(response.content, PROBLEM_BYTES)
            raise read_problem(body, response.status)
        if response.status == 200 and summed.size > 0:
            raise Unreachable("the content came from its beginning")
        await self._files.append(
            purchase.sale,
            blocks(
                response.content,
                most=self._most(purchase) - summed.size,
                seconds=self._party.settings.body_seconds,
            ),
            summed,
        )

    def _most(self, purchase: Purchase) -> int:
        """No seller can fill this disk with more than its contract says."""
        return largest_ciphertext(purchase.contract, self._party.settings.content_bytes)

    # D1u

    async def upload(self, purchase: Purchase) -> None:
        """Show E_K(C) to the escrow server. Raises its refusal, or OutcomeUnknown."""
        party, sale = self._party, purchase.sale
        escrow_server = await party.directory.card(purchase.contract.escrow_server)
        path = self._files.bought(sale)
        size = (await asyncio.to_thread(path.stat)).st_size
        asked = party.wrap(Upload(), escrow_server.id, sale)
        trace_content(
            party,
            asked.opened,
            direction="out",
            sender=party.id,
            receiver=escrow_server.id,
            size=size,
        )
        try:
            async with party.client.session.put(
                f"{escrow_server.url}/content/{sale.hex()}",
                data=read_blocks(path),
                headers={**headers_for(asked), "Content-Length": str(size)},
                allow_redirects=False,
                timeout=_patient(party),
            ) as response:
                if response.status != 204:
                    body = await read_limited(response.content, PROBLEM_BYTES)
                    raise read_problem(body, response.status)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            await party.directory.refreshed(escrow_server)
            raise Unreachable(f"{escrow_server.name}: {type(error).__name__}") from error


def _patient(party: Party) -> aiohttp.ClientTimeout:
    """A stream takes its time, but may not fall silent."""
    silent = party.settings.body_seconds + SLOWEST_ANSWER_SECONDS
    return aiohttp.ClientTimeout(
        total=None, sock_connect=party.settings.call_seconds, sock_read=silent
    )


def _total(response: aiohttp.ClientResponse) -> int | None:
    """N of `Content-Range: bytes */N`."""
    _, _, total = response.headers.get("Content-Range", "").partition("/")
    return int(total) if total.isdigit() else None
