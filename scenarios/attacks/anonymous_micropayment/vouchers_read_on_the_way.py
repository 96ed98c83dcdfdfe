"""PID-A12: a deposit that everyone can read is anybody's."""

from crypto import codec
from nodes.protocols.anonymous_micropayment.messages import (
    CashVouchers,
    Voucher,
    VouchersCashed,
)
from nodes.protocols.anonymous_micropayment.state import Prepayment
from scenarios.attacks.anonymous_micropayment import stalls
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.worth import PREPAID

AMOUNT = 100


@attack(
    "PID-A12",
    title="Vouchers read on the way",
    protocols=("anonymous_micropayment", "dht_micropayment"),
    guards=("deposit-is-sealed",),
    word="STOLEN",
    refused_with=("anonymous_micropayment/voucher-not-genuine",),
)
async def vouchers_read_on_the_way(act: Act) -> None:
    """A listener takes the vouchers out of a deposit and cashes them before it arrives.

    Of a sealed one it has only bytes, and makes of them what it can.
    """
    mallory = await act.mallory()
    (customer,) = act.cast("Cus")
    asked = await customer.control("pid_pseudonym")
    await customer.until(asked["transaction"], "named")
    pseudonym = (await customer.get("/inspect/ledger"))["wallets"][-1]["pseudonym"]
    asked = await customer.control("pid_vouchers", amount=AMOUNT)
    await customer.until(asked["transaction"], "held")
    await stalls.become_vendor(mallory, "fence")
    await act.begin()

    await act.live.kill(act.live.broker)
    asked = await customer.control("pid_deposit", amount=AMOUNT)
    await customer.until(asked["transaction"], "sent")
    await act.live.kill(customer)
    await act.live.restart(act.live.broker)
    [sent] = act.voice(customer).kept("pid_prepayments", Prepayment)
    party, broker = mallory.party, await stalls.broker_of(mallory)
    cashing = CashVouchers(_taken_from(sent))
    transaction = party.fresh_transaction()
    done = await act.attempt(
        act.live.broker, party.send(broker, cashing, transaction, VouchersCashed)
    )
    await act.live.restart(customer)
    record = await customer.until(asked["transaction"], "confirmed", "refused")
    if done is not None:
        act.harm(customer, AMOUNT, "vouchers", to=mallory, says=f"deposit {record['state']}")
    else:
        act.came.fair[stalls.purse_of(pseudonym), PREPAID] = AMOUNT


def _taken_from(sent: Prepayment) -> tuple[Voucher, ...]:
    shown = sent.message.contents
    if shown is not None:
        return codec.decode(shown.funds.payment, tuple[Voucher, ...])
    box = sent.message.box or b""
    return (Voucher(AMOUNT, box[:32], box[:256].ljust(256, b"\0")),)
