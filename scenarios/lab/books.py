"""What all parties of a world say they hold, as the auditor reads it.

One `Ledger` a party, from `GET /inspect/ledger` or from its store while it is down; its
transactions beside it. Ids are hex, as they come. A row is one party's word; where it carries
evidence, the auditor believes the evidence.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import msgspec

from crypto import codec
from crypto.documents import Signed, document_digest, open_document
from dht.records import Body, Certificate, RegisterName, Roster
from nodes.runtime.settings import Settings
from scenarios.lab.cash_books import (
    CashAccount,
    CashCoin,
    CashDebt,
    CashDeposit,
    CashHeld,
    CashOutstanding,
    CashPending,
    CashWithdrawal,
    WalletCoin,
)
from scenarios.lab.item_books import InWorld, Item, ItemSale, ItemTrade, OwnCertificate
from scenarios.lab.prepaid_books import Order, PaidIn, Pseudonym, VoucherAccount, Vouchers, Wallet

USUAL_OPENING_BALANCE: int = next(
    field.default for field in msgspec.structs.fields(Settings) if field.name == "opening_balance"
)


class UnreadableLedger(ValueError):
    """A party's ledger is not one."""


class Account(msgspec.Struct, frozen=True):
    owner: str
    balance: int
    frozen: bool = False
    opened_with: int | None = None
    """0 for one that was only paid or frozen so far; None where the broker does not say."""


class Issued(msgspec.Struct, frozen=True):
    owner: str
    serial: int


class Redeemed(msgspec.Struct, frozen=True):
    owner: str
    serial: int
    to: str = ""


class Frozen(msgspec.Struct, frozen=True):
    """A coin that was spent twice, and who is proven to have done it."""

    owner: str
    serial: int
    culprit: str


class Coin(msgspec.Struct, frozen=True):
    """A coin as the party that holds it, gets it or gave it away knows it."""

    owner: str
    serial: int
    generation: int
    chain: str
    index: int
    """The step this party holds it by."""
    state: str
    transaction: str = ""
    to: str = ""
    certificate: str = ""
    """The newest certificate this party has, in hex; empty for none."""

    @property
    def identity(self) -> tuple[str, int]:
        """(U, sn): the same over all generations."""
        return self.owner, self.serial


class Register(msgspec.Struct, frozen=True):
    """One register as one replica holds it."""

    namespace: str
    chain: str
    index: int
    digest: str
    kind: str
    payer: str
    payee: str
    certified: bool
    conflict: bool = False
    certificate: str = ""

    @property
    def name(self) -> RegisterName:
        return RegisterName(self.namespace, bytes.fromhex(self.chain), self.index)


class Sale(msgspec.Struct, frozen=True):
    """A sale as the escrow server keeps it."""

    sale: str
    state: str
    buyer: str
    seller: str
    decision: str | None = None
    price: int | None = None
    amount: int | None = None
    """Of the payment, as the escrow server has it."""
    instrument: str | None = None
    finding: str | None = None


class SignedRoster(msgspec.Struct, frozen=True):
    """As the certificate authority shows it; hex."""

    content: str
    signatures: tuple[str, ...]

    def read(self) -> Roster:
        """Raises ValueError unless the authority that it names signed it."""
        signatures = tuple(map(bytes.fromhex, self.signatures))
        return open_document(Roster, Signed(bytes.fromhex(self.content), signatures))


class Offered(msgspec.Struct, frozen=True):
    """One offer at the central server, and how its seller stands there."""

    seller: str
    trust: float
    ratings: int


class Ledger(msgspec.Struct, frozen=True):
    party: str
    name: str
    accounts: tuple[Account, ...] = ()
    opening_balance: int | None = None
    """What the broker gives each account at its opening: the only issue of money."""
    issued: tuple[Issued, ...] = ()
    redeemed: tuple[Redeemed, ...] = ()
    frozen: tuple[Frozen, ...] = ()
    pseudonyms: tuple[Pseudonym, ...] = ()
    orders: tuple[Order, ...] = ()
    deposits: tuple[PaidIn, ...] = ()
    refunds: tuple[PaidIn, ...] = ()
    vouchers: Vouchers = Vouchers()
    voucher_accounts: tuple[VoucherAccount, ...] = ()
    wallets: tuple[Wallet, ...] = ()
    """A customer's pseudonyms."""
    held_vouchers: int = 0
    """What a customer's vouchers are worth."""
    coins: tuple[Coin, ...] = ()
    registers: tuple[Register, ...] = ()
    sales: tuple[Sale, ...] = ()
    offers: tuple[Offered, ...] = ()
    roster: SignedRoster | None = None
    """The newest; the certificate authority's ledger has it."""
    rosters: tuple[SignedRoster, ...] = ()
    """Of every epoch."""
    cash_accounts: tuple[CashAccount, ...] = ()
    cash_withdrawals: tuple[CashWithdrawal, ...] = ()
    cash_deposits: tuple[CashDeposit, ...] = ()
    cash_held: tuple[CashHeld, ...] = ()
    cash_outstanding: tuple[CashOutstanding, ...] = ()
    cash_coins: tuple[CashCoin, ...] = ()
    cash_pending: tuple[CashPending, ...] = ()
    cash_debts: tuple[CashDebt, ...] = ()
    cash_journal: int | None = None
    """How many answers a coin server keeps; None for whoever is none."""
    cash_wallet: tuple[WalletCoin, ...] = ()
    cash_taken: int = 0
    """What a broker credited under pseudonyms for e-cash that lies in its wallet."""
    game_key: str = ""
    """A game server's signed key; empty for whoever is none."""
    items: tuple[Item, ...] = ()
    world: tuple[InWorld, ...] = ()
    item_trades: tuple[ItemTrade, ...] = ()
    item_sales: tuple[ItemSale, ...] = ()
    item_certificates: tuple[OwnCertificate, ...] = ()


class Entry(msgspec.Struct, frozen=True):
    """One transaction as one party sees it."""

    id: str
    protocol: str
    state: str
    side: str = ""
    final: bool | None = None
    """Nothing more will come of it; None where the party does not say."""
    reason: str | None = None
    price: int | None = None
    amount: int | None = None
    order: str = ""
    """Of a purchase under a pseudonym: the digest of its order."""
    reference: str = ""
    """Of a payment in e-cash: what it is for."""
    payee: str = ""
    coin_server: str = ""
    settlement: str = ""
    """What the coin server signed of it, hex; empty before."""

    @property
    def worth(self) -> str:
        """` of 3`, where it says."""
        known = self.price if self.price is not None else self.amount
        return "" if known is None else f" of {known}"


def read_ledger(raw: Mapping[str, Any]) -> Ledger:
    """Raise UnreadableLedger for a row that is not as it should be."""
    try:
        return msgspec.convert(dict(raw), Ledger)
    except msgspec.ValidationError as error:
        raise UnreadableLedger(f"{raw.get('name', 'a party')}: {error}") from error


def read_entries(rows: Iterable[Mapping[str, Any]]) -> tuple[Entry, ...]:
    try:
        return tuple(msgspec.convert(dict(row), Entry) for row in rows)
    except msgspec.ValidationError as error:
        raise UnreadableLedger(f"a transaction: {error}") from error


def opening_balance(settings: Mapping[str, str]) -> int:
    """What a world's broker opens each account with, unless its ledger says so itself."""
    return int(settings.get("opening_balance", USUAL_OPENING_BALANCE))


@dataclass(frozen=True)
class KnownRoster:
    roster: Roster
    digest: bytes


@dataclass(frozen=True)
class Shown:
    """A certificate, who shows it and for what."""

    party: str
    text: str
    """Hex."""
    what: str

    @property
    def certificate(self) -> Certificate | None:
        """None for bytes that are no certificate."""
        return _certificate(self.text)


@dataclass(frozen=True)
class Books:
    """Everything at one moment. The auditor judges this and nothing else."""

    ledgers: Mapping[str, Ledger]
    """By party name."""
    silent: Mapping[str, str] = field(default_factory=dict)
    """Parties whose ledger could not be read, and why."""
    entries: Mapping[str, tuple[Entry, ...]] = field(default_factory=dict)
    """Transactions by party name."""
    opening_balance: int = USUAL_OPENING_BALANCE

    @property
    def names(self) -> dict[str, str]:
        """Party id to name."""
        return {ledger.party: name for name, ledger in self.ledgers.items()}

    def called(self, party: str) -> str:
        return self.names.get(party, party[:12] or "nobody")

    def rosters(self) -> dict[int, KnownRoster]:
        """By epoch, as far as the authority shows one that it signed."""
        read = (_roster_of(ledger, one) for ledger, one in self._shown_rosters())
        return {
            roster.epoch: KnownRoster(roster, document_digest(roster)) for roster in read if roster
        }

    def forged_rosters(self) -> list[str]:
        """Parties that show a roster which is not theirs."""
        shown = self._shown_rosters()
        return [ledger.name for ledger, one in shown if _roster_of(ledger, one) is None]

    def _shown_rosters(self) -> Iterator[tuple[Ledger, SignedRoster]]:
        for ledger in self.ledgers.values():
            newest = (ledger.roster,) if ledger.roster is not None else ()
            for shown in dict.fromkeys((*ledger.rosters, *newest)):
                yield ledger, shown

    def coins(self) -> Iterator[tuple[str, Coin]]:
        """(party name, coin)."""
        for name, ledger in self.ledgers.items():
            for coin in ledger.coins:
                yield name, coin

    def registers(self) -> Iterator[tuple[str, Register]]:
        """(replica's name, register)."""
        for name, ledger in self.ledgers.items():
            for register in ledger.registers:
                yield name, register

    def certificates(self) -> Iterator[Shown]:
        """Every certificate that any party shows."""
        for name, coin in self.coins():
            if coin.certificate:
                yield Shown(name, coin.certificate, f"coin {coin.serial}")
        for name, register in self.registers():
            if register.certificate:
                yield Shown(name, register.certificate, f"register {register.index}")


def _roster_of(ledger: Ledger, shown: SignedRoster) -> Roster | None:
    try:
        roster = shown.read()
    except ValueError:
        return None
    return roster if roster.authority.hex() == ledger.party else None


@lru_cache(maxsize=65_536)
def _certificate(text: str) -> Certificate | None:
    """Many parties show the same one."""
    try:
        return codec.decode(bytes.fromhex(text), Certificate)
    except ValueError:
        return None


def body_of(certificate: Certificate) -> Body:
    """The body without its signatures checked."""
    return codec.decode(certificate.record.signed.content, Body)
