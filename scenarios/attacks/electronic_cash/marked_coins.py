"""BS-A17: a blind signature hides a coin among all that are signed with the same key."""

from typing import Any

from crypto import codec
from nodes.protocols.electronic_cash.coin import Coin
from scenarios.attacks.electronic_cash.coins import ended, refusals_of, server_of, start
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.node_client import Node

AMOUNT = 4


@attack(
    "BS-A17",
    title="Marked coins",
    protocols=("electronic_cash",),
    guards=("denomination-key-is-published",),
    word="KNOWN AGAIN",
    programs={"bank-account-server": "scenarios.adversaries.cash_marking_bank"},
)
async def marked_coins(act: Act) -> None:
    """The bank signs one user's coins with a key that it uses for nobody else.

    Whoever then sees such a coin, as the coin server does, can ask the bank whose it was. The user
    finds it out when it pays: with the published keys the coin is no good.
    """
    customer, merchant = act.cast("C", "M")
    server, bank = server_of(act), act.live.bank
    await act.live.cash_account(customer)  # opened
    await bank.control("cash_mark", name=customer.name)
    await act.begin()

    asked = await start(customer, "cash_withdraw", amount=AMOUNT, coin_server=server.name)
    state = await ended(customer, asked, "completed", "void", "wronged")
    if state != "completed":
        for code in await refusals_of(act, bank, "W2"):
            act.refused(code, server)
        return
    await start(customer, "cash_pay", to=merchant.name, amount=AMOUNT)
    coin = await _seen_by(act, server)
    whose = (await bank.control("cash_whose", coin=codec.encode(coin).hex()))["account"]
    if whose == customer.id:
        told = "the bank tells whose the coin is, and nobody takes it"
        act.harm(customer, AMOUNT, "anonymous e-cash", says=told)


async def _seen_by(act: Act, server: Node) -> Coin:
    """What a coin server finds in a parcel."""
    while True:
        for line in (await server.get("/inspect/view"))["read"]:
            if line["what"] == "order":
                (coin,) = line["value"]["coins"]
                return _read(coin)
        await act.live.recorder.follow(server, wait=0.1)


def _read(shown: dict[str, Any]) -> Coin:
    return Coin(
        coin_server=bytes.fromhex(shown["coin_server"]),
        key=bytes.fromhex(shown["key"]),
        entropy=bytes.fromhex(shown["entropy"]),
        amount=shown["amount"],
        period=shown["period"],
        signature=bytes.fromhex(shown["signature"]),
    )
