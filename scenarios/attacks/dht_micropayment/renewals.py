"""Reissues by a cheat: in the coin's chain or beside it; of coins there are, and there are not.

As printed (7) the link from an old coin to the new one stands under a key of its own, so that a
payment and a reissue of one coin, or two reissues, never meet.
"""

from crypto.documents import Signed, document_digest, sign_document
from dht.outcomes import Written
from dht.records import RegisterName
from nodes.protocols.dht_micropayment import step as steps
from nodes.protocols.dht_micropayment.coin import Coin, Evidence, opening_record, reissue_opens_at
from nodes.protocols.dht_micropayment.holding import Holding
from nodes.protocols.dht_micropayment.transfer import Transfer
from scenarios.adversaries.outsider import Mallory
from scenarios.attacks.dht_micropayment.coins import (
    refused_by,
    step_behind,
    until_moment,
    write,
)
from scenarios.lab.acting import Act

LIFE = {"coin_seconds": "600", "reissue_window_seconds": "240"}
"""Settings of a world whose coins can soon be renewed, and can be paid meanwhile."""


async def may_renew(act: Act, mallory: Mallory, coin: Holding) -> None:
    """The time between the opening of the reissue and the last payment."""
    await until_moment(act, mallory, reissue_opens_at(coin.coin))


async def reissue_beside(
    act: Act, mallory: Mallory, coin: Holding, new: Coin
) -> tuple[Coin, Evidence] | None:
    """R3 under a key of its own; None where the witnesses refuse it, which is noted."""
    place = steps.pointer_register(coin.coin, new.generation)
    return await reissue(act, mallory, coin, new, place)


async def reissue(
    act: Act, mallory: Mallory, coin: Holding, new: Coin, place: RegisterName
) -> tuple[Coin, Evidence] | None:
    """R3 in this register: the new coin and what proves it."""
    body = steps.next_step(
        coin.coin,
        coin.step,
        place,
        kind="reissue",
        payer=mallory.id,
        payee=mallory.id,
        terms=document_digest(new),
    )
    made = sign_document(new, mallory.party.key)
    old = coin.evidence
    shown = Evidence(old.coin, old.parent, old.reissue, successor=made)
    record = steps.sign_step(body, mallory.party.key)
    written = await write(mallory, record, coin.certificate, shown, "R3")
    if written.certificate is None:
        refused_by(act, written)
        return None
    return new, Evidence(made, parent=coin.coin, reissue=written.certificate)


async def payment_with(
    act: Act, mallory: Mallory, new: tuple[Coin, Evidence], payee: bytes
) -> Transfer | None:
    """R5 and then P1 of a new coin; None where its opening is refused, which is noted."""
    coin, evidence = new
    opened: Written = await write(mallory, opening_record(coin), None, evidence, "R5")
    if opened.certificate is None:
        refused_by(act, opened)
        return None
    return step_behind(mallory, coin, evidence, opened.certificate, payee)


def unproven(mallory: Mallory, coin: Coin) -> tuple[Coin, Evidence]:
    """A later generation of a coin, by word of mouth."""
    signed: Signed[Coin] = sign_document(coin, mallory.party.key)
    return coin, Evidence(signed)
