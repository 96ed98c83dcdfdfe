"""E-cash, prepaid purchases and items in a soak."""

from scenarios.lab.item_dramas import PAYS
from scenarios.lab.prepaid_dramas import GOODS, TEXT
from scenarios.lab.world import Node
from scenarios.soak.deeds import Deed, Hands
from scenarios.soak.history import Happening

COIN_SERVERS = ("coin-server-1", "coin-server-2")
GAME, MARKET = "game-server-1", "market-1"
CASH_PURSE = 32
PREPAID, PRICE = 12, 4
ITEM, ITEM_PRICE = "Sword of dawn", 3


async def fill_wallet(hands: Hands, node: Node, wanted: int, coin_server: str) -> None:
    rows = (await hands.ledger(node)).get("cash_wallet", [])
    held = sum(
        int(row["amount"])
        for row in rows
        if row["state"] == "held" and row["coin_server"] == hands.node(coin_server).id
    )
    if held < wanted:
        await _withdraw(hands, node, CASH_PURSE, coin_server)


async def _withdraw(hands: Hands, node: Node, amount: int, coin_server: str) -> str:
    asked = {"amount": amount, "coin_server": coin_server}
    taken = await hands.begin(node, "user", "cash_withdraw", **asked)
    return await hands.end_of(node, taken)


async def _order(hands: Hands, node: Node, operation: str, **fields: object) -> str:
    made = await hands.begin(node, "holder", operation, **fields)
    rows = await hands.owners.see_all_through(node, made)
    return ", ".join(f"{row['what']} {row['state']}" for row in rows)


def coin_server_of(h: Happening) -> str:
    return COIN_SERVERS[h.number % 2]


async def cash_withdraw(hands: Hands, h: Happening) -> str:
    return await _withdraw(hands, hands.node(h.who[0]), h.amount, coin_server_of(h))


async def cash_pay(hands: Hands, h: Happening) -> str:
    """At the merchant's coin server, which may be the other one."""
    user, merchant = map(hands.node, h.who)
    await fill_wallet(hands, user, h.amount, COIN_SERVERS[0])
    await hands.owners.ask(merchant, "cash_use", coin_server=coin_server_of(h))
    return await _order(hands, user, "cash_pay", to=merchant.name, amount=h.amount)


async def cash_exchange(hands: Hands, h: Happening) -> str:
    user = hands.node(h.who[0])
    await fill_wallet(hands, user, h.amount, COIN_SERVERS[0])
    return await _order(hands, user, "cash_exchange", amounts=[h.amount])


async def cash_deposit(hands: Hands, h: Happening) -> str:
    user, server = hands.node(h.who[0]), coin_server_of(h)
    await fill_wallet(hands, user, h.amount, server)
    return await _order(hands, user, "cash_deposit", amount=h.amount, coin_server=server)


async def prepay(hands: Hands, h: Happening) -> str:
    return await _prepay(hands, hands.node(h.who[0]))


async def _prepay(hands: Hands, customer: Node) -> str:
    if not (await hands.ledger(customer))["wallets"]:
        named = await hands.begin(customer, "customer", "pid_pseudonym")
        await hands.end_of(customer, named)
    asked = {"amount": PREPAID, "by": "voucher"}
    begun = await hands.begin(customer, "customer", "pid_deposit", **asked)
    rows = await hands.owners.see_all_through(customer, begun)
    return ", ".join(str(row["state"]) for row in rows)


async def prepaid_purchase(hands: Hands, h: Happening) -> str:
    customer, vendor = map(hands.node, h.who)
    await hands.owners.ask(vendor, "pid_sell", goods=GOODS, price=PRICE, text=TEXT)
    wallets = (await hands.ledger(customer))["wallets"]
    if not wallets or wallets[-1]["balance"] < PRICE:
        await _prepay(hands, customer)
    order = {"vendor": vendor.name, "goods": GOODS, "price": PRICE}
    placed = await hands.begin(customer, "customer", "pid_buy", **order)
    return await hands.end_of(customer, placed, {"owed": "pid_ask"})


async def sell_item(hands: Hands, h: Happening) -> str:
    return await _sell(hands, h, 1)


async def sell_item_directly(hands: Hands, h: Happening) -> str:
    return await _sell(hands, h, 2)


async def _sell(hands: Hands, h: Happening, model: int) -> str:
    """An item found for it changes hands, if both go through with it."""
    buyer, seller = map(hands.node, h.who)
    owners, game, market = hands.owners, hands.node(GAME), hands.node(MARKET)
    await fill_wallet(hands, buyer, ITEM_PRICE, COIN_SERVERS[0])
    found = await owners.ask(game, "item_found", owner=seller.name, item=ITEM)
    wanted = {"game_server": GAME, "item": found["item"]}
    serial = (await owners.ask(seller, "item_certificate", **wanted))["serial"]
    offer = {"serial": serial, "market": MARKET, "price": ITEM_PRICE, "model": model}
    listing = await hands.begin(seller, "offering", "item_sell", **offer)
    offered = await hands.end_of(seller, listing)
    shown = await owners.ask(buyer, "item_list", market=market.name)
    lines = [item["listed"] for item in shown["items"] if item["listing"] == listing]
    if not lines:
        return f"offer {offered}, and not on the list"
    asked = {"market": market.name, "listed": lines[0]}
    ordered = await hands.begin(buyer, "buyer", "item_order", **asked)
    return await hands.end_of(buyer, ordered, PAYS, side="buyer")


CASH_DEEDS: dict[str, Deed] = {
    "cash_withdraw": cash_withdraw,
    "cash_pay": cash_pay,
    "cash_exchange": cash_exchange,
    "cash_deposit": cash_deposit,
    "prepay": prepay,
    "prepaid_purchase": prepaid_purchase,
    "sell_item": sell_item,
    "sell_item_directly": sell_item_directly,
}
