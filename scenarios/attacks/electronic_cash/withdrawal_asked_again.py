"""BS-A1: the printed request for coins carries nothing that makes it one request."""

from nodes.protocols.electronic_cash import withdrawal
from nodes.protocols.electronic_cash.holding import Withdrawing
from nodes.protocols.electronic_cash.messages import WithdrawalAccepted
from nodes.protocols.electronic_cash.wallet import Wallet
from scenarios.attacks.electronic_cash.coins import ended, id_of, start, withdraw
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.worth import BANK

AMOUNT = 8


@attack(
    "BS-A1",
    title="A withdrawal asked for again",
    protocols=("electronic_cash",),
    guards=("withdrawal-nonce-is-fresh",),
    word="DEBITED TWICE",
)
async def withdrawal_asked_again(act: Act) -> None:
    """The same request for coins, sent once more, takes the amount from the account once more.

    The same bytes are no danger: whoever has answered a message answers it alike. So it goes in a
    new envelope, as from a wallet put back from an old copy. Its coins were spent meanwhile; else
    the coin server would find their one-time keys in use.
    """
    await act.mallory()  # carries the voice
    (customer,) = act.cast("C")
    await withdraw(customer, AMOUNT)
    await ended(customer, await start(customer, "cash_exchange"), "settled")
    copy = act.voice(customer)
    await act.begin()

    (asked,) = copy.kept("cash_withdrawing", Withdrawing)
    (seed,) = copy.kept("cash_seed", bytes)
    request = withdrawal.request_of(asked, Wallet(seed))
    transaction = copy.party.fresh_transaction()
    sent = copy.party.send(id_of(act.live.bank), request, transaction, WithdrawalAccepted)
    if await act.attempt(act.live.bank, sent) is None:
        return
    await act.live.bank.until(transaction.hex(), "signed")
    told = "the new coins are signed for a number its wallet never asked for"
    act.harm(customer, AMOUNT, BANK, says=told)
