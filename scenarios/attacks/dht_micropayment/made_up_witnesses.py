"""DC-A6: keys that nobody certified vote for a step that never was."""

import msgspec

from crypto.signing import SigningKey
from dht.records import Certificate, cast_vote
from nodes.protocols.dht_micropayment.step import read_step
from nodes.protocols.dht_micropayment.transfer import Transfer
from scenarios.attacks.dht_micropayment.coins import (
    buy,
    held_by,
    id_of,
    pay,
    signed_away,
    spent_by,
    step_behind,
    withdraw,
)
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.worth import COINS


@attack(
    "DC-A6",
    title="Made-up witnesses",
    protocols=("dht_micropayment",),
    guards=("witnesses-are-members",),
    word="STOLEN",
)
async def made_up_witnesses(act: Act) -> None:
    """A payer makes up keys and lets them vote that it never paid, then spends the coin again.

    As printed a node chooses its own place, so it is near any key it likes. Here a vote counts if
    its key stands in the signed roster, and is of the k closest there: made-up nodes that answer
    "absent", or that vote, are not asked and not heard.
    """
    mallory = await act.mallory(symbol="U")
    victim, payee = act.cast("V", "W")
    owner = act.node(mallory)
    await withdraw(owner)
    [coin] = held_by(mallory)
    to_itself = signed_away(mallory, coin, mallory.id)
    await pay(owner, victim)
    await act.begin()

    spent = spent_by(mallory)
    assert coin.certificate is not None, "it is held"
    never = voted_by_strangers(to_itself, like=coin.certificate)
    again = step_behind(mallory, spent.coin, spent.evidence, never, id_of(payee))
    if await buy(act, mallory, payee, again) == "delivered":
        act.harm(victim, 1, COINS, to=payee, says=f"{mallory.name} paid it a second time")


def voted_by_strangers(step: Transfer, like: Certificate) -> Certificate:
    """As many votes as a true certificate has, of its epoch, by keys made for the purpose."""
    name, value = read_step(step.record).name, step.record.digest
    strangers = [SigningKey.generate() for _ in like.votes]
    votes = tuple(cast_vote(key, name, value, like.epoch, like.roster) for key in strangers)
    return msgspec.structs.replace(like, record=step.record, votes=votes)
