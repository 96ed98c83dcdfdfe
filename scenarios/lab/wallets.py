"""What a party owns, read from its own ledger and the broker's."""

from collections import Counter
from typing import TYPE_CHECKING, Any

from scenarios.lab.console import in_words, say, show_table

if TYPE_CHECKING:
    from scenarios.lab.world import World

STATES = {
    "held": "can be spent",
    "incoming": "being received",
    "outgoing": "being paid",
    "spent": "spent",
    "closed": "closed",
}
OWNED = ("held", "incoming", "outgoing")
SHOWN_CHARACTERS = 12


async def read(world: "World", name: str) -> dict[str, Any]:
    """Account and coins of one party; the account is None while the broker does not run."""
    node = world.node(name)
    ledger = await node.get("/inspect/ledger")
    account = None
    if world.broker.alive():
        accounts = (await world.broker.get("/inspect/ledger")).get("accounts", [])
        account = next((row for row in accounts if row["owner"] == node.id), None)
    coins = [
        {**coin, "owner_name": _name(world, coin["owner"])} for coin in ledger.get("coins", [])
    ]
    return {
        "name": node.name,
        "role": node.role,
        "id": node.id,
        "account": account,
        "coins": coins,
        "coins_by_state": dict(Counter(coin["state"] for coin in coins)),
    }


def show(found: dict[str, Any]) -> None:
    say(f"{found['name']}  {found['role'].replace('_', ' ')}  {found['id']}")
    account = found["account"]
    if account is None:
        say("account   none known at the broker")
    else:
        frozen = ", FROZEN" if account.get("frozen") else ""
        say(f"account   {account['balance']} at the broker{frozen}")
    states = found["coins_by_state"]
    counted = ", ".join(f"{states[state]} {STATES[state]}" for state in STATES if state in states)
    coins = in_words(len(found["coins"]), "coin")
    say(f"wallet    {coins}: {counted}" if counted else "wallet    no coins")
    owned = [coin for coin in found["coins"] if coin["state"] in OWNED]
    if owned:
        say()
        show_table(["coin", "issued to", ">serial", ">step", "state"], [_row(c) for c in owned])


def _row(coin: dict[str, Any]) -> list[str]:
    return [
        str(coin["chain"])[:SHOWN_CHARACTERS],
        str(coin["owner_name"]),
        str(coin["serial"]),
        str(coin["index"]),
        STATES.get(coin["state"], coin["state"]),
    ]


def _name(world: "World", id: str) -> str:
    node = world.with_id(id)
    return node.name if node else id[:SHOWN_CHARACTERS]
