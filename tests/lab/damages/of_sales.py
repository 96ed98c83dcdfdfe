"""Sales with escrow: states, decisions, payments and contracts, at all three parties."""

from typing import Any

import msgspec

from nodes.protocols.dht_micropayment.coin import read_coin
from nodes.protocols.dht_micropayment.holding import CoinState, Holding
from nodes.protocols.electronic_cash.holding import Spending
from nodes.protocols.escrow_commerce.messages import Finding, SaleState
from nodes.protocols.escrow_commerce.state import (
    BuyerState,
    Decision,
    Delivery,
    Purchase,
    Sale,
    SellerState,
)
from tests.lab.damages.damage import Damage, Ids, but

AGREE = "both parties agree on each sale"
ONE_WAY = "never both released and refunded"
WON = "no key and its refund without a won dispute"
PRICE = "each sale was paid its price"
ENDED = "every transaction reached its end"
ONE_HOLDER = "no coin held by two"
WENT = "e-cash of sales went where it was due"
SALES = "escrow_commerce_sales"


def sale(row: Any, price: int) -> str:
    return f"sale {row.sale.hex()[:8]} of {price}"


def is_paid_out(row: Any, ids: Ids) -> bool:
    """The one that was paid with coins of the DHT."""
    return row.state in (SaleState.CLOSED, SaleState.RELEASED) and row.contract.price == 2


def is_refunded(row: Any, ids: Ids) -> bool:
    return row.state in (SaleState.REFUNDED, BuyerState.REFUNDED, SellerState.REFUNDED)


def is_accepted(row: Any, ids: Ids) -> bool:
    return row.state in (BuyerState.ACCEPTED, SellerState.PAID) and row.contract.price == 2


def paid_more(row: Sale, ids: Ids) -> Sale:
    assert row.payment is not None, "it is paid out"
    assert row.payment.amount is not None, "it is paid out"
    payment = msgspec.structs.replace(row.payment, amount=row.payment.amount + 1)
    return msgspec.structs.replace(row, payment=payment)


def dearer_at_escrow(row: Sale, ids: Ids) -> Sale:
    assert row.buyer_side is not None, "it is paid out"
    contract = msgspec.structs.replace(row.buyer_side.contract, price=5)
    side = msgspec.structs.replace(row.buyer_side, contract=contract)
    return msgspec.structs.replace(row, buyer_side=side)


def dearer(row: Any, ids: Ids) -> Any:
    contract = msgspec.structs.replace(row.contract, price=5)
    return msgspec.structs.replace(row, contract=contract)


DAMAGES = (
    Damage(
        "e-cash ordered to somebody else",
        "escrow-server",
        "cash_orders",
        Spending,
        WENT,
        lambda row, ids: (
            f"sale {row.transaction.hex()[:8]} of 3 is closed",
            "its e-cash is ordered to peer-05",
        ),
        lambda row, ids: but(payee=ids["peer-05"])(row, ids),
    ),
    Damage(
        "a paid sale that is refunded",
        "escrow-server",
        SALES,
        Sale,
        ONE_WAY,
        lambda row, ids: (f"{sale(row, 2)} is refunded, but its decision is release",),
        but(state=SaleState.REFUNDED),
        is_paid_out,
    ),
    Damage(
        "a decision turned round",
        "escrow-server",
        SALES,
        Sale,
        ONE_WAY,
        lambda row, ids: (f"2 coins of {sale(row, 2)} went to peer-03",),
        but(decision=Decision.REFUND),
        is_paid_out,
    ),
    Damage(
        "a refund without its finding",
        "escrow-server",
        SALES,
        Sale,
        WON,
        lambda row, ids: (f"{sale(row, 1)} was refunded, the content found not looked at",),
        but(finding=None),
        is_refunded,
    ),
    Damage(
        "a refund with another finding",
        "escrow-server",
        SALES,
        Sale,
        WON,
        lambda row, ids: (f"{sale(row, 1)} was refunded, the content found as-promised",),
        but(finding=Finding.AS_PROMISED),
        is_refunded,
    ),
    Damage(
        "a payment of one more",
        "escrow-server",
        SALES,
        Sale,
        PRICE,
        lambda row, ids: (f"{sale(row, 2)} was paid 3", "has 2 coins"),
        paid_more,
        is_paid_out,
    ),
    Damage(
        "a contract with another price",
        "escrow-server",
        SALES,
        Sale,
        AGREE,
        lambda row, ids: (f"{sale(row, 5)} is of 2 to peer-01", f"{sale(row, 5)} is of 2 to peer"),
        dearer_at_escrow,
        is_paid_out,
    ),
    Damage(
        "a coin that the escrow server counts again",
        "escrow-server",
        "holdings",
        Holding,
        ONE_HOLDER,
        lambda row, ids: (
            f"escrow-server still counts coin {read_coin(row.evidence.coin).serial}",
        ),
        but(state=CoinState.HELD),
    ),
    Damage(
        "a buyer that believes its money back",
        "peer-01",
        "escrow_commerce_purchases",
        Purchase,
        AGREE,
        lambda row, ids: (f"{sale(row, 2)} is closed, but refunded to peer-01",),
        but(state=BuyerState.REFUNDED),
        is_accepted,
    ),
    Damage(
        "a buyer with another price",
        "peer-01",
        "escrow_commerce_purchases",
        Purchase,
        AGREE,
        lambda row, ids: (f"{sale(row, 2)} is of 5 to peer-01",),
        dearer,
        is_accepted,
    ),
    Damage(
        "a buyer that still waits",
        "peer-01",
        "escrow_commerce_purchases",
        Purchase,
        ENDED,
        lambda row, ids: (f"peer-01: escrow_commerce {row.sale.hex()[:8]} of 2 is paid",),
        but(state=BuyerState.PAID),
        is_accepted,
    ),
    Damage(
        "a seller that believes the sale off",
        "peer-03",
        "escrow_commerce_deliveries",
        Delivery,
        AGREE,
        lambda row, ids: (f"{sale(row, 2)} is closed, but aborted to peer-03",),
        but(state=SellerState.ABORTED),
        is_accepted,
    ),
    Damage(
        "a cheat that believes it was paid",
        "peer-04",
        "escrow_commerce_deliveries",
        Delivery,
        AGREE,
        lambda row, ids: (f"{sale(row, 1)} is refunded, but paid to peer-04",),
        but(state=SellerState.PAID),
    ),
)
