"""The judges of all protocols, by protocol."""

from collections.abc import Callable, Iterable, Mapping

from nodes.protocols.anonymous_micropayment import judge as prepaid
from nodes.protocols.dht_micropayment import judge as coins
from nodes.protocols.electronic_cash import judge as cash
from nodes.protocols.escrow_commerce import judge as sales
from nodes.protocols.evidence import Denial, Keys, Ruled
from nodes.protocols.item_trading import judge as items
from scenarios.lab.evidence_files import Case

Judge = Callable[[Iterable[bytes], Keys], list[Ruled]]
JUDGES: Mapping[str, Judge] = {
    sales.PROTOCOL: sales.denials,
    coins.PROTOCOL: coins.judge,
    items.PROTOCOL: items.judge,
    cash.PROTOCOL: cash.judge,
    prepaid.PROTOCOL: prepaid.judge,
}
DENIALS: Mapping[str, tuple[Denial, ...]] = {
    sales.PROTOCOL: sales.DENIALS,
    coins.PROTOCOL: coins.DENIALS,
    items.PROTOCOL: items.DENIALS,
    cash.PROTOCOL: cash.DENIALS,
    prepaid.PROTOCOL: prepaid.DENIALS,
}
"""What each can be asked."""


def rule_on(case: Case) -> list[Ruled]:
    """Each denial once, the same verdict said once."""
    judge = JUDGES.get(case.protocol)
    return [] if judge is None else list(dict.fromkeys(judge(case.pieces, case.keys)))
