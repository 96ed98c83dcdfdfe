"""PID-A6: the vendor has no key to check B_respond with, so it ships on any accept."""

from nodes.protocols.anonymous_micropayment.messages import GoodsSent, PlaceOrder
from scenarios.attacks.anonymous_micropayment import stalls
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack

PSEUDONYM = "ab" * 16


@attack(
    "PID-A6",
    title="A forged accept",
    protocols=("anonymous_micropayment", "dht_micropayment"),
    guards=("answer-is-the-brokers",),
    word="UNPAID",
    programs={"broker": "scenarios.adversaries.line_to_the_broker"},
    leaves={
        "every transaction reached its end": "the vendor goes on asking the broker",
    },
)
async def forged_accept(act: Act) -> None:
    """Whoever sits on the vendor's line to the broker answers for it, and a friend is served.

    The one who orders has no money, nor a pseudonym that anybody gave it.
    """
    mallory = await act.mallory(symbol="Cus")
    (vendor,) = act.cast("Vend")
    await stalls.open_stall(vendor)
    await act.begin()

    await act.live.broker.control("accept_all")
    order = stalls.made_order(mallory, PSEUDONYM, 1, vendor.name, bytes(32))
    to, transaction = bytes.fromhex(vendor.id), mallory.party.fresh_transaction()
    placed = PlaceOrder(order, stalls.GOODS)
    sent = await act.attempt(vendor, mallory.party.send(to, placed, transaction, GoodsSent))
    if sent is not None and sent.message.goods == stalls.TEXT.encode():
        act.harm(vendor, 1, "goods", to=mallory, says="nobody was debited")
