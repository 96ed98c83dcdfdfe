"""The parties of a run, as its report shows them: symbol, what each held before and after."""

from collections import Counter
from collections.abc import Iterable, Mapping

from nodes.protocols.electronic_cash.holding import CoinPhase
from nodes.protocols.message import Role
from scenarios.lab.books import Books, Ledger
from scenarios.lab.registers import Registers
from scenarios.lab.run import KEPT_FOR_OTHERS, Learned, PartyView
from scenarios.lab.wording import count
from scenarios.lab.world import Node

SYMBOLS: Mapping[str, str] = {
    Role.CERTIFICATE_AUTHORITY: "CA",
    Role.BROKER: "B",
    Role.CENTRAL_SERVER: "CS",
    Role.ESCROW_SERVER: "ES",
    Role.BANK_ACCOUNT_SERVER: "B",
    Role.COIN_SERVER: "S",
}
"""The papers' letters for the servers; a scenario names its peers itself."""

Holdings = dict[str, int | str]


def party_views(
    nodes: Iterable[Node],
    symbols: Mapping[str, str],
    before: Books,
    after: Books,
    learned: Mapping[str, list[Learned]],
) -> list[PartyView]:
    were, are = owned(before), owned(after)
    return [
        PartyView(
            name=node.name,
            role=node.role,
            symbol=symbols.get(node.name, SYMBOLS.get(node.role, "")),
            id=node.id,
            before=holdings(before, node.name, were),
            after=holdings(after, node.name, are),
            learned=learned.get(node.name, []),
            note="" if node.name in after.ledgers else "It was down at the end.",
        )
        for node in nodes
    ]


def owned(books: Books) -> Counter[str]:
    """How many live coins are whose, by their registers: party id to number."""
    registers = Registers(books)
    found: Counter[str] = Counter()
    for ledger in books.ledgers.values():
        for coin in ledger.issued:
            life = registers.life(bytes.fromhex(coin.owner), coin.serial)
            if not life.closed:
                found[life.newest.payee.hex() if life.newest else coin.owner] += 1
    return found


def holdings(books: Books, name: str, coins: Mapping[str, int]) -> Holdings:
    """What a party holds, as far as any ledger shows it. `coins` by party id."""
    ledger = books.ledgers.get(name)
    if ledger is None:
        return {}
    found: Holdings = {}
    for other in books.ledgers.values():
        for account in other.accounts:
            if account.owner == ledger.party:
                found["account"] = account.balance
                if account.frozen:
                    found["account is"] = "frozen"
        for offer in other.offers:
            if offer.seller == ledger.party:
                found["trust"] = f"{offer.trust:+.2f} ({count(offer.ratings, 'rating')})"
    if ledger.accounts:
        found["coins outstanding"] = len(ledger.issued) - len(ledger.redeemed)
    elif "account" in found or coins.get(ledger.party):
        found["coins"] = coins.get(ledger.party, 0)
    found |= _cash(books, ledger)
    if ledger.offers:
        found["offers"] = len(ledger.offers)
    if ledger.registers:
        found[KEPT_FOR_OTHERS] = len(ledger.registers)
    found |= {f"sales {state}": n for state, n in _states(books, name).items()}
    return found


def _cash(books: Books, ledger: Ledger) -> Holdings:
    """E-cash: in an account and in a wallet, or what a server has in its books."""
    found: Holdings = {}
    for other in books.ledgers.values():
        for account in other.cash_accounts:
            if account.owner == ledger.party:
                found["at the bank"] = account.balance
    if ledger.cash_wallet or "at the bank" in found:
        held = [coin.amount for coin in ledger.cash_wallet if coin.state == CoinPhase.HELD]
        found["e-cash"] = _sum(held)
    if ledger.cash_outstanding:
        found["e-cash outstanding"] = sum(row.amount for row in ledger.cash_outstanding)
    if ledger.cash_journal is not None:
        found["e-cash circulating"] = _sum([coin.amount for coin in ledger.cash_coins])
        if ledger.cash_pending:
            found["e-cash waiting for a judge"] = sum(row.amount for row in ledger.cash_pending)
    return found


def _sum(amounts: list[int]) -> str:
    return f"{sum(amounts)} in {count(len(amounts), 'coin')}" if amounts else "0"


def _states(books: Books, name: str) -> Counter[str]:
    return Counter(sale.state for sale in books.ledgers[name].sales)
