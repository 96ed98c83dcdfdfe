"""What must hold of the e-cash: value, the bank's books, journals, wallets, serial numbers.

Between two steps value lies in no book, or in two: an amount that left an account is held until
its coins are signed, coins are retired before they are credited, and a payment across coin servers
leaves one before it comes to the other. While any of this is under way a difference that it may
explain is no fault, and cannot be told; where nothing is under way every sum is exact.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from nodes.protocols.electronic_cash.holding import CoinPhase
from scenarios.lab.books import Books, Ledger
from scenarios.lab.cash_books import WalletCoin
from scenarios.lab.cash_sales import cash_of_sales_went_where_it_was_due
from scenarios.lab.checks import judged, silent
from scenarios.lab.run import Check
from scenarios.lab.sale_checks import is_final
from scenarios.lab.wording import count

CASH = "electronic_cash"
COUNTED = (CoinPhase.HELD, CoinPhase.PLEDGED, CoinPhase.DISPUTED)
"""Coins that a wallet counts as its own; a pledged one may be spent already, and one in dispute is
denied by its coin server."""


def has_cash(books: Books) -> bool:
    """Whether anybody ever had any: without it there is nothing to judge."""
    return any(
        ledger.cash_accounts or ledger.cash_outstanding or ledger.cash_coins or ledger.cash_wallet
        for ledger in books.ledgers.values()
    )


def _banks(books: Books) -> list[Ledger]:
    return [ledger for ledger in books.ledgers.values() if ledger.cash_accounts]


def _coin_servers(books: Books) -> dict[str, Ledger]:
    """By id."""
    ledgers = books.ledgers.values()
    return {ledger.party: ledger for ledger in ledgers if ledger.cash_journal is not None}


def _at(ledger: Ledger) -> int:
    """What a coin server's coins are worth by its own books."""
    circulating = sum(coin.amount for coin in ledger.cash_coins)
    return circulating + sum(waiting.amount for waiting in ledger.cash_pending)


@dataclass(frozen=True)
class _UnderWay:
    """Why one coin server's books and the bank's may differ for the moment."""

    held: int = 0
    redeeming: int = 0
    answers: int = 0
    debts: int = 0

    def __bool__(self) -> bool:
        return bool(self.held or self.redeeming or self.answers or self.debts)

    def __str__(self) -> str:
        parts = []
        if self.held:
            parts.append(f"{self.held} being withdrawn")
        if self.redeeming:
            parts.append(f"{self.redeeming} being deposited")
        if self.answers:
            parts.append(f"{count(self.answers, 'answer')} not acknowledged")
        if self.debts:
            parts.append(f"{count(self.debts, 'debt')} being cleared")
        return ", ".join(parts)


def _under_way(books: Books, server: Ledger) -> _UnderWay:
    me, banks, servers = server.party, _banks(books), _coin_servers(books).values()
    return _UnderWay(
        held=sum(h.amount for bank in banks for h in bank.cash_held if h.coin_server == me),
        redeeming=sum(
            o.redeeming for bank in banks for o in bank.cash_outstanding if o.coin_server == me
        ),
        answers=server.cash_journal or 0,
        debts=sum(me in (d.debtor, d.creditor) for other in servers for d in other.cash_debts),
    )


# Value


def cash_is_conserved(books: Books) -> Check:
    """Accounts, what is held, and all that circulates or waits add up to what accounts opened."""
    name = "e-cash conserved"
    banks, servers = _banks(books), _coin_servers(books).values()
    if not banks:
        return judged(name, "no accounts in this world", open_=silent(books))
    accounts = [account for bank in banks for account in bank.cash_accounts]
    opened = sum(account.opened_with for account in accounts)
    balances = sum(account.balance for account in accounts)
    held = sum(row.amount for bank in banks for row in bank.cash_held)
    outside = sum(map(_at, servers))
    there = balances + outside
    told = f"{count(len(accounts), 'account')} with {balances}, {outside} at coin servers"
    told += f", {held} held" if held else ""
    faults = [f"{books.called(a.owner)} has {a.balance}" for a in accounts if a.balance < 0]
    open_ = silent(books)
    moving = [f"{server.name}: {why}" for server in servers if (why := _under_way(books, server))]
    exact = not (open_ or moving)
    if there > opened or (exact and there + held < opened):
        faults.append(f"{told}: {there + held}, but {opened} was opened")
    elif there + held != opened:
        open_ = [*open_, f"{told}: {there + held} of {opened}", *moving]
    return judged(name, f"{told}, {opened} as opened", faults=faults, open_=open_)


def outstanding_is_what_circulates(books: Books) -> Check:
    """For each coin server the bank's books say what its own say, debts between servers counted."""
    name = "the bank's books say what circulates"
    faults: list[str] = []
    open_: list[str] = []
    servers, banks = _coin_servers(books), _banks(books)
    by_bank: Counter[str] = Counter()
    for bank in banks:
        by_bank.update({row.coin_server: row.amount for row in bank.cash_outstanding})
    owed: Counter[str] = Counter()
    for ledger in servers.values():
        for debt in ledger.cash_debts:
            owed.update({debt.debtor: debt.amount, debt.creditor: -debt.amount})
    for id_, ledger in servers.items():
        own, debts = _at(ledger), owed[id_]
        if by_bank[id_] == own + debts:
            continue
        told = f"{ledger.name} says {own}" + (f" and {debts:+d} in debts" if debts else "")
        told += f", the bank says {by_bank[id_]}"
        why = _under_way(books, ledger)
        if why or books.silent:
            open_.append(f"{told}: {why or 'somebody is silent'}")
        else:
            faults.append(told)
    open_ += [f"{books.called(id_)} is silent" for id_ in by_bank if id_ not in servers]
    total = sum(map(_at, servers.values()))
    fine = f"{total} at {count(len(servers), 'coin server')}"
    return judged(name, fine, faults=faults, open_=open_ or silent(books))


# What a coin server keeps


def journals_are_empty(books: Books) -> Check:
    """Once nothing is under way no coin server keeps an answer: it has no list of spent coins."""
    name = "coin servers keep no spent coins"
    servers = _coin_servers(books).values()
    kept = [
        f"{server.name} keeps {count(server.cash_journal, 'answer')}"
        for server in servers
        if server.cash_journal
    ]
    fine = f"{count(len(servers), 'empty journal')}"
    if books.silent or _anything_runs(books):
        return judged(name, fine, open_=kept or silent(books))
    return judged(name, fine, faults=kept)


def _anything_runs(books: Books) -> bool:
    entries = (entry for rows in books.entries.values() for entry in rows)
    running = any(entry.protocol == CASH and not is_final(entry) for entry in entries)
    return running or any(ledger.cash_debts for ledger in books.ledgers.values())


# Wallets


def wallets_hold_what_circulates(books: Books) -> Check:
    """A coin that somebody holds circulates at its coin server, for that amount."""
    name = "e-cash in wallets circulates"
    servers = _coin_servers(books)
    circulating = {
        (id_, coin.serial): coin.amount
        for id_, ledger in servers.items()
        for coin in ledger.cash_coins
    }
    faults: list[str] = []
    found = 0
    counted: set[tuple[str, str]] = set()
    for party, coin in _wallet_coins(books):
        place = (coin.coin_server, coin.serial)
        counted.add(place)
        if coin.state != CoinPhase.HELD or coin.coin_server not in servers:
            continue
        found += 1
        worth = circulating.get(place)
        if worth is None:
            told = f"coin {coin.serial[:8]} of {coin.amount}"
            faults.append(f"{party} counts {told}, which does not circulate")
        elif worth != coin.amount:
            faults.append(f"{party}'s coin {coin.serial[:8]} of {coin.amount} is one of {worth}")
    lost = [
        f"coin {serial[:8]} of {amount} at {books.called(id_)} is in no wallet"
        for (id_, serial), amount in circulating.items()
        if (id_, serial) not in counted
    ]
    return judged(name, count(found, "coin"), faults=faults, open_=lost or silent(books))


def _wallet_coins(books: Books) -> Iterator[tuple[str, WalletCoin]]:
    for name, ledger in books.ledgers.items():
        for coin in ledger.cash_wallet:
            if coin.state in COUNTED:
                yield name, coin


def no_serial_is_there_twice(books: Books) -> Check:
    """No serial number circulates twice, and no coin is two parties'."""
    name = "no e-cash coin twice"
    circulate: dict[str, list[int]] = defaultdict(list)
    for ledger in _coin_servers(books).values():
        for row in ledger.cash_coins:
            circulate[row.serial].append(row.amount)
    faults = [
        f"coin {serial[:8]} of {amounts[0]} circulates {len(amounts)} times"
        for serial, amounts in circulate.items()
        if len(amounts) > 1
    ]
    holders: dict[tuple[str, int], list[str]] = defaultdict(list)
    for party, coin in _wallet_coins(books):
        holders[coin.serial, coin.amount].append(party)
    faults += [
        f"coin {serial[:8]} of {amount} is counted by {' and '.join(sorted(parties))}"
        for (serial, amount), parties in holders.items()
        if len(parties) > 1
    ]
    return judged(name, count(len(circulate), "serial number"), faults=faults)


def prepaid_cash_is_there(books: Books) -> Check:
    """A broker holds as much e-cash as it credited under pseudonyms for it."""
    name = "e-cash credited under pseudonyms is there"
    faults: list[str] = []
    open_: list[str] = []
    taken = 0
    for party, ledger in books.ledgers.items():
        if not (ledger.pseudonyms or ledger.cash_taken):
            continue
        taken += ledger.cash_taken
        held = sum(coin.amount for coin in ledger.cash_wallet if coin.state in COUNTED)
        if held < ledger.cash_taken:
            faults.append(f"{party} credited {ledger.cash_taken} and has {held}")
        elif held > ledger.cash_taken:
            open_.append(f"{party} has {held} and credited {ledger.cash_taken}")
    return judged(name, f"{taken} credited", faults=faults, open_=open_ or silent(books))


CASH_RULES = (
    cash_is_conserved,
    outstanding_is_what_circulates,
    journals_are_empty,
    wallets_hold_what_circulates,
    no_serial_is_there_twice,
    prepaid_cash_is_there,
    cash_of_sales_went_where_it_was_due,
)
