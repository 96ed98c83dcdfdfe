"""What must hold of each account by itself: it is its opening and what was moved since.

The sums over all accounts (scenarios.lab.checks, cash_checks) say that something is wrong; these
rules say where. What moves an account and the row that says so are one transaction at its keeper,
so nothing is ever on its way between them.
"""

from collections import Counter
from collections.abc import Iterator, Mapping

from nodes.protocols.anonymous_micropayment.values import Standing
from nodes.protocols.electronic_cash.state import DepositPhase, WithdrawalPhase
from scenarios.lab.books import Books, Ledger
from scenarios.lab.checks import brokers, judged, opened_with, silent
from scenarios.lab.run import Check
from scenarios.lab.wording import count

TAKEN = frozenset({Standing.ACCEPTED, Standing.HANDED_ON})
"""An order in one of these states has left its pseudonym for good."""


def accounts_are_what_was_moved(books: Books) -> Check:
    """At the broker: coins, vouchers and orders."""
    faults: list[str] = []
    accounts = 0
    for broker in brokers(books):
        moved = _moved_at_broker(broker)
        for account in broker.accounts:
            accounts += 1
            makes = opened_with(account, broker, books) + moved[account.owner]
            if account.balance != makes:
                who = books.called(account.owner)
                faults.append(f"{who} has {account.balance}, but what was moved makes {makes}")
    fine = f"{count(accounts, 'account')} as moved"
    return judged("each account is what was moved", fine, faults=faults, open_=silent(books))


def _moved_at_broker(broker: Ledger) -> Counter[str]:
    moved: Counter[str] = Counter()
    for coin in broker.issued:
        moved[coin.owner] -= 1
    for gone in broker.redeemed:
        moved[gone.to] += 1
    for row in broker.voucher_accounts:
        moved[row.owner] += row.taken - row.issued
    for order in broker.orders:
        if order.state == Standing.ACCEPTED:
            moved[order.account] += order.amount
        elif order.state == Standing.HANDED_ON:
            moved[order.handed_to] += order.amount
    return moved


def bank_accounts_are_what_was_moved(books: Books) -> Check:
    """At the bank: withdrawals that were not given back, and deposits that were credited."""
    faults: list[str] = []
    accounts = 0
    for bank in books.ledgers.values():
        moved = _moved_at_bank(bank)
        for account in bank.cash_accounts:
            accounts += 1
            makes = account.opened_with + moved[account.owner]
            if account.balance != makes:
                who = books.called(account.owner)
                faults.append(f"{who} has {account.balance}, but what was moved makes {makes}")
    name = "each account at the bank is what was moved"
    return judged(name, f"{count(accounts, 'account')} as moved", faults=faults)


def _moved_at_bank(bank: Ledger) -> Counter[str]:
    moved: Counter[str] = Counter()
    for withdrawal in bank.cash_withdrawals:
        if withdrawal.state != WithdrawalPhase.VOID:
            moved[withdrawal.owner] -= withdrawal.amount
    for deposit in bank.cash_deposits:
        if deposit.state == DepositPhase.CREDITED:
            moved[deposit.owner] += deposit.amount
    return moved


# pseudonyms


def pseudonyms_are_what_was_moved(books: Books) -> Check:
    """Deposits less orders and refunds; and each settled number is one that is used."""
    faults: list[str] = []
    pseudonyms = 0
    for broker in brokers(books):
        moved = _moved_under(broker)
        for row in broker.pseudonyms:
            pseudonyms += 1
            if row.balance != moved[row.pseudonym]:
                faults.append(
                    f"pseudonym {row.pseudonym[:8]} has {row.balance}, "
                    f"but what was moved makes {moved[row.pseudonym]}"
                )
            faults += _numbers_wrong(broker, row.pseudonym, row.highest, set(row.used))
    name = "each pseudonym is what was moved"
    return judged(name, f"{count(pseudonyms, 'pseudonym')} as moved", faults=faults)


def _moved_under(broker: Ledger) -> Counter[str]:
    moved: Counter[str] = Counter()
    for deposit in broker.deposits:
        moved[deposit.pseudonym] += deposit.amount
    for refund in broker.refunds:
        moved[refund.pseudonym] -= refund.amount
    for order in broker.orders:
        if order.state in TAKEN:
            moved[order.pseudonym] -= order.amount
    return moved


def _numbers_wrong(broker: Ledger, pseudonym: str, highest: int, used: set[int]) -> Iterator[str]:
    settled = {order.number: order for order in broker.orders if order.pseudonym == pseudonym}
    if highest != max(settled, default=0):
        yield f"pseudonym {pseudonym[:8]}: {highest} is no number of its newest order"
    for number in sorted(used - settled.keys()):
        yield f"pseudonym {pseudonym[:8]}: number {number} is used and settles no order"
    oldest = min(used, default=0)
    for number, order in sorted(settled.items()):
        if number not in used and number > oldest:
            yield f"pseudonym {pseudonym[:8]}: number {number} of {order.amount} could serve again"


def vouchers_are_what_was_moved(books: Books) -> Check:
    """Those that are out were paid for and lie with customers, unless they are being paid in."""
    name = "vouchers are paid for, and in wallets"
    faults: list[str] = []
    out = 0
    for broker in brokers(books):
        known, out = broker.vouchers, out + broker.vouchers.outstanding
        bought = sum(row.issued for row in broker.voucher_accounts)
        bought += sum(row.amount for row in broker.refunds)
        back = sum(row.taken for row in broker.voucher_accounts) - broker.cash_taken
        back += sum(row.amount for row in broker.deposits)
        if known.issued != bought:
            faults.append(f"vouchers of {known.issued} were issued, and {bought} paid for")
        if known.taken != back:
            faults.append(f"vouchers of {known.taken} were taken, and {back} credited")
    held = sum(ledger.held_vouchers for ledger in books.ledgers.values())
    lost = [f"vouchers of {out} are out, customers have {held}"] if held != out else []
    return judged(name, f"{out} in wallets", faults=faults, open_=silent(books) + lost)


# who knows what


def customers_know_their_pseudonyms(books: Books) -> Check:
    """A customer and the broker say the same of a pseudonym, once nothing is under way."""
    faults: list[str] = []
    open_ = silent(books)
    at_broker = {row.pseudonym: row for broker in brokers(books) for row in broker.pseudonyms}
    back = _given_back(books)
    wallets = 0
    for party, ledger in books.ledgers.items():
        for wallet in ledger.wallets:
            row = at_broker.get(wallet.pseudonym)
            if row is None:
                continue  # never funded
            wallets += 1
            wrong = []
            if not 0 <= row.balance - wallet.balance <= back[wallet.pseudonym]:
                wrong.append(f"{wallet.balance} left, the broker {row.balance}")
            if wallet.next_number <= row.highest:
                wrong.append(f"number {wallet.next_number} next, the broker {row.highest} as used")
            lines = [f"{party} has pseudonym {wallet.pseudonym[:8]} with {it}" for it in wrong]
            (open_ if _is_buying(books, party) else faults).extend(lines)
    name = "customers and broker agree on each pseudonym"
    return judged(name, count(wallets, "pseudonym"), faults=faults, open_=open_)


def _given_back(books: Books) -> Counter[str]:
    """What a customer may not have heard of."""
    back: Counter[str] = Counter()
    for broker in brokers(books):
        for order in broker.orders:
            if order.state == Standing.GIVEN_BACK:
                back[order.pseudonym] += order.amount
    return back


def _is_buying(books: Books, party: str) -> bool:
    entries = books.entries.get(party, ())
    return any(entry.protocol == PREPAID and entry.final is False for entry in entries)


PREPAID = "anonymous_micropayment"
CANNOT: Mapping[str, Mapping[str, frozenset[str]]] = {
    Standing.ACCEPTED: {
        "vendor": frozenset({"rejected", "given-back", "handed-on"}),
        "customer": frozenset({"rejected", "voided", "given-back"}),
    },
    Standing.REJECTED: {
        "vendor": frozenset({"paid", "given-back", "handed-on"}),
        "customer": frozenset({"delivered", "owed", "given-back"}),
    },
    Standing.GIVEN_BACK: {
        "vendor": frozenset({"rejected", "handed-on"}),
        "customer": frozenset({"rejected", "voided"}),
    },
    Standing.HANDED_ON: {
        "vendor": frozenset({"rejected", "given-back"}),
        "customer": frozenset({"rejected", "voided", "given-back"}),
    },
    Standing.NOTHING: {
        "vendor": frozenset({"paid", "given-back", "handed-on"}),
        "customer": frozenset({"delivered", "owed", "given-back"}),
    },
}
"""By what the broker decided of an order: what vendor and customer cannot believe of it."""


def orders_agree(books: Books) -> Check:
    """Broker, vendor and customer say the same of each order."""
    name = "all agree on each order"
    settled = {order.order: order for b in brokers(books) for order in b.orders if order.order}
    faults: list[str] = []
    for party, entries in books.entries.items():
        for entry in entries:
            if entry.protocol != PREPAID or not entry.order:
                continue
            known = settled.get(entry.order)
            stands = known.state if known else Standing.NOTHING.value
            if entry.state in CANNOT.get(stands, {}).get(entry.side, frozenset()):
                faults.append(
                    f"order {entry.id[:8]}{entry.worth} is {entry.state} to {party}, "
                    f"and {stands} at the broker"
                )
    open_ = silent(books)
    if open_ and not brokers(books):
        return judged(name, "", open_=open_)
    return judged(name, count(len(settled), "order"), faults=faults, open_=open_)


def only_proven_cheats_are_frozen(books: Books) -> Check:
    """An account is frozen for a coin that its owner spent twice, and for nothing else."""
    faults: list[str] = []
    frozen = 0
    for broker in brokers(books):
        culprits = {coin.culprit: coin.serial for coin in broker.frozen}
        for account in broker.accounts:
            frozen += account.frozen
            who, serial = books.called(account.owner), culprits.get(account.owner)
            if account.frozen and serial is None:
                faults.append(f"{who} is frozen with {account.balance}, and spent no coin twice")
            elif serial is not None and not account.frozen:
                faults.append(f"{who} spent coin {serial} twice, and its {account.balance} is free")
    name = "accounts are frozen for double spending only"
    return judged(name, f"{frozen} frozen", faults=faults)


def has_pseudonyms(books: Books) -> bool:
    return any(ledger.pseudonyms or ledger.wallets for ledger in books.ledgers.values())


ACCOUNT_RULES = (accounts_are_what_was_moved, only_proven_cheats_are_frozen)
BANK_RULES = (bank_accounts_are_what_was_moved,)
PSEUDONYM_RULES = (
    pseudonyms_are_what_was_moved,
    vouchers_are_what_was_moved,
    customers_know_their_pseudonyms,
    orders_agree,
)
