"""The auditor follows the e-cash of a sale to the party that it was due to."""

from typing import Any

import pytest

from crypto import codec
from crypto.documents import sign_document
from nodes.protocols.electronic_cash.documents import Settlement
from nodes.protocols.electronic_cash.payment import sale_reference
from scenarios.lab.cash_sales import cash_of_sales_went_where_it_was_due
from scenarios.lab.run import Check
from tests.lab.test_cash_books import ONE, CashMarket

BUYER, SELLER, ESCROW, AMOUNT = "peer-01", "peer-02", "escrow-server", 5
SALE = "5a1e" * 8
OUT = sale_reference(bytes.fromhex(SALE), "out")


class Sold(CashMarket):
    """A sale paid with e-cash: released to its seller, or refunded."""

    def __init__(self, decision: str) -> None:
        super().__init__()
        paid = decision == "release"
        self.due = SELLER if paid else BUYER
        self.raw[ESCROW]["sales"].append(
            {
                "sale": SALE,
                "state": "closed" if paid else "refunded",
                "decision": decision,
                "amount": AMOUNT,
                "buyer": self.id(BUYER),
                "seller": self.id(SELLER),
                "instrument": "e-cash",
            }
        )
        self.out = self.entry("holder", "settled")
        self.out |= {"payee": self.id(self.due), "settlement": self.settlement()}
        self.entries[ESCROW].append(self.out)
        self.taken(self.due)

    def entry(self, side: str, state: str) -> dict[str, Any]:
        return {
            "id": SALE,
            "protocol": "electronic_cash",
            "side": side,
            "state": state,
            "amount": AMOUNT,
            "reference": OUT.hex(),
            "coin_server": self.id(ONE),
        }

    def taken(self, by: str, state: str = "received") -> None:
        self.entries[by].append(self.entry("merchant", state))

    def settlement(self, signer: str = ONE, **changes: Any) -> str:
        """What the coin server signs of the order that pays out."""
        said: dict[str, Any] = {
            "coin_server": bytes.fromhex(self.id(signer)),
            "request": b"r" * 32,
            "kind": "pay",
            "payee": bytes.fromhex(self.id(self.due)),
            "amount": AMOUNT,
            "reference": OUT,
        }
        return codec.encode(
            sign_document(Settlement(**{**said, **changes}), self.keys[signer])
        ).hex()

    def check(self) -> Check:
        return cash_of_sales_went_where_it_was_due(self.books())


BOTH = pytest.mark.parametrize("decision", ["release", "refund"])


@BOTH
def test_e_cash_that_went_where_it_was_due_is_fine(decision: str) -> None:
    found = Sold(decision).check()
    assert (found.holds, found.detail) == (True, "1 sale")


@BOTH
def test_e_cash_paid_out_to_the_other_side_is_found(decision: str) -> None:
    market = Sold(decision)
    other = BUYER if market.due == SELLER else SELLER
    market.out["settlement"] = market.settlement(payee=bytes.fromhex(market.id(other)))
    found = market.check()
    assert found.holds is False
    assert f"went to {other}" in found.detail
    market.out["payee"] = market.id(other)
    assert f"ordered to {other}" in market.check().detail


@BOTH
def test_e_cash_taken_by_whom_it_was_not_due_to_is_found(decision: str) -> None:
    market = Sold(decision)
    other = BUYER if market.due == SELLER else SELLER
    market.taken(other, "refused")
    assert market.check().holds is True
    market.taken(other)
    found = market.check()
    assert found.holds is False
    assert f"{other} took its e-cash" in found.detail


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"amount": AMOUNT - 1}, "settled for 4"),
        ({"reference": b"f" * 32}, "something else"),
        ({"payee": None}, "went to nobody"),
        ({"signer": ESCROW}, f"settled by {ESCROW}"),
    ],
)
def test_another_word_than_the_coin_servers_on_this_is_found(
    changes: dict[str, Any], told: str
) -> None:
    market = Sold("release")
    market.out["settlement"] = market.settlement(**changes)
    found = market.check()
    assert found.holds is False
    assert told in found.detail


def test_a_word_that_nobody_signed_is_found() -> None:
    market = Sold("release")
    for settlement in ("", "00", market.settlement()[:-2] + "00"):
        market.out["settlement"] = settlement
        assert "no coin server's word" in market.check().detail


def test_e_cash_that_nobody_has_come_for_cannot_be_told() -> None:
    market = Sold("release")
    market.entries[SELLER].clear()
    market.out |= {"state": "signed", "settlement": ""}
    found = market.check()
    assert found.holds is None
    assert "not taken yet" in found.detail
