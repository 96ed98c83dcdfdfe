"""DC-A18: a coin is opened under another's key before its owner comes to it."""

import msgspec

from crypto import codec
from crypto.documents import Signed
from dht.records import Body, Record
from nodes.protocols.dht_micropayment.coin import Evidence, opening
from nodes.protocols.dht_micropayment.holding import Holding
from scenarios.attacks.dht_micropayment.coins import (
    buy,
    id_of,
    refused_by,
    step_behind,
    write,
)
from scenarios.lab.acting import Act
from scenarios.lab.attack import attack
from scenarios.lab.worth import ACCOUNT, COINS


@attack(
    "DC-A18",
    title="A coin opened by another",
    protocols=("dht_micropayment",),
    guards=("body-belongs-to-the-coin",),
    word="STOLEN",
)
async def coin_opened_by_another(act: Act) -> None:
    """Who reads a new coin on its way opens it under his own key while its owner is down.

    Step 0 follows from the coin alone and bears no signature, so it is checked against the coin:
    its holder is whom the broker named, by key and not by word.
    """
    mallory = await act.mallory(symbol="X")
    owner, payee = act.cast("U", "V")
    await owner.control("balance")  # its account is open
    await act.begin()
    await owner.control("kill_at", protocol="dht_micropayment", step="W3", point="saved")
    await owner.control("withdraw", count=1)
    await act.live.ends(owner)
    act.fair(owner, ACCOUNT, -1)
    act.fair(owner, COINS, 1)

    [coin] = act.voice(owner).kept("holdings", Holding)  # as it went over the wire in W2
    mine = msgspec.structs.replace(opening(coin.coin), payee=mallory.id)
    evidence = Evidence(coin.evidence.coin)
    written = await write(mallory, unsigned(mine), None, evidence, "W3")
    if written.certificate is None:
        refused_by(act, written)
        await act.live.restart(owner)
        return
    stolen = step_behind(mallory, coin.coin, evidence, written.certificate, id_of(payee))
    sold = await buy(act, mallory, payee, stolen)
    await act.live.restart(owner)
    if sold == "delivered":
        act.harm(owner, 1, COINS, to=payee, says=f"{mallory.name} bought with it")


def unsigned(body: Body) -> Record:
    return Record(Signed(codec.encode(body), ()))
