"""What it costs to move a trust value (PC-A10)."""

from scenarios.adversaries.outsider import Outsider


def said(*cheats: Outsider) -> int:
    """Requests and register operations these have made so far, enrolment included."""
    return sum(
        row.direction == "out" and row.kind in ("request", "register")
        for cheat in cheats
        for row in cheat.party.observer.rows()
    )


def cost(moved: float, *, sales: int, coins: int, messages: int) -> str:
    """By 0.1 of trust."""
    parts = moved / 0.1
    return (
        f"per 0.1: {sales / parts:.1f} sales, {coins / parts:.1f} coins, "
        f"{messages / parts:.1f} messages"
    )
