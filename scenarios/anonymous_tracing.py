"""Anonymous prepaid micropayment (PID): who is behind a pseudonym, and who may know; section 3."""

from typing import Annotated

from typer import Option

from scenarios.lab.failures import ControlRefused
from scenarios.lab.live import LiveRun
from scenarios.lab.scenario import main, scenario

PROTOCOL = "anonymous_micropayment"
GOODS, PRICE, PREPAID = "song", 5, 20


@scenario(title="Tracing a pseudonym, on evidence", protocols=(PROTOCOL,))
async def anonymous_tracing(
    run: LiveRun,
    *,
    hides: Annotated[bool, Option(help="Orders bear aliases in place of the PID.")] = False,
) -> None:
    """A vendor complains about an order; broker and authority together name the customer.

    Without a vendor's signed complaint the authority names nobody, and no one else can ask it.
    """
    customer, vendor = run.cast("Cus", "Vend")
    broker, authority = run.broker, run.certificate_authority
    await vendor.control("pid_sell", goods=GOODS, price=PRICE, text="la la la")

    naming = (await customer.control("pid_pseudonym"))["transaction"]
    await run.step("1", customer, "who it is", of=naming)
    await run.step("2", customer, "a PID", of=naming)
    await customer.until(naming, "named")
    deposit = (await customer.control("pid_deposit", amount=PREPAID, hides=hides))["transaction"]
    await run.step("3", customer, f"{PREPAID} under the PID", of=deposit)
    pseudonym = (await customer.until(deposit, "confirmed"))["pseudonym"]

    placed = (await customer.control("pid_buy", vendor=vendor.name, goods=GOODS, price=PRICE))[
        "transaction"
    ]
    await run.step("5", customer, "C_order", of=placed)
    await run.step("8", customer, "the song", of=placed)
    await customer.until(placed, "delivered")

    await refused(run, "no-evidence", "the broker asks without evidence", pseudonym=pseudonym)
    complaint = await vendor.control("pid_complain", transaction=placed, text="resells the song")
    await run.step("T0", vendor, "a signed complaint about the order", of=placed)
    evidence = complaint["evidence"]
    forged = evidence[:-1] + ("0" if evidence[-1] != "0" else "1")
    await refused(run, "evidence-does-not-fit", "another complaint than was made", evidence=forged)

    told = await broker.control("pid_trace", evidence=evidence)
    await run.step("T1", broker, "whose order that was, with the complaint")
    await run.step("T2", broker, f"{told['name']}")
    run.check("the name is the customer's", told["identity"] == customer.id, told["name"])

    traced = (await authority.get("/inspect/ledger"))["traced"]
    kept = [row for row in traced if row["identity"] == customer.id and row["broker"] == broker.id]
    run.check("the authority keeps whom it named, to whom and why", len(kept) == 1, kept[0]["text"])
    run.conclude(f"On {vendor.name}'s complaint broker and authority named {told['name']}.")


async def refused(run: LiveRun, code: str, what: str, **fields: str) -> None:
    """The broker's owner asks, and nobody is named."""
    try:
        await run.broker.control("pid_trace", **fields)
    except ControlRefused as error:
        await run.say(f"{what}: {error.code}")
        run.check(f"{what}: refused", error.code == f"{PROTOCOL}/{code}", error.code)
    else:
        run.check(f"{what}: refused", False, "somebody was named")


if __name__ == "__main__":
    main(anonymous_tracing)
