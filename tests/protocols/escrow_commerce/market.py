"""One sale walked by the rules alone: every record of every party, in every state."""

from typing import Any

import msgspec

from crypto.content import ContentDigests
from crypto.documents import Signed
from crypto.signing import SigningKey
from nodes.protocols.escrow_commerce import (
    contract,
    dispute,
    offer,
    rating,
    receipt,
    release,
    sale,
    sale_id,
)
from nodes.protocols.escrow_commerce.messages import (
    AbortNotice,
    AbortReason,
    Acceptance,
    BuyerDeposit,
    Complaint,
    Contract,
    Finding,
    KeyRelease,
    Offer,
    Request,
    SaleState,
    SellerDeposit,
    Verdict,
)
from nodes.protocols.escrow_commerce.payment import Locked
from nodes.protocols.escrow_commerce.state import (
    BuyerState,
    Decided,
    Delivery,
    EscrowTerms,
    PaymentState,
    Purchase,
    Sale,
    SellerState,
)
from nodes.protocols.guard import Guards

BUYER, SELLER, ESCROW, CENTRAL, STRANGER = (SigningKey(bytes([n]) * 32) for n in range(1, 6))
SALE = sale_id.draw(BUYER.public_key, b"sale one")
OTHER_SALE = sale_id.draw(BUYER.public_key, b"sale two")
NOW = 1_700_000_000_000
DEADLINE = NOW + 60_000
TERMS = EscrowTerms(dispute_milliseconds=120_000, margin_milliseconds=20_000)
PRICE = 3
CONTENT_ID = b"h" * 32
KEY = b"k" * 16
DIGEST = b"e" * 32
OTHER_DIGEST = b"f" * 32
PAYMENT = b"three coins"
INSTRUMENT = "test-coins"
DIGESTS = ContentDigests(CONTENT_ID, 1000, DIGEST, 1072)
ESCROW_SERVERS = frozenset({ESCROW.public_key})
ALL_ON = Guards()
END = DEADLINE + 2 * 120_000 + 20_000


def off(*names: str) -> Guards:
    return Guards.without(names)


def escrow(guards: Guards = ALL_ON) -> sale.Escrow:
    return sale.Escrow(ESCROW.public_key, TERMS, guards)


def offered(**changes: Any) -> Signed[Offer]:
    fields = {
        "description": "A song about harbours",
        "content_id": CONTENT_ID,
        "size": 1000,
        "price": PRICE,
        "valid_until": NOW + 3_600_000,
    }
    return offer.make_offer(SELLER, **{**fields, **changes})


def ordered(guards: Guards = ALL_ON, **changes: Any) -> tuple[Purchase, Request]:
    fields = {"escrow_server": ESCROW.public_key, "sale": SALE, "deadline": DEADLINE}
    return contract.order(
        changes.pop("offer", None) or offered(),
        buyer=BUYER,
        now=NOW,
        guards=guards,
        **{**fields, **changes},
    )


def answered(
    request: Request, guards: Guards = ALL_ON, **changes: Any
) -> tuple[Delivery, Acceptance]:
    fields: dict[str, Any] = {
        "sender": BUYER.public_key,
        "sale": SALE,
        "offered": offered(),
        "seller": SELLER,
        "escrow_servers": ESCROW_SERVERS,
        "now": NOW,
        "guards": guards,
    }
    known = changes.pop("known", None)
    return contract.agree(known, request, **{**fields, **changes})


def contracted() -> tuple[Purchase, Delivery]:
    purchase, request = ordered()
    delivery, acceptance = answered(request)
    return contract.agreed(purchase, acceptance, ALL_ON), delivery


PURCHASE, DELIVERY = contracted()
SIGNED: Signed[Contract] = PURCHASE.signed
CONTRACT: Contract = PURCHASE.contract


def seller_deposit(**changes: Any) -> SellerDeposit:
    return msgspec.structs.replace(sale.deposit(DELIVERY, DIGESTS, KEY)[1], **changes)


def buyer_deposit(**changes: Any) -> BuyerDeposit:
    held = sale.hold_ciphertext(PURCHASE, DIGEST)
    paying = sale.start_paying(held, INSTRUMENT, NOW)
    return msgspec.structs.replace(sale.pay(paying, PAYMENT)[1], **changes)


def take_seller(before: Sale, message: SellerDeposit | None = None, **changes: Any) -> Decided:
    fields: dict[str, Any] = {
        "sender": SELLER.public_key,
        "now": NOW,
        "key_seen_before": False,
        "escrow": escrow(changes.pop("guards", ALL_ON)),
    }
    return sale.take_seller_deposit(before, message or seller_deposit(), **{**fields, **changes})


def take_buyer(before: Sale, message: BuyerDeposit | None = None, **changes: Any) -> Decided:
    fields: dict[str, Any] = {
        "sender": BUYER.public_key,
        "now": NOW,
        "escrow": escrow(changes.pop("guards", ALL_ON)),
    }
    return sale.take_buyer_deposit(before, message or buyer_deposit(), **{**fields, **changes})


def locked(before: Sale, guards: Guards = ALL_ON, **changes: Any) -> Decided:
    result = Locked(changes.get("amount", PRICE), changes.get("expires"))
    now = changes.get("now", NOW)
    return release.take_result(before, release.Work.LOCK, result, now, TERMS, guards)


def sale_in(state: SaleState) -> Sale:
    """A sale that came to stand there by the rules."""
    new = Sale(SALE)
    seller_in = take_seller(new).sale
    both_in = take_buyer(seller_in).sale
    committed = locked(both_in).sale
    disputed = dispute.open_dispute(committed, sender=BUYER.public_key, now=NOW, terms=TERMS).sale
    upload = dispute.Upload(DIGEST, None)
    released = release.accept(committed).sale
    made = {
        SaleState.NEW: new,
        SaleState.SELLER_IN: seller_in,
        SaleState.BUYER_IN: take_buyer(new).sale,
        SaleState.BOTH_IN: both_in,
        SaleState.COMMITTED: committed,
        SaleState.DISPUTED: disputed,
        SaleState.RELEASED: released,
        SaleState.REFUNDED: dispute.judge_upload(
            disputed, upload, sender=BUYER.public_key, now=NOW
        ).sale,
        SaleState.ABORTED: release.abort(both_in, AbortReason.DEADLINE_PASSED).sale,
        SaleState.CLOSED: release.take_paid_out(released, b"paid").sale,
    }[state]
    assert made.state is state
    return made


def purchase_in(state: BuyerState) -> Purchase:
    """A purchase that came to stand there by the rules."""
    es = ESCROW.public_key
    held = sale.hold_ciphertext(PURCHASE, DIGEST)
    paying = sale.start_paying(held, INSTRUMENT, NOW)
    paid = sale.pay(paying, PAYMENT)[0]
    key_held = receipt.key_arrives(paid, KeyRelease(KEY, NOW + 120_000), es)
    opened = dispute.opened(key_held)
    garbage = dispute.found_garbage(key_held, Complaint.WRONG_CONTENT)
    disputed = dispute.complain(garbage, NOW)[0]
    upheld = dispute.buyer_hears(disputed, Verdict(True, Finding.WRONG_CONTENT), es)
    aborted = receipt.abort_arrives(paid, AbortNotice(AbortReason.DIGESTS_DIFFER), es)
    made = {
        BuyerState.ORDERED: ordered()[0],
        BuyerState.CONTRACTED: PURCHASE,
        BuyerState.CIPHERTEXT_HELD: held,
        BuyerState.PAYING: paying,
        BuyerState.PAID: paid,
        BuyerState.KEY_HELD: key_held,
        BuyerState.OPENED: opened,
        BuyerState.GARBAGE: garbage,
        BuyerState.ACCEPTED: rating.rate(opened, 1, BUYER)[0],
        BuyerState.DISPUTED: disputed,
        BuyerState.DENIED: dispute.buyer_hears(disputed, Verdict(False, Finding.AS_PROMISED), es),
        BuyerState.UPHELD: upheld,
        BuyerState.ABORTED: aborted,
        BuyerState.REFUNDED: receipt.refunded(aborted),
    }[state]
    assert made.state is state
    return made


def delivery_in(state: SellerState) -> Delivery:
    """A delivery that came to stand there by the rules."""
    es = ESCROW.public_key
    deposited = sale.deposit(DELIVERY, DIGESTS, KEY)[0]
    made = {
        SellerState.AGREED: DELIVERY,
        SellerState.DEPOSITED: deposited,
        SellerState.PAID: receipt.paid(deposited, PRICE),
        SellerState.ABORTED: receipt.seller_abort_arrives(
            deposited, AbortNotice(AbortReason.DIGESTS_DIFFER), es
        ),
        SellerState.REFUNDED: dispute.seller_hears(
            deposited, Verdict(True, Finding.WRONG_CONTENT), es
        ),
    }[state]
    assert made.state is state
    return made


def with_payment(before: Sale, state: PaymentState) -> Sale:
    """The same sale, its payment standing elsewhere."""
    assert before.payment is not None
    payment = msgspec.structs.replace(before.payment, state=state)
    return msgspec.structs.replace(before, payment=payment)
