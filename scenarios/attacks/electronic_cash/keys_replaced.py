"""BS-A18: whose key something is sealed to, and whose key a coin is made for."""

import msgspec

from crypto.documents import sign_document
from crypto.sealing import SealingKey
from nodes.protocols.electronic_cash.documents import Presentation
from nodes.protocols.electronic_cash.messages import Accepted, Present
from nodes.protocols.electronic_cash.reading import opened
from nodes.protocols.electronic_cash.refusals import WrongDocument
from nodes.protocols.membership.enrolment import ask_to_enrol
from nodes.protocols.membership.messages import Enrolled
from nodes.protocols.membership.refusals import CardNotSigned
from nodes.protocols.message import PartyId, Role
from scenarios.adversaries.outsider import Mallory
from scenarios.attacks.electronic_cash.coins import (
    Counter,
    ended,
    id_of,
    server_of,
    start,
    withdraw,
)
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.worth import CASH

PRICE = 4


@attack(
    "BS-A18",
    title="Keys replaced on the way",
    protocols=("electronic_cash",),
    kind="inherent",
    refused_with=(CardNotSigned.code, WrongDocument.code),
)
async def keys_replaced(act: Act) -> None:
    """Somebody puts its own key in the place of the coin server's, and in that of a merchant's.

    With the first it could read every parcel; with the second the merchant's new coin would be its
    own. The one stands on a card that its owner signs, the other in what the merchant signs.
    """
    mallory = await act.mallory()
    between = await act.outsider("coin-server-m", Role.COIN_SERVER, hears=(Present,), symbol="S_M")
    customer, merchant = act.cast("C", "M")
    await withdraw(customer, PRICE)
    await merchant.control("cash_use", coin_server=between.name)
    counter, server = Counter(between, Present), server_of(act)
    await act.begin()

    false = SealingKey.generate().public_key
    if await act.attempt(act.world.certificate_authority, _enrol(mallory, id_of(server), false)):
        act.harm(customer, 1, "parcels read", to=mallory)
    payment = await start(customer, "cash_pay", to=merchant.name, amount=PRICE)
    message = await counter.first()
    if await act.attempt(server, _present_for_herself(mallory, message, id_of(server))):
        act.harm(merchant, PRICE, CASH, to=mallory)
    counter.answer_nothing()
    await ended(customer, payment)
    act.fair(customer, CASH, -PRICE)
    act.fair(merchant, CASH, PRICE)
    codes = [one.code for one in act.came.refusals]
    both = codes == [CardNotSigned.code, WrongDocument.code]
    act.live.check("both keys are signed for", both, ", ".join(codes))


async def _enrol(mallory: Mallory, server: PartyId, sealing_key: bytes) -> bool:
    """Steps E1, E2 with a card of the coin server that mallory signs."""
    party = mallory.party
    card = await party.directory.card(server)
    false = msgspec.structs.replace(card, sealing_key=sealing_key, sequence=card.sequence + 1)
    authority = await party.directory.one(Role.CERTIFICATE_AUTHORITY)
    request = ask_to_enrol(sign_document(false, party.key), party.settings.secret)
    await party.send(authority.id, request, party.fresh_transaction(), Enrolled)
    return True


async def _present_for_herself(mallory: Mallory, message: Present, server: PartyId) -> bool:
    """Step P2 with the merchant's presentation, but for the key of the coin to be made."""
    party, signed = mallory.party, message.presentation
    said = opened(Presentation, signed)
    own = mallory.cash.purse.wallet.one_time_keys(1_000_000, 1)[0].public_key
    altered = sign_document(msgspec.structs.replace(said, key=own), party.key)
    forged = msgspec.structs.replace(signed, content=altered.content)
    request = Present(forged, message.parcel)
    await party.send(server, request, party.fresh_transaction(), Accepted)
    return True
