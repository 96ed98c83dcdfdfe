"""PID-A12: a certificate that was seen once is enough to renew the key of its pseudonym."""

from crypto import codec
from crypto.sealing import SealingKey
from nodes.peer.anonymous_micropayment.books import HeldVoucher
from nodes.protocols.anonymous_micropayment import deposit, settlement
from nodes.protocols.anonymous_micropayment.messages import (
    ConfirmedContents,
    DepositConfirmed,
    DepositContents,
    Funds,
)
from nodes.protocols.anonymous_micropayment.state import Wallet
from scenarios.adversaries.outsider import Mallory
from scenarios.attacks.anonymous_micropayment import stalls
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.worth import PREPAID

STAKE = 1


@attack(
    "PID-A12",
    title="A new key for a seen certificate",
    protocols=("anonymous_micropayment", "dht_micropayment"),
    guards=("rekey-needs-the-old-key",),
    word="STOLEN",
)
async def rekey_with_a_seen_certificate(act: Act) -> None:
    """Who has once seen a customer's certificate deposits one unit with it, and has the balance."""
    mallory = await act.mallory()
    (customer,) = act.cast("Cus")
    victim = await stalls.prepay(customer)
    key = await stalls.become_vendor(mallory, "fence")
    owner = act.node(mallory)
    asked = await owner.control("pid_vouchers", amount=STAKE)
    await owner.until(asked["transaction"], "held")
    await act.begin()

    [wallet] = act.voice(customer).kept("pid_wallets", Wallet)
    [held] = act.voice(owner).kept("pid_vouchers", HeldVoucher)
    secret = SealingKey.generate()
    contents = DepositContents(
        certificate=wallet.certificate,
        funds=Funds("voucher", codec.encode((held.voucher,))),
        reply_key=secret.public_key,
        nonce=mallory.party.fresh(16),
        hides=False,
        proof=None,
    )
    confirmed = await act.attempt(act.live.broker, _deposit(mallory, contents, secret))
    if confirmed is None:
        return
    made = stalls.made_order(mallory, victim, 1, "fence", confirmed.secret)
    said = await stalls.send_claim(mallory, settlement.claim(made, key, mallory.id))
    act.came.fair[stalls.purse_of(victim), PREPAID] = STAKE
    says = f"{mallory.name} was told: {said.response.decision.value}"
    act.harm(stalls.purse_of(victim), stalls.PRICE, PREPAID, says=says)


async def _deposit(
    mallory: Mallory, contents: DepositContents, secret: SealingKey
) -> ConfirmedContents:
    """Steps 3, 4."""
    party, broker = mallory.party, await stalls.broker_of(mallory)
    sealing_key = (await party.directory.card(broker)).sealing_key
    message = deposit.make_deposit(contents, broker, sealing_key, party.guards)
    answer = await party.send(broker, message, party.fresh_transaction(), DepositConfirmed)
    plain = secret.open(answer.message.box, deposit.to_customer(contents.nonce))
    return codec.decode(plain, ConfirmedContents)
