"""IT-A11, from the other side: the seller sends what no key opens, and has signed nothing."""

from crypto import codec
from crypto.documents import Signed
from crypto.sealing import seal
from nodes.protocols.item_trading.documents import SESSION_KEY_BYTES, Deal, Shipment
from nodes.protocols.item_trading.messages import BuyerFound, EncryptedCertificate, KeyInfo
from nodes.protocols.item_trading.payment import reference_of
from nodes.protocols.item_trading.reading import ciphertext_digest, key_context, opened
from nodes.protocols.message import Received
from scenarios.adversaries.outsider import Mallory
from scenarios.attacks.item_trading.trading import PRICE, hears_only, offered, time_is_over
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.items import bought, funded

GARBAGE = b"nothing that any key opens"


@attack(
    "IT-A11",
    title="Garbage of nobody's",
    protocols=("item_trading", "electronic_cash"),
    guards=("ciphertext-is-signed",),
    word="UNDECIDED",
)
async def unsigned_garbage(act: Act) -> None:
    """A seller sends garbage and a key, and whoever looks at them later cannot tell from whom.

    The money comes back, by time alone: there is nothing to lay at the seller's door.
    """
    mallory = await act.mallory(symbol="C_1")
    (buyer,) = act.cast("C_2")
    market = act.live.markets[0]
    await funded(buyer, PRICE)
    listing = await offered(act, act.node(mallory), 2)
    hears_only(mallory, BuyerFound)
    trade = await bought(buyer, market, listing)
    name, to = bytes.fromhex(trade), bytes.fromhex(buyer.id)
    found = await mallory.has_heard(BuyerFound, name)
    assert isinstance(found, BuyerFound)
    await act.begin()

    message = await _garbage(mallory, found, name)
    if await act.attempt(buyer, mallory.party.send(to, message, name, Received)) is None:
        await time_is_over(act)
        return
    await buyer.control("item_pay", transaction=trade)
    await market.until(trade, "paid")
    key = mallory.party.fresh(SESSION_KEY_BYTES)
    context = key_context(reference_of(opened(Deal, found.deal)))
    sealed = KeyInfo(seal(found.buyer_key, key, context))
    await mallory.party.send(to, sealed, name, Received)
    await buyer.until(trade, "garbage")
    await buyer.control("item_complain", transaction=trade)
    await time_is_over(act)
    row = await buyer.until(trade, "refunded")
    if row["reason"] == "time-over":
        says = "for garbage, and nobody is found at fault"
        act.harm(buyer, row["amount"], "e-cash tied up", says=says)


async def _garbage(mallory: Mallory, found: BuyerFound, trade: bytes) -> EncryptedCertificate:
    """Step 2.5 with a shipment that bears no signature."""
    shipment = Shipment(
        seller=mallory.id,
        deal=reference_of(opened(Deal, found.deal)),
        payee_key=await mallory.items.money.payee_key(trade),
        ciphertext=ciphertext_digest(GARBAGE),
    )
    return EncryptedCertificate(found.deal, Signed(codec.encode(shipment), ()), GARBAGE)
