"""BS-A3: the change goes through the merchant's hands."""

from crypto.signing import SigningKey
from nodes.protocols.electronic_cash.circulation import FETCH, KEPT
from nodes.protocols.electronic_cash.messages import (
    AcknowledgeChange,
    ChangeAnswer,
    ChangeQuery,
    Pay,
)
from nodes.protocols.electronic_cash.refusals import (
    CoinNotCirculating,
    SpendNotSigned,
    UnknownRequest,
)
from nodes.protocols.message import PartyId, Received
from scenarios.adversaries.outsider import Mallory
from scenarios.attacks.electronic_cash.coins import (
    Counter,
    ended,
    id_of,
    present,
    server_of,
    start,
    withdraw,
)
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.worth import CASH

HELD, PRICE = 8, 2


@attack(
    "BS-A3",
    title="The merchant keeps the change",
    protocols=("electronic_cash",),
    kind="inherent",
    refused_with=(UnknownRequest.code, SpendNotSigned.code),
)
async def change_kept(act: Act) -> None:
    """A merchant takes its price, says that the coins were spent before, and wants the change.

    It asks the coin server for it, and tells it that its payer has it already. Both need the key
    of the payer's first coin, which the merchant has never seen.
    """
    mallory = await act.mallory(symbol="M")
    (customer,) = act.cast("C")
    await withdraw(customer, HELD)
    counter, server = Counter(mallory, Pay), server_of(act)
    await act.begin()

    payment = await start(customer, "cash_pay", to=mallory.name, amount=PRICE)
    parcel = await counter.first()
    request = (await present(mallory, parcel)).request
    assert request is not None
    act.fair(customer, CASH, -PRICE)
    act.fair(mallory, CASH, PRICE)
    await act.attempt(server, _forget(mallory, id_of(server), request))
    if await act.attempt(server, _ask(mallory, id_of(server), request)):
        act.harm(customer, HELD - PRICE, "change", to=mallory)
    counter.refuse(CoinNotCirculating())
    state = await ended(customer, payment)
    left = [coin["amount"] for coin in await act.live.cash(customer)]
    act.live.check("the payer fetches its change", left == [HELD - PRICE], f"{state}, {left}")


async def _ask(mallory: Mallory, server: PartyId, request: bytes) -> bool:
    """Step P5 with a key of its own."""
    key, party = SigningKey.generate(), mallory.party
    query = ChangeQuery(request, key.public_key, key.sign(FETCH, server + request))
    answer = await party.send(server, query, party.fresh_transaction(), ChangeAnswer)
    return answer.message.change is not None


async def _forget(mallory: Mallory, server: PartyId, request: bytes) -> None:
    """Step J2 with a key of its own: what the payer has, nobody need keep for it."""
    party = mallory.party
    message = AcknowledgeChange(request, SigningKey.generate().sign(KEPT, server + request))
    await party.send(server, message, party.fresh_transaction(), Received)
