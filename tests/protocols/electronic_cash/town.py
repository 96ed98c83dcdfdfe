"""A bank, two coin servers and two people with wallets: their records, and the rules between them.

Nothing here travels or is stored: each step takes what the rule before it made.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache

from crypto import codec
from crypto.blind_signature import BlindPrivateKey
from crypto.documents import Signed
from crypto.sealing import SealingKey
from crypto.signing import SigningKey
from nodes.protocols.electronic_cash import (
    circulation,
    clearing,
    deposit,
    exchange,
    issuing,
    payment,
    spending,
    withdrawal,
)
from nodes.protocols.electronic_cash.circulation import CoinServer
from nodes.protocols.electronic_cash.coin import (
    DenominationKey,
    KeyList,
    Serial,
    next_list,
    serial,
    serial_of,
)
from nodes.protocols.electronic_cash.documents import Debt, Spend
from nodes.protocols.electronic_cash.guards import deposit_id
from nodes.protocols.electronic_cash.holding import (
    CoinPhase,
    HeldCoin,
    Incoming,
    Spending,
    Withdrawing,
)
from nodes.protocols.electronic_cash.messages import (
    Accepted,
    Deliver,
    Deposited,
    Exchanged,
    Issued,
    Present,
    Redeemed,
    Retired,
    Withdraw,
)
from nodes.protocols.electronic_cash.spending import Wanted
from nodes.protocols.electronic_cash.state import (
    Account,
    BankDeposit,
    Change,
    Circulating,
    Entry,
    Outstanding,
    WaitingCoin,
    Withdrawal,
    WithdrawalPhase,
)
from nodes.protocols.electronic_cash.wallet import Wallet, choose
from nodes.protocols.guard import ALL_ON, Guards

DENOMINATIONS = (1, 2, 4, 8)
NOW = 1_000_000
LATER = NOW + 60_000
TRANSACTION = bytes(16)
AUTHORITY = SigningKey(bytes([9]) * 32)


@cache
def denomination_key(period: int, denomination: int) -> BlindPrivateKey:
    return BlindPrivateKey.generate()


@cache
def key_list(bank: bytes, period: int = 1) -> KeyList:
    keys = tuple(
        DenominationKey(period, d, denomination_key(period, d).public_key.encoded)
        for d in DENOMINATIONS
    )
    return next_list(AUTHORITY.public_key, bank, keys, None)


class Draw:
    """Different bytes each time, the same in every run."""

    def __init__(self, name: str) -> None:
        self._name, self._count = name, 0

    def __call__(self) -> bytes:
        self._count += 1
        return hashlib.sha256(f"{self._name} {self._count}".encode()).digest()


class Records:
    """What a coin server remembers."""

    def __init__(self) -> None:
        self.coins: dict[Serial, Circulating] = {}
        self.journal: dict[bytes, Entry] = {}
        self.waiting: dict[bytes, WaitingCoin] = {}
        self.last_number = 0

    def coin(self, serial_: Serial) -> Circulating | None:
        return self.coins.get(serial_)

    def serial_under(self, key: bytes) -> Serial | None:
        return next((s for s, coin in self.coins.items() if coin.key == key), None)

    def retirement(self, serial_: Serial) -> Spend | None:
        for entry in self.journal.values():
            if entry.spend is None:
                continue
            if serial_ in map(serial, circulation.read_spend(entry.spend).order.coins):
                return entry.spend
        return None

    def apply(self, change: Change) -> None:
        for serial_ in change.retired:
            del self.coins[serial_]
        for coin in change.issued:
            self.coins[serial_of(coin.key, coin.entropy)] = coin
        if change.entry is not None:
            self.journal[change.key] = change.entry
        if change.waiting is not None:
            self.waiting[change.waiting[0]] = change.waiting[1]

    @property
    def value(self) -> int:
        pending = sum(w.amount for w in self.waiting.values() if w.released_to is None)
        return sum(coin.amount for coin in self.coins.values()) + pending


class Server:
    """A coin server: its keys and its records."""

    def __init__(self, name: str, bank: bytes) -> None:
        seed = hashlib.sha256(name.encode()).digest()
        self.key, self.sealing_key = SigningKey(seed), SealingKey(seed)
        self.records, self.draw, self._bank = Records(), Draw(name), bank

    @property
    def id(self) -> bytes:
        return self.key.public_key

    def serving(
        self,
        guards: Guards = ALL_ON,
        now: int = NOW,
        draw: Callable[[], bytes] | None = None,
    ) -> CoinServer:
        return CoinServer(
            key=self.key,
            sealing_key=self.sealing_key,
            published=key_list(self._bank),
            now=now,
            journal_until=now + 1_000_000,
            draw=draw or self.draw,
            guards=guards,
        )


@dataclass
class Person:
    """A wallet and a name."""

    key: SigningKey
    wallet: Wallet
    coins: dict[Serial, HeldCoin] = field(default_factory=dict)
    next_index: int = 0

    @classmethod
    def named(cls, name: str) -> "Person":
        seed = hashlib.sha256(name.encode()).digest()
        return cls(SigningKey(seed), Wallet(hashlib.sha256(seed).digest()))

    @property
    def id(self) -> bytes:
        return self.key.public_key

    def index(self) -> int:
        self.next_index += 1
        return self.next_index

    def put(self, coins: Sequence[HeldCoin]) -> None:
        for held in coins:
            self.coins[serial(held.coin)] = held

    def spent(self, made: Spending) -> None:
        for serial_ in made.serials:
            self.coins[serial_] = self.coins[serial_].moved(CoinPhase.SPENT)

    @property
    def value(self) -> int:
        held = (h for h in self.coins.values() if h.state is CoinPhase.HELD)
        return sum(h.coin.amount for h in held)


class Town:
    """Everybody, and the honest course of each protocol."""

    def __init__(self, guards: Guards = ALL_ON) -> None:
        self.guards = guards
        self.bank_key = SigningKey(bytes([7]) * 32)
        self.first, self.second = Server("first", self.bank), Server("second", self.bank)
        self.alice, self.bob = Person.named("alice"), Person.named("bob")
        self.accounts = {p.id: Account(p.id, 100, 100) for p in (self.alice, self.bob)}
        self.outstanding = {s.id: Outstanding() for s in (self.first, self.second)}
        self.withdrawals: dict[bytes, Withdrawal] = {}
        self.deposits: dict[bytes, BankDeposit] = {}
        self.draw = Draw("bank")

    @property
    def bank(self) -> bytes:
        return self.bank_key.public_key

    @property
    def published(self) -> KeyList:
        return key_list(self.bank)

    @property
    def private_keys(self) -> dict[bytes, BlindPrivateKey]:
        return {
            key.modulus: denomination_key(key.period, key.denomination)
            for key in self.published.keys
        }

    def banking(self, guards: Guards | None = None) -> withdrawal.Bank:
        return withdrawal.Bank(self.bank_key, self.published, self.draw, guards or self.guards)

    @property
    def value(self) -> int:
        """Every account and hold, and everything in circulation."""
        held = sum(w.amount for w in self.withdrawals.values() if w.state is WithdrawalPhase.HELD)
        balances = sum(account.balance for account in self.accounts.values())
        return balances + held + self.first.records.value + self.second.records.value

    def ask(
        self, person: Person, denominations: tuple[int, ...], server: Server
    ) -> tuple[Withdrawing, Withdraw]:
        parties = withdrawal.Parties(person.id, self.bank, server.id, server.sealing_key.public_key)
        return withdrawal.ask(person.wallet, person.index(), parties, denominations, TRANSACTION)

    def accept(
        self, person: Person, request: Withdraw, *, used: bool = False
    ) -> withdrawal.Accepted:
        made = withdrawal.accept(
            request,
            self.accounts[person.id],
            self.outstanding[request.coin_server],
            nonce_used=used,
            bank=self.banking(),
            transaction=TRANSACTION,
        )
        self.accounts[person.id] = made.account
        self.outstanding[request.coin_server] = made.outstanding
        self.withdrawals[made.withdrawal.withdrawal] = made.withdrawal
        return made

    def issue(self, made: withdrawal.Accepted, server: Server) -> Issued:
        change, answer, number = issuing.issue(
            made.issue,
            self.bank,
            server.records.last_number,
            server.serving(self.guards),
            server.records,
        )
        server.records.apply(change)
        server.records.last_number = number
        return answer

    def sign(self, wid: bytes, issued: Issued, server: Server) -> Deliver:
        done, outstanding, delivery = withdrawal.sign(
            self.withdrawals[wid],
            issued,
            server.id,
            self.outstanding[server.id],
            self.private_keys,
            self.banking(),
        )
        self.withdrawals[wid], self.outstanding[server.id] = done, outstanding
        return delivery

    def withdraw(
        self, person: Person, denominations: tuple[int, ...], server: Server | None = None
    ) -> tuple[HeldCoin, ...]:
        """W1-W4."""
        server = server or self.first
        asked, request = self.ask(person, denominations, server)
        made = self.accept(person, request)
        asked = withdrawal.accepted(asked, made.answer, person.wallet)
        delivery = self.sign(asked.withdrawal, self.issue(made, server), server)
        _, coins = withdrawal.receive(asked, delivery, person.wallet, self.published, self.guards)
        person.put(coins)
        return coins

    def order(
        self,
        person: Person,
        wanted: Wanted,
        server: Server | None = None,
        coins: Sequence[HeldCoin] | None = None,
    ) -> Spending:
        server = server or self.first
        total = wanted.amount or sum(wanted.outputs or ())
        chosen = coins or choose(person.coins.values(), total, server.id)
        made, pledged = spending.order(
            wanted,
            chosen,
            person.wallet,
            person.index(),
            sealing_key=server.sealing_key.public_key,
            transaction=TRANSACTION,
        )
        person.put(pledged)
        return made

    def exchange(
        self, person: Person, amounts: tuple[int, ...], server: Server | None = None
    ) -> Exchanged:
        """X1, X2."""
        server = server or self.first
        chosen = choose(person.coins.values(), sum(amounts), server.id)
        rest = sum(held.coin.amount for held in chosen) - sum(amounts)
        outputs = (*amounts, rest) if rest else amounts
        made = self.order(person, Wanted("exchange", 0, None, None, LATER, outputs), server, chosen)
        presented = circulation.read_spend(exchange.request_exchange(made).spend)
        change, answer = exchange.exchange(presented, server.serving(self.guards), server.records)
        server.records.apply(change)
        self.settle(person, made, answer.change)
        return answer

    def settle(self, person: Person, made: Spending, change: bytes) -> Spending:
        done, coins = spending.settled(made, change, person.wallet, self.guards)
        person.spent(made)
        person.put(coins)
        return done

    def pay(
        self, payer: Person, payee: Person, amount: int, server: Server | None = None
    ) -> tuple[Spending, Accepted]:
        """P1-P4 at the coins' home."""
        server = server or self.first
        reference = hashlib.sha256(b"order").digest()
        made = self.order(payer, Wanted("pay", amount, payee.id, reference, LATER), server)
        record, present = self.present(payee, made, server)
        presented = circulation.open_parcel(present.parcel, server.serving(self.guards))
        change, answer = payment.accept(
            present.presentation, presented, server.serving(self.guards), server.records
        )
        server.records.apply(change)
        self.receive(payer, payee, made, record, answer)
        return made, answer

    def present(self, payee: Person, made: Spending, entry: Server) -> tuple[Incoming, Present]:
        message = payment.pay(made, SealingKey(bytes(32)).public_key)
        return payment.incoming(
            message,
            payee.wallet,
            payee.index(),
            payee.key,
            entry_server=entry.id,
            transaction=TRANSACTION,
        )

    def receive(
        self,
        payer: Person,
        payee: Person,
        made: Spending,
        record: Incoming,
        answer: Accepted,
    ) -> None:
        _, coin, paid = payment.received(record, answer, payee.key, payee.wallet)
        payee.put([coin])
        payment.check_receipt(made, paid)
        self.settle(payer, made, paid.change)

    def deposit(self, person: Person, amount: int, server: Server | None = None) -> Deposited:
        """D1-D4."""
        server = server or self.first
        nonce = hashlib.sha256(f"deposit {person.next_index}".encode()).digest()
        name = deposit_id(self.bank, person.id, nonce)
        wanted = Wanted("deposit", amount, self.bank, name, LATER, opening=nonce)
        made = self.order(person, wanted, server)
        record, held, redeem = deposit.accept_deposit(
            deposit.request_deposit(made),
            person.id,
            self.outstanding[server.id],
            bank=self.bank,
            guards=self.guards,
            transaction=TRANSACTION,
        )
        self.outstanding[server.id] = held
        presented = circulation.open_parcel(redeem.parcel, server.serving(self.guards))
        change, answer = deposit.redeem(
            redeem, self.bank, presented, server.serving(self.guards), server.records
        )
        server.records.apply(change)
        message = self.credit(record, answer, server)
        done, coins = deposit.deposited(
            made, message, self.bank, person.id, person.wallet, self.guards
        )
        assert done.state == "settled"
        person.spent(made)
        person.put(coins)
        return message

    def credit(self, record: BankDeposit, answer: Redeemed, server: Server) -> Deposited:
        done, account, outstanding, message = deposit.credit(
            record,
            answer,
            server.id,
            self.accounts[record.account],
            self.outstanding[server.id],
            self.banking(),
        )
        self.deposits[record.deposit] = done
        self.accounts[record.account] = account
        self.outstanding[server.id] = outstanding
        return message

    def pay_across(
        self, payer: Person, payee: Person, amount: int, home: Server, entry: Server
    ) -> Retired:
        """P1-P4 with F1-F3: the merchant's coin server is not the coins' home."""
        reference = hashlib.sha256(b"order").digest()
        made = self.order(payer, Wanted("pay", amount, payee.id, reference, LATER), home)
        record, present = self.present(payee, made, entry)
        forwarded, request = clearing.forward(
            present.presentation, present.parcel, payee.id, entry.id, None
        )
        presented = circulation.open_parcel(request.parcel, home.serving(self.guards))
        change, retired = clearing.retire_for(
            request, entry.id, presented, home.serving(self.guards), home.records
        )
        home.records.apply(change)
        change, answer, _ = clearing.complete(
            forwarded, retired, home.id, entry.serving(self.guards), entry.records
        )
        entry.records.apply(change)
        self.receive(payer, payee, made, record, answer)
        return retired

    def clear(self, debts: Sequence[Signed[Debt]], creditor: Server) -> None:
        books, _ = clearing.clear(
            debts, creditor.id, self.bank, clearing.Books(self.outstanding, {}), self.guards
        )
        self.outstanding = dict(books.outstanding)


def altered_order(made: Spending, keys: Sequence[SigningKey], **changes: object) -> Spend:
    """The order with other fields, signed anew by whoever holds the keys."""
    import msgspec

    order = msgspec.structs.replace(circulation.read_spend(made.spend).order, **changes)
    return spending.sign_order(order, keys)


def flipped(value: bytes) -> bytes:
    """The same but for its last bit."""
    return value[:-1] + bytes([value[-1] ^ 1])


def encoded(value: object) -> bytes:
    return codec.encode(value)
