"""DC-A2: whoever has seen a coin signs its next step, although it is another's."""

from nodes.protocols.dht_micropayment import step as steps
from nodes.protocols.dht_micropayment.holding import CoinState
from nodes.protocols.dht_micropayment.messages import AskQuote, Payment, QuoteGiven, Taken
from nodes.protocols.dht_micropayment.transfer import Transfer, terms_of
from scenarios.adversaries.outsider import Mallory
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.worth import COINS

ORDER = b"bread"


@attack(
    "DC-A2",
    title="A stranger spends",
    protocols=("dht_micropayment",),
    guards=("payer-holds-the-coin",),
    word="STOLEN",
)
async def stranger_spends(act: Act) -> None:
    """A party that no longer holds a coin signs its next step, and the payee takes it."""
    mallory = await act.mallory(symbol="X")
    victim, payee = act.cast("V", "W")
    owner = act.node(mallory)
    withdrawn = await owner.control("withdraw", count=1)
    await owner.until(withdrawn["transaction"], "held")
    paid = await owner.control("transfer", to=victim.name, count=1)
    await owner.until(paid["transaction"], "paid")
    await victim.until(paid["transaction"], "delivered")
    await act.begin()

    transaction = mallory.party.fresh_transaction()
    asked = AskQuote(ORDER, 1)
    to = bytes.fromhex(payee.id)
    given = await mallory.party.send(to, asked, transaction, QuoteGiven)
    stolen = await _signed_by_a_stranger(mallory, to)
    payment = Payment(given.message.quote, (stolen,))
    taken = await act.attempt(payee, mallory.party.send(to, payment, transaction, Taken))
    if taken is None:
        return
    await payee.until(transaction.hex(), "delivered", "cancelled")
    act.harm(victim, 1, COINS, to=payee, says=f"{mallory.name} bought with it")


async def _signed_by_a_stranger(mallory: Mallory, payee: bytes) -> Transfer:
    """The step behind the victim's, by whoever paid the victim; registers are there to be read."""
    [spent] = [coin for coin in mallory.wallet.purse.all() if coin.state is CoinState.SPENT]
    assert spent.committed is not None, "it was paid"
    place = spent.committed.name
    reading = await mallory.wallet.registers.look_up(place, mallory.party.fresh_transaction())
    certificate = reading.certificate if reading else None
    assert certificate is not None, "the victim was paid"
    body = steps.next_step(
        spent.coin,
        spent.committed,
        steps.next_register(spent.coin, spent.committed),
        kind="pay",
        payer=mallory.id,
        payee=payee,
        terms=terms_of(ORDER, [spent.chain]),
    )
    return Transfer(steps.sign_step(body, mallory.party.key), certificate, spent.evidence)
