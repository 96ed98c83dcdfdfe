"""PC-A14: the escrow server holds the key, and knows who buys what."""

import tempfile
from pathlib import Path
from typing import Any

from crypto.content import decrypt_file
from nodes.protocols.escrow_commerce.sale import content_context
from scenarios.attacks.escrow_commerce.sale import PROTOCOLS, offer, order, pay, withdraw
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.world import Node


@attack(
    "PC-A14",
    title="The escrow server reads it all",
    protocols=PROTOCOLS,
    kind="open",
    word="READ",
)
async def escrow_server_reads_all(act: Act) -> None:
    """The escrow server opens what two honest peers trade, with the key it keeps for them.

    The paper trusts it. It has read who buys, who sells, what and at what price; the ciphertext
    passes it by from peer to peer, for anyone to take who listens there.
    """
    escrow_server = act.live.escrow_server
    seller, buyer = act.cast("P_3", "P_1")
    content_id = await offer(act, seller, price=1)
    await withdraw(buyer, 1)
    await act.begin()

    sale = await order(buyer, content_id)
    overheard = _ciphertext(act, buyer, sale).read_bytes()
    await pay(buyer, sale)
    await buyer.control("accept", transaction=sale)
    await seller.until(sale, "paid")
    deposited = await _read_in_6a(escrow_server, sale)
    opened = _open(overheard, bytes.fromhex(deposited["key"]), sale, content_id)
    parties = await act.live.could_read(escrow_server, [buyer.id, seller.id])
    if len(parties) == 2 and opened:
        says = f"{opened} bytes, and who bought it from whom, for how much"
        act.harm(buyer, 1, "content", to=escrow_server, says=says)


def _ciphertext(act: Act, buyer: Node, sale: str) -> Path:
    """What went over the wire to the buyer (6b)."""
    assert act.world.folder is not None, "attacks are played in a local world"
    return act.world.folder.data(buyer.name) / "content" / "bought" / sale


async def _read_in_6a(escrow_server: Node, sale: str) -> dict[str, Any]:
    """What the escrow server unsealed of this sale's step 6a."""
    read = (await escrow_server.get("/inspect/view"))["read"]
    mine = (row for row in read if (row["transaction"], row["step"]) == (sale, "6a"))
    return dict(next(mine)["value"])


def _open(ciphertext: bytes, key: bytes, sale: str, content_id: str) -> int:
    """Bytes of the content, if the key opens it and its digest is the one that was sold."""
    with tempfile.TemporaryDirectory(prefix="jangteo-overheard-") as folder:
        source, target = Path(folder) / "ciphertext", Path(folder) / "content"
        source.write_bytes(ciphertext)
        context = content_context(bytes.fromhex(sale))
        digests = decrypt_file(source, target, key, context, bytes.fromhex(content_id))
    return digests.plaintext_size
