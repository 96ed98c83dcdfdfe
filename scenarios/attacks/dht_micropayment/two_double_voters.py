"""DC-A16: one witness fewer than two quorums share votes for two records of one register."""

from scenarios.attacks.dht_micropayment.coins import (
    SALES,
    committed,
    held_by,
    id_of,
    remember,
    withdraw,
)
from scenarios.attacks.dht_micropayment.colluding import (
    all_bribable,
    bribe,
    needed,
    pay_twice,
)
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.witnesses import Witnesses
from scenarios.lab.worth import COINS

PEERS = 7


@attack(
    "DC-A16",
    title="Two double voters",
    protocols=("dht_micropayment",),
    kind="inherent",
    word="DOUBLED",
    refused_with=("dht_micropayment/register-is-written",),
    peers=PEERS,
    programs=all_bribable(PEERS),
)
async def two_double_voters(act: Act) -> None:
    """Two of a register's five witnesses vote for two payments of one coin; one is delivered.

    With k = 5 and q = 4 any two quorums share three members, so one honest witness is in both: it
    has one vote, and shows the second payee the other record.
    """
    mallory = await act.mallory(symbol="U")
    witnesses = await Witnesses.of(act.live)
    await withdraw(act.node(mallory))
    [coin] = held_by(mallory)
    there = witnesses.of_register(coin.chain.hex(), 1)
    friends = act.random.sample(there, needed(witnesses) - 1)
    await bribe(friends)
    await act.begin()

    first, *others = await pay_twice(act, mallory, coin, witnesses, friends)
    await remember(mallory, committed(mallory, coin, id_of(first)))
    act.fair(mallory, COINS, -1)
    act.fair(first, COINS, 1)
    for payee in others:
        act.harm(payee, 1, SALES, to=mallory, says="for a coin that was another's already")
