"""What this peer keeps as customer and as vendor, and shows of it.

Records whose life is a question and its answer stand here; those with rules of their own are the
protocol's (`nodes.protocols.anonymous_micropayment.state`).
"""

import enum
from typing import Any, Literal

import msgspec

from crypto.documents import Signed
from nodes.protocols.anonymous_micropayment.messages import (
    Blinded,
    PseudonymGiven,
    Voucher,
    VoucherKeys,
)
from nodes.protocols.anonymous_micropayment.order import order_digest
from nodes.protocols.anonymous_micropayment.refusals import NotFunded
from nodes.protocols.anonymous_micropayment.state import (
    PURCHASE_MOVES,
    SALE_MOVES,
    Prepayment,
    PrepayState,
    Purchase,
    PurchaseState,
    Sale,
    Stall,
    Wallet,
    Ware,
)
from nodes.protocols.anonymous_micropayment.values import Catalogue, Nonce, Pseudonym
from nodes.protocols.anonymous_micropayment.voucher import VoucherSecret
from nodes.protocols.message import Amount, PartyId, Role, TransactionId
from nodes.runtime.evidence import shown
from nodes.runtime.service import Service
from nodes.runtime.store import Reader, Transaction

PROTOCOL = "anonymous_micropayment"
OWN = b"own"
Instrument = Literal["voucher", "ecash"]
UNSETTLED = frozenset({PurchaseState.ORDERED, PurchaseState.DOUBTED})
"""The key of such an order must not be renewed."""


class Open(enum.StrEnum):
    """What goes on under a pseudonym: until it is settled the key stays."""

    ORDER = "order"
    REFUND = "refund"
    DEPOSIT = "deposit"


class Named(msgspec.Struct, frozen=True):
    """Steps 1, 2."""

    transaction: TransactionId
    broker: PartyId
    given: PseudonymGiven | None = None
    reason: str = ""

    @property
    def state(self) -> str:
        return "refused" if self.reason else "named" if self.given else "asked"


class VoucherOrder(msgspec.Struct, frozen=True):
    """V3, V4 or R1, R2: vouchers asked for; their secrets are on disk first."""

    transaction: TransactionId
    broker: PartyId
    secrets: tuple[VoucherSecret, ...]
    blinded: tuple[Blinded, ...]
    state: Literal["asked", "held", "refused"] = "asked"
    for_deposit: TransactionId | None = None
    refund_of: Pseudonym | None = None
    """None: bought from the account."""
    nonce: Nonce = bytes(16)
    reason: str = ""


class Cashing(msgspec.Struct, frozen=True):
    """V5, V6."""

    transaction: TransactionId
    broker: PartyId
    vouchers: tuple[Voucher, ...]
    state: Literal["asked", "cashed", "refused"] = "asked"
    reason: str = ""


class HeldVoucher(msgspec.Struct, frozen=True):
    voucher: Voucher
    reserved_for: TransactionId | None = None


class DepositOrder(msgspec.Struct, frozen=True):
    """What the owner asked for; the prepayment follows when the vouchers are there."""

    transaction: TransactionId
    pseudonym: Pseudonym
    amount: Amount
    hides: bool
    reason: str = ""
    by: Instrument = "voucher"
    nonce: Nonce | None = None
    """Of step 3, where what is paid in names it; drawn later otherwise."""


class Books:
    def __init__(self, service: Service) -> None:
        self._party = service.party
        store = service.party.store
        self.named = store.table("pid_own_names", Named)
        self.wallets = store.table("pid_wallets", Wallet)
        """By pseudonym."""
        self.newest = store.table("pid_newest_wallet", Pseudonym)
        self.voucher_orders = store.table("pid_voucher_orders", VoucherOrder)
        self.cashings = store.table("pid_cashings", Cashing)
        self.vouchers = store.table("pid_vouchers", HeldVoucher)
        """By serial; one that is spent is gone."""
        self.voucher_keys = store.table("pid_broker_keys", Signed[VoucherKeys])
        self.deposits = store.table("pid_deposits", DepositOrder)
        self.prepayments = store.table("pid_prepayments", Prepayment)
        self.catalogues = store.table("pid_catalogues", Signed[Catalogue])
        self.purchases = store.table("pid_purchases", Purchase)
        self.goods = store.table("pid_goods", bytes)
        """What was bought, by transaction."""
        self.stall = store.table("pid_stall", Stall)
        self.wares = store.table("pid_wares", Ware)
        self.sales = store.table("pid_sales", Sale)
        """By the digest of the order."""
        self._open = store.table("pid_open", Open)
        """By pseudonym and transaction, beside the records: no history is read to find them."""
        self.sale_of = store.table("pid_sale_of", bytes)
        """Transaction -> digest of the order."""
        service.accounts_for(self._ledger)

    async def broker(self) -> PartyId:
        return (await self._party.directory.one(Role.BROKER)).id

    # a customer's

    def wallet(self, reader: Reader, pseudonym: Pseudonym | None = None) -> Wallet:
        """That pseudonym's, or the newest. Raises NotFunded where there is none."""
        which = pseudonym or self.newest.get(reader, OWN)
        wallet = self.wallets.get(reader, which) if which else None
        if wallet is None:
            raise NotFunded("there is no such pseudonym")
        return wallet

    def orders_open(self, reader: Reader, pseudonym: Pseudonym) -> bool:
        """Orders and refunds that are under the present key and not settled."""
        return any(one is not Open.DEPOSIT for one in self._open.values(reader, pseudonym))

    def deposit_open(self, reader: Reader, pseudonym: Pseudonym) -> bool:
        return Open.DEPOSIT in self._open.values(reader, pseudonym)

    def _mark(
        self, tx: Transaction, pseudonym: Pseudonym, transaction: TransactionId, what: Open | None
    ) -> None:
        """Beside a record that is written: whether it is open, as what."""
        if what is None:
            self._open.delete(tx, pseudonym + transaction)
        else:
            self._open.put(tx, pseudonym + transaction, what)

    def save_prepayment(self, tx: Transaction, prepayment: Prepayment) -> None:
        self.prepayments.put(tx, prepayment.transaction, prepayment)
        what = Open.DEPOSIT if prepayment.state is PrepayState.SENT else None
        self._mark(tx, prepayment.pseudonym, prepayment.transaction, what)

    def save_voucher_order(self, tx: Transaction, order: VoucherOrder) -> None:
        self.voucher_orders.put(tx, order.transaction, order)
        if order.refund_of is not None:
            what = Open.REFUND if order.state == "asked" else None
            self._mark(tx, order.refund_of, order.transaction, what)

    def add_purchase(self, tx: Transaction, purchase: Purchase) -> None:
        self.purchases.put(tx, purchase.transaction, purchase)
        self._mark(tx, purchase.pseudonym, purchase.transaction, Open.ORDER)

    def save_sale(self, tx: Transaction, key: bytes, sale: Sale) -> None:
        """The first order of a transaction that was answered is what the transaction shows."""
        self.sales.put(tx, key, sale)
        if self.sale_of.get(tx, sale.transaction) is None:
            self.sale_of.put(tx, sale.transaction, key)

    def save_purchase(self, tx: Transaction, before: Purchase, after: Purchase) -> None:
        """With what it does to the balance, as far as this peer knows."""
        self.purchases.put(tx, after.transaction, after)
        if before.state in UNSETTLED and after.state not in UNSETTLED:
            self._mark(tx, after.pseudonym, after.transaction, None)
        paid = frozenset({PurchaseState.DELIVERED, PurchaseState.OWED})
        change = 0
        if before.state in UNSETTLED and after.state in paid:
            change = -after.order.amount
        if before.state in paid and after.state is PurchaseState.GIVEN_BACK:
            change = after.order.amount
        if change:
            wallet = self.wallet(tx, after.pseudonym)
            changed = msgspec.structs.replace(wallet, balance=wallet.balance + change)
            self.wallets.put(tx, wallet.pseudonym, changed)

    # what is shown

    def summaries(self) -> list[dict[str, Any]]:
        reader = self._party.store.committed
        return [
            *(self._question(one, one.state) for one in self.named.values(reader)),
            *(self._question(one, one.state) for one in self.voucher_orders.values(reader)),
            *(self._question(one, one.state) for one in self.cashings.values(reader)),
            *(self._deposit(one) for one in self.deposits.values(reader)),
            *(_purchase(one) for one in self.purchases.values(reader)),
            *(_sale(one) for one in self.sales.values(reader)),
        ]

    def details(self, transaction: bytes) -> list[dict[str, Any]]:
        """Each record by its key: an owner who waits for one purchase looks again and again."""
        reader = self._party.store.committed
        found = []
        for questions in (self.named, self.voucher_orders, self.cashings):
            if (asked := questions.get(reader, transaction)) is not None:
                found.append(self._question(asked, asked.state))
        if (deposit := self.deposits.get(reader, transaction)) is not None:
            found.append(self._deposit(deposit))
        if (purchase := self.purchases.get(reader, transaction)) is not None:
            found.append(self._purchase_in_full(reader, purchase))
        key = self.sale_of.get(reader, transaction)
        if key is not None and (sale := self.sales.get(reader, key)) is not None:
            found.append(_sale(sale))
        return found

    def _purchase_in_full(self, reader: Reader, purchase: Purchase) -> dict[str, Any]:
        row = _purchase(purchase)
        row["evidence"] = shown(catalogue=self.catalogues.get(reader, purchase.vendor))
        if (goods := self.goods.get(reader, purchase.transaction)) is not None:
            row["goods"] = goods.hex()
        return row

    def _question(self, one: Named | VoucherOrder | Cashing, state: str) -> dict[str, Any]:
        return _row(one.transaction, "customer", state, state != "asked", one.reason)

    def _deposit(self, order: DepositOrder) -> dict[str, Any]:
        prepayment = self.prepayments.get(self._party.store.committed, order.transaction)
        if prepayment is not None:
            state, reason = prepayment.state.value, prepayment.reason
        else:
            state, reason = ("refused", order.reason) if order.reason else ("buying", "")
        final = state in ("confirmed", "refused")
        row = _row(order.transaction, "customer", state, final, reason)
        return {**row, "pseudonym": order.pseudonym.hex(), "amount": order.amount}

    def _ledger(self) -> dict[str, Any]:
        reader = self._party.store.committed
        return {
            "wallets": [
                {
                    "pseudonym": wallet.pseudonym.hex(),
                    "balance": wallet.balance,
                    "next_number": wallet.next_number,
                    "hides": wallet.hides,
                }
                for wallet in self.wallets.values(reader)
            ],
            "held_vouchers": sum(held.voucher.amount for held in self.vouchers.values(reader)),
        }


def _row(
    transaction: TransactionId, side: str, state: str, final: bool, reason: str
) -> dict[str, Any]:
    return {
        "id": transaction.hex(),
        "protocol": PROTOCOL,
        "side": side,
        "state": state,
        "final": final,
        "reason": reason or None,
    }


def _purchase(purchase: Purchase) -> dict[str, Any]:
    final = not PURCHASE_MOVES[purchase.state]
    row = _row(purchase.transaction, "customer", purchase.state.value, final, purchase.reason)
    return {
        **row,
        "pseudonym": purchase.pseudonym.hex(),
        "number": purchase.number,
        "amount": purchase.order.amount,
        "order": order_digest(purchase.order).hex(),
        "vendor": purchase.order.vendor,
        "name": purchase.goods.name,
    }


def _sale(sale: Sale) -> dict[str, Any]:
    is_over = sale.state.value == "paid" or not SALE_MOVES[sale.state]
    row = _row(sale.transaction, "vendor", sale.state.value, is_over, "")
    what = {"amount": sale.order.amount, "order": order_digest(sale.order).hex()}
    return {**row, **what, "name": sale.goods}
