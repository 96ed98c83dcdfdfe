"""BS-A9: a coin server makes coins, and as printed nobody counts them."""

from nodes.protocols.electronic_cash.messages import Deposited
from scenarios.attacks.electronic_cash.coins import hear_instead, id_of, server_of, withdraw
from scenarios.attacks.electronic_cash.issuing import bank_books, deposit_unissued
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack

HONEST, TOO_MANY = 8, 20


@attack(
    "BS-A9",
    title="More coins than the bank was paid for",
    protocols=("electronic_cash",),
    guards=("outstanding-covers-it",),
    word="MONEY FROM NOTHING",
    programs={"coin-server-1": "scenarios.adversaries.cash_over_issuer"},
)
async def issued_beyond(act: Act) -> None:
    """A coin server signs coins of 20 for a friend, who deposits them; 8 were ever withdrawn.

    The bank cannot know the coins. It knows how much it has paid out through this coin server.
    """
    mallory = await act.mallory()
    (customer,) = act.cast("C")
    server, bank = server_of(act), act.live.bank
    await withdraw(customer, HONEST)
    hear_instead(mallory, Deposited)
    await act.live.cash_account(act.node(mallory))  # opened
    await act.begin()

    coins = deposit_unissued(mallory, act.voice(server), id_of(bank), TOO_MANY)
    if not await act.attempt(bank, coins):
        return
    left = (await bank_books(bank, server)).outstanding
    told = f"by the bank's books {left} are outstanding, and {HONEST} circulate"
    act.harm("the bank", TOO_MANY, "cover", to=mallory, says=told)
    act.live.check("the bank is short by all of it", left == HONEST - TOO_MANY, f"{left}")
