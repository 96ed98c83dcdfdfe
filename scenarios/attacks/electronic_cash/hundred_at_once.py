"""BS-A6: merchants, exchanges and deposits race for one coin."""

import asyncio
from collections.abc import Awaitable

from nodes.protocols.electronic_cash import deposit
from nodes.protocols.electronic_cash.guards import deposit_id
from nodes.protocols.electronic_cash.holding import HeldCoin, Spending
from nodes.protocols.electronic_cash.messages import Deposited, Paid
from nodes.protocols.electronic_cash.refusals import CoinNotCirculating
from nodes.protocols.electronic_cash.spending import Wanted
from nodes.protocols.errors import Refused, error_from
from nodes.protocols.message import Received
from scenarios.adversaries.outsider import Mallory
from scenarios.attacks.electronic_cash.coins import (
    carried,
    exchanged,
    has_her_change,
    hear_instead,
    held,
    id_of,
    made,
    no_longer_hers,
    server_of,
    until,
    withdraw,
)
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.node_client import Node
from scenarios.lab.worth import BANK, CASH

AMOUNT = 8
AT_EACH_MERCHANT, EXCHANGES, DEPOSITS = 35, 20, 10
Ending = Awaitable[Spending | str]


@attack(
    "BS-A6",
    title="One coin a hundred times at once",
    protocols=("electronic_cash",),
    kind="inherent",
    refused_with=(CoinNotCirculating.code,),
)
async def hundred_at_once(act: Act) -> None:
    """A payer sends one coin to two merchants, into exchanges and to the bank, all at once.

    A hundred different orders, each well signed. The coin server carries out one, whichever.
    """
    mallory = await act.mallory(symbol="C")
    merchants = act.cast("M1", "M2")
    await withdraw(act.node(mallory), AMOUNT)
    race = Race(act, mallory, held(mallory, AMOUNT))
    await act.begin()

    tries = [await race.pay(node) for node in merchants for _ in range(AT_EACH_MERCHANT)]
    tries += [await race.exchange() for _ in range(EXCHANGES)]
    tries += [await race.deposit() for _ in range(DEPOSITS)]
    done = await asyncio.gather(*tries)
    carried_out = [ending for ending in done if isinstance(ending, Spending)]
    for code in sorted({ending for ending in done if isinstance(ending, str)}):
        act.refused(code, server_of(act))
    told = ", ".join(order.kind for order in carried_out)
    act.live.check(f"of {len(tries)} orders one is carried out", len(carried_out) == 1, told)
    for extra in carried_out[1:]:
        act.harm(server_of(act), AMOUNT, "coins taken twice", says=extra.kind)
    await race.close(carried_out)


class Race:
    """Orders over one coin: what comes of each is the order if it is carried out, else a code."""

    def __init__(self, act: Act, mallory: Mallory, coin: HeldCoin) -> None:
        self._act, self._mallory, self._coin = act, mallory, coin
        hear_instead(mallory, Deposited)

    async def _order(self, wanted: Wanted) -> Spending:
        return await made(self._mallory, wanted, [self._coin])

    async def pay(self, merchant: Node) -> Ending:
        party = self._mallory.party
        reference, to = party.fresh(32), id_of(merchant)
        order = await self._order(Wanted("pay", AMOUNT, to, reference, until(self._mallory)))
        message, key = carried(order)
        return self._ending(order, party.send(to, message, order.transaction, Paid, opens_with=key))

    async def exchange(self) -> Ending:
        wanted = Wanted("exchange", 0, None, None, until(self._mallory), (AMOUNT,))
        order = await self._order(wanted)
        return self._ending(order, exchanged(self._mallory, order))

    async def deposit(self) -> Ending:
        party, bank = self._mallory.party, id_of(self._act.live.bank)
        nonce = party.fresh(32)
        name = deposit_id(bank, party.id, nonce)
        wanted = Wanted("deposit", AMOUNT, bank, name, until(self._mallory), opening=nonce)
        order = await self._order(wanted)
        return self._ending(order, self._deposited(bank, order))

    async def _deposited(self, bank: bytes, order: Spending) -> None:
        message, party = deposit.request_deposit(order), self._mallory.party
        await party.send(bank, message, order.transaction, Received)
        told = await self._mallory.has_heard(Deposited, order.transaction)
        assert isinstance(told, Deposited)
        if told.refusal is not None:
            raise error_from(told.refusal, "", "nothing-happened")

    async def _ending(self, order: Spending, doing: Awaitable[object]) -> Spending | str:
        try:
            await doing
        except Refused as refusal:
            return refusal.code
        return order

    async def close(self, carried_out: list[Spending]) -> None:
        """Everybody knows what became of the coin; the winner's gain is as it should be."""
        await no_longer_hers(self._mallory, [self._coin])
        for order in carried_out:
            await has_her_change(self._mallory, order)
        for order in carried_out[:1]:
            if order.kind == "exchange":
                continue
            self._act.fair(self._mallory, CASH, -AMOUNT)
            payee = self._act.world.with_id((order.payee or b"").hex())
            if order.kind == "deposit" or payee is None:
                self._act.fair(self._mallory, BANK, AMOUNT)
            else:
                self._act.fair(payee, CASH, AMOUNT)
