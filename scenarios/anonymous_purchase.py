"""Anonymous prepaid micropayment (PID): a pseudonym, a deposit, and many purchases; section 3."""

import enum
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from typer import Option

from scenarios.lab.knowledge import look_at, what_all_know
from scenarios.lab.linking import How, Linker, Tie, common
from scenarios.lab.live import LiveRun
from scenarios.lab.node_client import Node
from scenarios.lab.scenario import main, scenario
from scenarios.privacy.anonymous_micropayment import implied
from scenarios.privacy.electronic_cash import implied as implied_by_coins

PROTOCOL, CASH = "anonymous_micropayment", "electronic_cash"
PUBLIC_KEY_OPERATIONS = ("sign", "verify", "seal", "open", "modular_exponentiation")
GOODS, POEM = "poem", "A pseudonym went to the market\nand came home with a poem."


class By(enum.StrEnum):
    VOUCHER = "voucher"
    ECASH = "ecash"


@scenario(
    title="Buying under a pseudonym",
    protocols=(PROTOCOL,),
    option_protocols={"by": {By.ECASH: (CASH,)}},
)
async def anonymous_purchase(
    run: LiveRun,
    *,
    purchases: Annotated[int, Option(min=1, max=50, help="How often the customer buys.")] = 3,
    price: Annotated[int, Option(min=1, max=100, help="Of one poem.")] = 4,
    hides: Annotated[bool, Option(help="Orders bear aliases: no vendor can link two.")] = False,
    by: Annotated[
        By, Option(help="What is paid in: the broker's vouchers, or e-cash.")
    ] = By.VOUCHER,
) -> None:
    """A customer prepays under a pseudonym and buys; neither vendor nor broker learns who it is.

    Steps 1 and 2 are taken once for a pseudonym, 3 and 4 once for a deposit, and 5 to 8 for each
    purchase, none of which takes an operation with a public key.
    """
    customer, vendor, stranger = run.cast("Cus", "Vend", "Cus'")
    broker, authority = run.broker, run.certificate_authority
    await vendor.control("pid_sell", goods=GOODS, price=price, text=POEM)
    await buys_too(stranger, vendor, price, hides=hides, by=by)
    accounts = {customer: run.cash_account if by is By.ECASH else run.balance, vendor: run.balance}
    before = {node: await account(node) for node, account in accounts.items()}
    total, left = purchases * price, 2

    naming = (await customer.control("pid_pseudonym"))["transaction"]
    await run.step("1", customer, "who it is, for the authority alone", of=naming)
    await run.step("2", customer, "PID and h(PID || BCA_key)", of=naming)
    await customer.until(naming, "named")

    await fund(run, customer, total + left, by)
    deposit = (await customer.control("pid_deposit", amount=total + left, hides=hides, by=by))[
        "transaction"
    ]
    await run.step("3", customer, f"{total + left} under the PID, sealed", of=deposit)
    await run.step("4", customer, "BCus_key, sealed to a fresh key", of=deposit)
    await customer.until(deposit, "confirmed")
    await customer.control("pid_catalogue", vendor=vendor.name)

    counted = {node: await operations(node) for node in (customer, vendor, broker)}
    asked = await run.messages_to(broker)
    bought = []
    for _ in range(purchases):
        placed = (await customer.control("pid_buy", vendor=vendor.name, goods=GOODS, price=price))[
            "transaction"
        ]
        await run.step("5", customer, "C_order", of=placed)
        await run.step("6", vendor, "claims it", of=placed)
        await run.step("7", vendor, "accept", of=placed)
        await run.step("8", customer, "B_respond and the poem", of=placed)
        bought.append(await customer.until(placed, "delivered"))

    same = all(bytes.fromhex(one["goods"]).decode() == POEM for one in bought)
    run.check("the customer has what it ordered", same, f"{purchases} poems")
    told = await run.messages_to(broker) - asked
    run.check("one message to the broker a purchase", told == purchases, f"{told} messages")
    for node in (customer, vendor, broker):
        spent = await operations(node) - counted[node]
        public = sum(spent[name] for name in PUBLIC_KEY_OPERATIONS)
        detail = f"{spent['mac']} keyed hashes, {public} operations with a public key"
        run.check(f"{node.name}: keyed hashes only", public == 0 < spent["mac"], detail)
    for node, change in ((customer, -total - left), (vendor, total)):
        balance, was = await accounts[node](node), before[node]
        run.check(f"{node.name}: {change:+d}", balance == was + change, f"{was} to {balance}")

    deeds = {deposit, *(one["id"] for one in bought)}
    known = what_all_know(await look_at(run.world), implied_by_both)
    linker = Linker(known, common([[known[customer.name]], [known[stranger.name]]]))
    bank_too = (
        (((run.bank, broker), False), ((run.bank, run.coin_servers[0], broker), True))
        if by is By.ECASH
        else ()
    )
    for coalition, can_tell in (
        *bank_too,
        ((vendor,), False),
        ((broker,), False),
        ((vendor, broker), False),
        ((authority,), False),
        ((authority, vendor), not hides),
        ((authority, broker), True),
    ):
        names = [node.name for node in coalition]
        found = linker.coalition(names).how(Tie.of(customer.id, deeds))
        who = f"{' and '.join(names)} {'can' if can_tell else 'cannot'} tell who bought"
        run.check(who, (found >= How.DERIVABLE) is can_tell, found.words)
    run.conclude(
        f"A pseudonym bought {purchases} poems from {vendor.name} for {price} each; "
        f"vendor and broker together cannot say that it is {customer.name}."
    )


async def operations(node: Node) -> Counter[str]:
    """What this node has spent on steps 5 and 6 so far."""
    rows: list[dict[str, Any]] = (await node.get("/inspect/counters"))["steps"]
    spent: Counter[str] = Counter()
    for row in rows:
        if row["protocol"] == PROTOCOL and row["step"] in ("5", "6"):
            spent.update({name: n for name, n in row.items() if isinstance(n, int)})
    return spent


async def fund(run: LiveRun, customer: Node, amount: int, by: By) -> None:
    """Money that does not say whose it was."""
    if by is By.ECASH:
        taken = (await customer.control("cash_withdraw", amount=amount))["transaction"]
        await run.step("W1", customer, f"{amount} from the bank", of=taken, protocol=CASH)
        await run.step("W4", customer, "coins, signed blindly", of=taken, protocol=CASH)
        await customer.until(taken, "completed")
        return
    bought = (await customer.control("pid_vouchers", amount=amount))["transaction"]
    await run.step("V3", customer, f"vouchers for {amount}, to be signed blindly", of=bought)
    await customer.until(bought, "held")


async def buys_too(stranger: Node, vendor: Node, price: int, *, hides: bool, by: By) -> None:
    """Somebody to be taken for: another customer of the same vendor."""
    if by is By.ECASH:
        taken = await stranger.control("cash_withdraw", amount=price)
        await stranger.until(taken["transaction"], "completed")
    for operation, state, fields in (
        ("pid_pseudonym", "named", {}),
        ("pid_deposit", "confirmed", {"amount": price, "hides": hides, "by": by}),
        ("pid_buy", "delivered", {"vendor": vendor.name, "goods": GOODS, "price": price}),
    ):
        asked = await stranger.control(operation, **fields)
        await stranger.until(asked["transaction"], state)


def implied_by_both(what: str, fields: Mapping[str, Any]) -> Iterable[str]:
    yield from implied(what, fields)
    yield from implied_by_coins(what, fields)


if __name__ == "__main__":
    main(anonymous_purchase)
