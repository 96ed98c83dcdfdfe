"""DC-A14: a payee takes a payment in, says nothing, and never registers it."""

from dht.records import Certificate
from nodes.protocols.dht_micropayment.coin import read_coin
from nodes.protocols.dht_micropayment.judge import WAS_PAID
from nodes.protocols.dht_micropayment.messages import Payment
from nodes.protocols.dht_micropayment.transfer import Transfer
from nodes.protocols.envelope import Opened
from nodes.runtime.party import Answer, Party
from nodes.runtime.refusals import UnexpectedFailure
from scenarios.adversaries.outsider import Mallory
from scenarios.attacks.dht_micropayment.coins import (
    SALES,
    id_of,
    refused_by,
    ruled,
    step_behind,
    withdraw,
    write,
)
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.worth import COINS


@attack(
    "DC-A14",
    title="The payee stalls",
    protocols=("dht_micropayment",),
    kind="inherent",
    word="UNPROVEN",
    refused_with=("dht_micropayment/predecessor-not-certified",),
)
async def payee_stalls(act: Act) -> None:
    """A payee takes a coin, is silent, and tries to spend it without ever having been paid it.

    Nobody takes a step behind one that is not certified. And the payer has no need of it: it
    registers the payment itself, and can prove it to anybody.
    """
    mallory = await act.mallory(symbol="V")
    payer, accomplice = act.cast("U", "W")
    silent = Silence(mallory)
    await withdraw(payer)
    await act.begin()

    asked = await payer.control("transfer", to=mallory.name, count=1)
    transfer = await silent.was_sent()
    onward = step_behind(
        mallory,
        read_coin(transfer.evidence.coin),
        transfer.evidence,
        unvoted(transfer),
        id_of(accomplice),
    )
    written = await write(mallory, onward.record, onward.predecessor, onward.evidence)
    refused_by(act, written)
    await payer.until(asked["transaction"], "certified")
    act.fair(payer, COINS, -1)
    act.fair(mallory, COINS, 1)
    proven = mallory.id.hex() in await ruled(act, [payer], WAS_PAID)
    act.live.check("a judge sees that the payee was paid", proven)
    if written.certificate is not None or not proven:
        act.harm(payer, 1, SALES, to=mallory, says="paid, and nothing to show for it")
    silent.ends()
    await payer.until(asked["transaction"], "paid")


class Silence:
    """What a payee does that hears a payment and answers nothing anybody can read."""

    def __init__(self, mallory: Mallory) -> None:
        self._mallory = mallory
        self._sent: list[Transfer] = []
        self._before = mallory.service.inbound.replace(Payment, self._hear)

    async def _hear(self, received: Opened[Payment], party: Party) -> Answer:
        self._sent += received.message.transfers
        party.observer.notify()
        raise UnexpectedFailure()

    async def was_sent(self) -> Transfer:
        await self._mallory.until(lambda: bool(self._sent))
        return self._sent[0]

    def ends(self) -> None:
        """It takes what it is sent, as everybody does."""
        self._mallory.service.inbound.replace(Payment, self._before)


def unvoted(transfer: Transfer) -> Certificate:
    """The payment as if it were certified, by nobody."""
    before = transfer.predecessor
    return Certificate(transfer.record, before.epoch, before.roster, ())
