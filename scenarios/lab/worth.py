"""What every party is worth, by what the ledgers show; and what has moved between two moments."""

from collections import Counter, defaultdict
from collections.abc import Mapping

from nodes.protocols.electronic_cash.holding import CoinPhase
from scenarios.lab.books import Books, Ledger
from scenarios.lab.parties import owned

Worth = Mapping[str, Counter[str]]
"""By party's name (or what stands for one), by unit."""
ACCOUNT, COINS, BANK, CASH, PREPAID, ITEMS = (
    "account",
    "coins",
    "bank account",
    "e-cash",
    "prepaid",
    "items",
)


def worth(books: Books) -> Worth:
    """Coins by the newest certified register of each; e-cash as its coin server keeps it."""
    names = {ledger.party: ledger.name for ledger in books.ledgers.values()}
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for party, coins in owned(books).items():
        found[names.get(party, party[:8])][COINS] += coins
    for ledger in books.ledgers.values():
        for account in ledger.accounts:
            found[names.get(account.owner, account.owner[:8])][ACCOUNT] += account.balance
        for row in ledger.cash_accounts:
            found[names.get(row.owner, row.owner[:8])][BANK] += row.balance
        for pseudonym in ledger.pseudonyms:
            found[f"pseudonym {pseudonym.pseudonym[:8]}"][PREPAID] += pseudonym.balance
        for item in ledger.items:
            if not item.replaced_by:
                found[names.get(item.owner, item.owner[:8])][ITEMS] += 1
        found[ledger.name][CASH] += _cash(books, ledger)
    return found


def _cash(books: Books, ledger: Ledger) -> int:
    """A wallet may still show what was spent behind its back: the coin server's rows decide.

    A coin that its server denies and keeps in circulation is its holder's, who can prove that.
    """
    circulating = {row.serial for other in books.ledgers.values() for row in other.cash_coins}
    return sum(
        coin.amount
        for coin in ledger.cash_wallet
        if coin.state in (CoinPhase.HELD, CoinPhase.DISPUTED) and coin.serial in circulating
    )


def moved(before: Worth, after: Worth) -> dict[tuple[str, str], int]:
    """By party and unit: how much more there is; what stayed as it was is not named."""
    changes = {}
    for party in dict.fromkeys([*before, *after]):
        old, new = before.get(party, Counter()), after.get(party, Counter())
        for unit in dict.fromkeys([*old, *new]):
            if new[unit] != old[unit]:
                changes[party, unit] = new[unit] - old[unit]
    return changes
