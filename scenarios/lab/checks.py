"""What must hold of the money and the coins, whatever was done with them.

Each rule reads the books and answers with one `Check`. It fails on what it finds, never on what
it cannot see: where a party is silent, or something is still on its way, it cannot tell.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

from dht.records import InvalidCertificate, RegisterName, check_certificate
from nodes.protocols.dht_micropayment.coin import NAMESPACE, chain_of
from scenarios.lab.books import Account, Books, KnownRoster, Ledger, body_of
from scenarios.lab.registers import Life, Registers, Value
from scenarios.lab.run import Check
from scenarios.lab.wording import count

Rule = Callable[[Books], Check]

SHOWN = 3
"""At most so many faults are spelt out in one check."""


def judged(name: str, fine: str, *, faults: Sequence[str] = (), open_: Sequence[str] = ()) -> Check:
    """`faults` break the rule; with `open_` questions it cannot be told; else it holds."""
    if faults:
        return Check(name, False, _told(faults))
    if open_:
        return Check(name, None, _told(open_))
    return Check(name, True, fine)


def _told(lines: Sequence[str]) -> str:
    more = len(lines) - SHOWN
    return "; ".join(lines[:SHOWN]) + (f"; and {more} more" if more > 0 else "")


def silent(books: Books) -> list[str]:
    return [f"{name} could not be asked: {why}" for name, why in sorted(books.silent.items())]


def brokers(books: Books) -> list[Ledger]:
    return [ledger for ledger in books.ledgers.values() if ledger.accounts or ledger.issued]


# Value


def value_is_conserved(books: Books) -> Check:
    """Accounts, coins outstanding and what is prepaid add up to what the accounts opened with.

    What came in as e-cash is beside that; the e-cash itself lies in the broker's wallet.
    """
    name = "value conserved"
    issuing = brokers(books)
    if not issuing:
        return judged(name, "no accounts in this world", open_=silent(books))
    faults: list[str] = []
    told: list[str] = []
    for broker in issuing:
        opened = sum(opened_with(account, broker, books) for account in broker.accounts)
        balances = sum(account.balance for account in broker.accounts)
        outstanding = len(broker.issued) - len(broker.redeemed)
        accounts, coins = count(len(broker.accounts), "account"), count(outstanding, "coin")
        held = f"{accounts} with {balances}, {coins} outstanding"
        prepaid = _prepaid(broker)
        if prepaid:
            held += f", {prepaid} prepaid"
        if broker.cash_taken:
            held += f", {broker.cash_taken} paid in with e-cash"
            opened += broker.cash_taken
        there = balances + outstanding + prepaid
        if there != opened:
            faults.append(f"{held}: {there}, but {opened} was opened")
        told.append(f"{held}, {opened} as opened")
        faults += [
            f"pseudonym {row.pseudonym[:8]} has {row.balance}"
            for row in broker.pseudonyms
            if row.balance < 0
        ]
        faults += [
            f"{books.called(account.owner)} has {account.balance}"
            for account in broker.accounts
            if account.balance < 0
        ]
        faults += [
            f"{books.called(account.owner)} was opened with {account.opened_with}"
            for account in broker.accounts
            if account.opened_with not in (None, 0, _opening(broker, books))
        ]
    return judged(name, "; ".join(told), faults=faults)


def opened_with(account: Account, broker: Ledger, books: Books) -> int:
    """What A1 gave this account, by the broker's row or by what it gives to all."""
    if account.opened_with is not None:
        return account.opened_with
    return _opening(broker, books)


def _opening(broker: Ledger, books: Books) -> int:
    opening = broker.opening_balance
    return books.opening_balance if opening is None else opening


def _prepaid(broker: Ledger) -> int:
    """Under pseudonyms, and in vouchers that lie with somebody."""
    return sum(row.balance for row in broker.pseudonyms) + broker.vouchers.outstanding


def coins_issued_live_once(books: Books) -> Check:
    """Each (U, sn) is issued once; until it is redeemed exactly one generation of it is open."""
    registers = Registers(books)
    faults: list[str] = []
    on_the_way: list[str] = []
    live = 0
    for broker in brokers(books):
        faults += _bookkeeping(broker)
        redeemed = {(coin.owner, coin.serial) for coin in broker.redeemed}
        for coin in broker.issued:
            life = registers.life(bytes.fromhex(coin.owner), coin.serial)
            is_redeemed = (coin.owner, coin.serial) in redeemed
            live += not is_redeemed
            if is_redeemed and not life.closed:
                faults.append(f"coin {coin.serial} was credited, but no register says redeemed")
            elif life.closed and not is_redeemed:
                on_the_way.append(f"coin {coin.serial} is on its way to the broker")
    faults += _minted(books, registers)
    name = "issued minus redeemed is what lives"
    return judged(name, f"{live} live", faults=faults, open_=on_the_way or silent(books))


def _bookkeeping(broker: Ledger) -> list[str]:
    issued = Counter((coin.owner, coin.serial) for coin in broker.issued)
    redeemed = Counter((coin.owner, coin.serial) for coin in broker.redeemed)
    faults = [f"coin {serial} was issued twice" for (_, serial), n in issued.items() if n > 1]
    faults += [f"coin {serial} was redeemed twice" for (_, serial), n in redeemed.items() if n > 1]
    never = redeemed.keys() - issued.keys()
    return faults + [f"coin {serial} was redeemed and never issued" for _, serial in never]


def _minted(books: Books, registers: Registers) -> list[str]:
    """Certified chains that lead to no issued coin."""
    if not brokers(books):
        return []
    lawful: set[bytes] = set()
    for broker in brokers(books):
        for coin in broker.issued:
            owner = bytes.fromhex(coin.owner)
            newest = registers.life(owner, coin.serial).generation
            lawful |= {chain_of(owner, coin.serial, g) for g in range(newest + 1)}
    return [
        f"chain {chain.hex()[:8]} of {_who_opened(books, registers, chain)} is certified and comes "
        "from no issued coin"
        for namespace, chain in registers.chains
        if namespace == NAMESPACE and chain not in lawful
    ]


def _who_opened(books: Books, registers: Registers, chain: bytes) -> str:
    return books.called(registers.chain(chain)[0].payee.hex())


# Registers


def nothing_accepted_twice(books: Books) -> Check:
    """Of the bodies that compete for one register at most one is certified."""
    registers = Registers(books)
    faults = [
        f"{registers.called(values[0].name)} is certified for {_payees(books, values)}"
        for place in registers.places()
        if len(values := registers.certified(place)) > 1
    ]
    certified = len(registers.all_certified())
    fine = f"{count(certified, 'register')} certified, each for one body"
    if registers.conflicts:
        fine += f"; {count(len(registers.conflicts), 'conflict')} shown and kept as evidence"
    return judged("nothing accepted twice", fine, faults=faults, open_=silent(books))


def nobody_voted_twice(books: Books) -> Check:
    """A replica's vote in a certificate is the vote it keeps, and one voter has one vote."""
    registers = Registers(books)
    votes: dict[tuple[RegisterName, bytes], set[bytes]] = defaultdict(set)
    for shown in books.certificates():
        certificate = shown.certificate
        if certificate is None:
            continue
        name, value = body_of(certificate).name, certificate.record.digest
        for vote in certificate.votes:
            votes[name, vote.voter].add(value)
    kept: dict[tuple[RegisterName, bytes], bytes] = {}
    for replica, row in books.registers():  # of two records the one voted for comes first
        place = row.name, bytes.fromhex(books.ledgers[replica].party)
        kept.setdefault(place, bytes.fromhex(row.digest))
    faults = [
        f"{books.called(voter.hex())} voted for {len(bodies)} bodies in {registers.called(name)}"
        for (name, voter), values in votes.items()
        if len(bodies := values | {kept.get((name, voter), next(iter(values)))}) > 1
    ]
    return judged("nobody voted twice", count(len(votes), "vote"), faults=faults)


def certificates_hold(books: Books) -> Check:
    """Every certificate a party keeps is checked from the roster alone, as any stranger could."""
    rosters = books.rosters()
    faults = [f"{name}: its roster is not signed by it" for name in books.forged_rosters()]
    unknown: list[str] = []
    good: set[str] = set()
    for shown in books.certificates():
        if shown.text in good:
            continue
        where = f"{shown.party}, {shown.what}"
        certificate = shown.certificate
        if certificate is None:
            faults.append(f"{where}: these bytes are no certificate")
            continue
        roster = rosters.get(certificate.epoch)
        if roster is None:
            unknown.append(f"{where}: no roster of epoch {certificate.epoch} is shown")
            continue
        try:
            check_certificate(certificate, roster.roster, roster.digest)
        except InvalidCertificate as error:
            faults.append(f"{where}: {error}")
        else:
            good.add(shown.text)
    name = "every certificate checks offline"
    return judged(name, count(len(good), "certificate"), faults=faults, open_=unknown)


def registers_on_their_replicas(books: Books) -> Check:
    """Every certified record lies on the k members closest to its key, and nowhere else."""
    name = "every register on its replicas"
    registers = Registers(books)
    certified = registers.all_certified()
    if not certified:
        return judged(name, "no register is written yet", open_=silent(books))
    rosters = books.rosters()
    if not rosters:
        return judged(name, "", open_=["no party shows a roster"])
    newest = rosters[max(rosters)]
    faults: list[str] = []
    missing: list[str] = []
    for value in certified:
        what = registers.called(value.name)
        wrong, lacking = _copies(books, value, what, newest, only_epoch=len(rosters) == 1)
        faults += wrong
        missing += lacking
    roster = newest.roster
    fine = f"{count(len(certified), 'register')} on {roster.k} of {len(roster.members)} peers each"
    return judged(name, fine, faults=faults, open_=missing)


def _copies(
    books: Books, value: Value, what: str, known: KnownRoster, *, only_epoch: bool
) -> tuple[list[str], list[str]]:
    """What is wrong with the copies of one record, and which are still missing."""
    names = books.names
    closest = [member.hex() for member in known.roster.closest(value.name.key)]
    shown = {names[member] for member in closest if member in names}
    unseen = len(closest) - len(shown)
    kept = shown & value.holders
    lacking, astray = sorted(shown - value.holders), sorted(value.holders - shown)
    faults = []
    if len(kept) + unseen < known.roster.q:
        faults.append(f"{what} is kept by {count(len(kept), 'peer')} only")
    if astray and only_epoch:
        faults.append(f"{', '.join(astray)} keeps {what}, being far from it")
    open_ = [f"{what} is missing on {', '.join(lacking)}"] if lacking else []
    if unseen:
        open_.append(f"{what} has {count(unseen, 'silent replica')}")
    return faults, open_


def _payees(books: Books, values: Sequence[Value]) -> str:
    return " and ".join(sorted(books.called(value.payee.hex()) for value in values))


# Holders


def coins_have_one_holder(books: Books) -> Check:
    """A coin is held by one party: the payee of its newest certified step."""
    registers = Registers(books)
    held: dict[tuple[str, int], list[str]] = defaultdict(list)
    faults: list[str] = []
    for party, coin in books.coins():
        if coin.state != "held":
            continue
        held[coin.identity].append(party)
        life = registers.life(bytes.fromhex(coin.owner), coin.serial)
        faults += _not_the_holder(books, party, (coin.generation, coin.index), life)
    for (_, serial), parties in held.items():
        if len(parties) > 1:
            faults.append(f"coin {serial} is held by {' and '.join(sorted(parties))}")
    fine = f"{count(len(held), 'coin')} held, each by one party"
    return judged("no coin held by two", fine, faults=faults, open_=silent(books))


def _not_the_holder(books: Books, party: str, step: tuple[int, int], life: Life) -> list[str]:
    """`step` is (generation, index) by which the party says it holds the coin."""
    if life.newest is None:
        return []  # withdrawn, and its first step not written yet
    newest = (life.generation, life.newest.place[2])
    if step < newest:
        return [f"{party} still counts coin {life.serial}, which went on from step {step[1]}"]
    payee = life.newest.payee.hex()
    if step == newest and payee != books.ledgers[party].party:
        return [f"{party} counts coin {life.serial}, which is {books.called(payee)}'s"]
    return []


def coins_are_where_they_belong(books: Books) -> Check:
    """Nobody lost a coin: whose it is by its register has it in its wallet."""
    registers = Registers(books)
    wallets: dict[tuple[str, int], set[str]] = defaultdict(set)
    for party, coin in books.coins():
        if coin.state in ("held", "incoming", "outgoing"):
            wallets[coin.identity].add(books.ledgers[party].party)
    names = books.names
    lost: list[str] = []
    found = elsewhere = 0
    for broker in brokers(books):
        for issued in broker.issued:
            life = registers.life(bytes.fromhex(issued.owner), issued.serial)
            holder = life.newest.payee.hex() if life.newest else issued.owner
            if life.closed:
                continue
            if holder not in names:
                elsewhere += 1
            elif holder in wallets[issued.owner, issued.serial]:
                found += 1
            else:
                lost.append(f"coin {issued.serial} is {names[holder]}'s, whose wallet lacks it")
    fine = f"{count(found, 'coin')} in the wallet of its holder"
    if elsewhere:
        fine += f", {elsewhere} with parties that show no ledger"
    return judged("nobody lost a coin", fine, open_=lost or silent(books))


COIN_RULES: tuple[Rule, ...] = (
    value_is_conserved,
    coins_issued_live_once,
    nothing_accepted_twice,
    nobody_voted_twice,
    certificates_hold,
    registers_on_their_replicas,
    coins_have_one_holder,
    coins_are_where_they_belong,
)
