"""PC-A8: a rating counts against a seller whom it does not name."""

from nodes.protocols.escrow_commerce import judge
from nodes.protocols.escrow_commerce.messages import Rating
from scenarios.attacks.escrow_commerce.cheating import bought, rate
from scenarios.attacks.escrow_commerce.sale import (
    PROTOCOLS,
    offer,
    order,
    pay,
    trust_at,
    withdraw,
)
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.worth import COINS


@attack(
    "PC-A8",
    title="A rating of something else",
    protocols=PROTOCOLS,
    guards=("rating-names-the-sale",),
    word="DENIABLE",
)
async def rating_of_something_else(act: Act) -> None:
    """A buyer rates -1 with a signature under something else, so nobody can show that it did.

    What it has signed speaks of its own goods. The seller is rated all the same, and no judge
    finds a signed word against it.
    """
    mallory = await act.mallory(symbol="P_1")
    buyer, escrow_server = act.node(mallory), act.live.escrow_server
    (seller,) = act.cast("P_3")
    content_id = await offer(act, seller, price=1)
    await withdraw(buyer, 1)
    await act.begin()

    sale = await order(buyer, content_id)
    await pay(buyer, sale)
    terms = bought(mallory, sale).contract
    odd = rate(mallory, terms, sale, -1, seller=mallory.id)
    if await act.attempt(escrow_server, odd) is None:
        await buyer.control("accept", transaction=sale)
    await seller.until(sale, "paid")
    act.fair(seller, COINS, 1)
    act.fair(mallory, COINS, -1)
    trust = await trust_at(act, seller, ratings=1)
    [kept] = (await escrow_server.get(f"/inspect/transactions/{sale}"))["found"]
    named = _sellers_named(kept["evidence"])
    if trust < 0 and bytes.fromhex(seller.id) not in named:
        act.harm(seller, 1, "rating", says="and no signed rating names it")


def _sellers_named(evidence: list[dict[str, str]]) -> set[bytes]:
    """By the ratings that a judge accepts."""
    facts = judge.judge(bytes.fromhex(piece["bytes"]) for piece in evidence).facts
    return {fact.statement.seller for fact in facts if isinstance(fact.statement, Rating)}
