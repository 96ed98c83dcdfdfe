"""PC-A9: somebody else posts trust to the central server."""

from crypto.documents import sign_document
from nodes.protocols.escrow_commerce.messages import Tally, TrustUpdate, Update
from nodes.protocols.message import Received, Role
from scenarios.attacks.escrow_commerce.cheating import escrow
from scenarios.attacks.escrow_commerce.sale import PROTOCOLS, offer
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.failures import ControlRefused

BAD = 50


@attack(
    "PC-A9",
    title="Trust posted by a stranger",
    protocols=PROTOCOLS,
    guards=("update-by-the-escrow-server",),
    word="BLACKENED",
)
async def posted_trust(act: Act) -> None:
    """Fifty bad ratings of a seller are posted in the escrow server's name by somebody else.

    Buyers do not believe the number, for the signature is not the escrow server's; they do not
    believe the central server any more either, and buy nothing there.
    """
    impostor = await act.outsider("impostor", Role.ESCROW_SERVER, symbol="E_2")
    central_server = act.live.central_server
    seller, buyer = act.cast("P_3", "P_1")
    content_id = await offer(act, seller)
    await act.begin()

    forged = TrustUpdate(
        escrow_server=escrow(act),
        sale=bytes(16),
        seller=bytes.fromhex(seller.id),
        content_id=bytes.fromhex(content_id),
        value=-1,
        of_content=Tally(-BAD, BAD),
        of_seller=Tally(-BAD, BAD),
    )
    update = Update(sign_document(forged, impostor.party.key))
    to, transaction = bytes.fromhex(central_server.id), impostor.party.fresh_transaction()
    posted = impostor.party.send(to, update, transaction, Received)
    if await act.attempt(central_server, posted) is None:
        return
    trust = await act.live.trust(seller)
    try:
        await buyer.control("search", content_id=content_id)
    except ControlRefused as refusal:
        says = f"listed at {trust:+.2f}; to the buyer's search all of it is {refusal.code}"
        act.harm(seller, BAD, "ratings", says=says)
