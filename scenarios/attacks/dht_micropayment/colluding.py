"""Members of the ring that vote twice, and a holder who pays one coin with their help.

Two quorums of q among k share at least 2q - k members. Where so many of a register's witnesses
vote for everything, two records of it are certified, if no payee hears of the other's: k - q of the
honest witnesses are away for the one, as many as may be, and the others for the other.
"""

from collections.abc import Sequence

from nodes.protocols.dht_micropayment.holding import CoinState, Holding
from nodes.protocols.dht_micropayment.judge import VOTED_TWICE
from scenarios.adversaries.outsider import Mallory
from scenarios.attacks.dht_micropayment.coins import (
    SALES,
    buy,
    can_redeem,
    committed,
    hand_in,
    id_of,
    members,
    ruled,
    signed,
    signed_away,
)
from scenarios.lab.acting import Act
from scenarios.lab.node_client import Node
from scenarios.lab.witnesses import Witnesses

DOUBLE_VOTER = "scenarios.adversaries.double_voter"


def all_bribable(peers: int) -> dict[str, str]:
    """Programs of a world whose every member could be bribed; it is honest until then."""
    return {f"peer-{number:02}": DOUBLE_VOTER for number in range(1, peers + 1)}


def needed(witnesses: Witnesses) -> int:
    """How many double voters among k are enough: as many as two quorums surely share."""
    return 2 * witnesses.q - witnesses.k


async def bribe(friends: Sequence[Node]) -> None:
    for friend in friends:
        await friend.control("bribe")


async def pay_twice(
    act: Act, mallory: Mallory, coin: Holding, witnesses: Witnesses, friends: Sequence[Node]
) -> list[Node]:
    """The coin's next step, to two payees who keep nothing of it; who of them delivered.

    k - q honest witnesses are away for each. The first payee leaves after its payment, before it
    has handed its certificate to those who were away.
    """
    there = witnesses.of_register(coin.chain.hex(), coin.step.index + 1)
    honest = [one for one in there if one not in friends]
    may_be_away = witnesses.k - witnesses.q
    first, second = honest[:may_be_away], honest[may_be_away : 2 * may_be_away]
    payees = [one for one in members(act) if one not in [*there, *friends]][:2]
    leaving = [*first, payees[0]]
    delivered = []
    await act.live.kill(*second)
    for payee in payees:
        transfer = signed_away(mallory, coin, id_of(payee))
        if await buy(act, mallory, payee, transfer) == "delivered":
            delivered.append(payee)
        if payee is payees[0]:
            await act.live.kill(*leaving)
            await act.live.restart(*second)
    await act.live.restart(*leaving)
    await act.live.restart(*second)  # they fetch what nobody could tell them before
    return delivered


async def told_at_the_broker(
    act: Act, mallory: Mallory, payees: Sequence[Node], measured: str = ""
) -> None:
    """Both payees hand in what they took: one is credited, and the other's sale was for nothing."""
    names = (await act.live.books()).names
    convicted = ", ".join(sorted(names[one] for one in await ruled(act, payees, VOTED_TWICE)))
    for payee in payees:
        if not await can_redeem(act, payee):
            says = f"the broker credits the coin once; voted twice: {convicted}{measured}"
            await insist(act, payee)
            act.harm(payee, 1, SALES, to=mallory, says=says)
    act.detected(f"two votes each by {convicted}", "a judge")


async def insist(act: Act, payee: Node) -> None:
    """A payee whose wallet finds its coin taken hands it in all the same; what it is told."""
    voice, broker = act.voice(payee), act.live.broker
    for coin in voice.kept("holdings", Holding):
        if coin.state is CoinState.HELD:
            handed_in = committed(voice, coin, id_of(broker), kind="redeem")
            await act.attempt(broker, hand_in(voice.party, signed(voice, handed_in)))
