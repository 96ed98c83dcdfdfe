"""Steps P1-P4: coins from a user to a merchant, with change.

The merchant cannot read the coins: it carries them to a coin server, which gives it a coin of its
own. The change goes back through the merchant, sealed for the payer, who may also fetch it (P5).
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from crypto.documents import Signed, sign_document
from crypto.hashing import digest
from crypto.signing import SigningKey
from nodes.protocols.electronic_cash import guards as rules
from nodes.protocols.electronic_cash.circulation import (
    CoinServer,
    Mint,
    Presented,
    journal,
    parcel_digest,
    retire,
    seal_change,
    settlement,
)
from nodes.protocols.electronic_cash.coin import Coin, is_genuine
from nodes.protocols.electronic_cash.documents import (
    ChangeBlock,
    Output,
    PaymentReceipt,
    Presentation,
    SalePayment,
)
from nodes.protocols.electronic_cash.holding import (
    INCOMING,
    HeldCoin,
    Incoming,
    IncomingPhase,
    Path,
    Spending,
)
from nodes.protocols.electronic_cash.messages import Accepted, Paid, Pay, Present
from nodes.protocols.electronic_cash.reading import checked
from nodes.protocols.electronic_cash.refusals import (
    CoinDiffers,
    NotYours,
    PaymentNotAsOrdered,
    ReceiptDiffers,
)
from nodes.protocols.electronic_cash.state import Change, Vault
from nodes.protocols.electronic_cash.wallet import Wallet
from nodes.protocols.message import PartyId, TransactionId


def pay(spending: Spending, reply_key: bytes) -> Pay:
    """Step P1, user. `reply_key`: the payment's own, for the answer."""
    assert spending.reference is not None, "a payment is for something"
    return Pay(
        coin_server=spending.coin_server,
        amount=spending.amount,
        reference=spending.reference,
        parcel=spending.parcel,
        reply_key=reply_key,
    )


def for_sale(spending: Spending) -> SalePayment:
    """The same parcel, carried by a sale's own messages."""
    assert spending.reference is not None, "a payment is for something"
    return SalePayment(spending.coin_server, spending.amount, spending.reference, spending.parcel)


def sale_reference(sale: TransactionId, way: Literal["in", "out"]) -> bytes:
    """What a payment into or out of an escrow is for."""
    return digest("electronic_cash/sale", sale, way.encode())


def prepayment_reference(deposit: bytes) -> bytes:
    """What a payment to the broker of the anonymous micropayment is for."""
    return digest("electronic_cash/prepayment", deposit)


def incoming(
    message: Pay | SalePayment,
    wallet: Wallet,
    index: int,
    key: SigningKey,
    *,
    entry_server: PartyId,
    transaction: TransactionId,
    forgets: bool = False,
) -> tuple[Incoming, Present]:
    """Steps P1, P2, merchant: what it will present, and where. Save the record first.

    `index`: of the payments taken. One that was refused for good may be used again.
    """
    presentation = sign_document(
        Presentation(
            payee=key.public_key,
            home=message.coin_server,
            amount=message.amount,
            reference=message.reference,
            parcel=parcel_digest(message.parcel),
            key=wallet.one_time_key(Path(index, INCOMING)).public_key,
        ),
        key,
    )
    record = Incoming(
        parcel_digest=parcel_digest(message.parcel),
        state=IncomingPhase.PRESENTED,
        parcel=message.parcel,
        home=message.coin_server,
        entry_server=entry_server,
        amount=message.amount,
        reference=message.reference,
        index=index,
        presentation=presentation,
        transaction=transaction,
        forgets=forgets,
    )
    return record, present(record)


def present(record: Incoming) -> Present:
    """P2, the same each time."""
    return Present(record.presentation, record.parcel)


def read_presentation(
    signed: Signed[Presentation], parcel: bytes, sender: PartyId | None
) -> Presentation:
    """Coin server: what the merchant signed for this parcel. `sender` None: another server's word
    is not needed, the merchant's signature is. Raises WrongDocument, NotYours."""
    presentation = checked(Presentation, signed)
    if sender not in (None, presentation.payee):
        raise NotYours()
    if presentation.parcel != parcel_digest(parcel):
        raise PaymentNotAsOrdered("signed for another parcel")
    return presentation


def accept(
    signed: Signed[Presentation],
    presented: Presented,
    coin_server: CoinServer,
    vault: Vault,
) -> tuple[Change, Accepted]:
    """Step P3, coin server, the coins' home: amount to the merchant, rest to the holder."""
    presentation = checked(Presentation, signed)
    paid = for_this_payee(presentation, presented, coin_server)
    serials = retire(paid, "pay", coin_server, vault)
    mint = Mint(coin_server, vault)
    coin = mint.coin(presentation.key, paid.order.amount)
    change = make_change(paid, mint, coin_server)
    answer = Accepted(coin, change, presented.request)
    entry = journal(paid, answer, change, coin_server, presentation.payee)
    return Change(serials, tuple(mint.made), presented.request, entry), answer


def for_this_payee(
    presentation: Presentation, presented: Presented, coin_server: CoinServer
) -> Presented:
    """The order, if it is for this merchant, amount and reference.

    As printed the merchant says the amount, and the change is what that leaves.
    """
    guards, made = coin_server.guards, presented.order
    guards.require(rules.payee_is_named, made, presentation.payee)
    amount, reference = presentation.amount, presentation.reference
    guards.require(rules.payment_is_as_ordered, made, amount, reference)
    if guards.is_on(rules.payment_is_as_ordered):
        return presented
    rest = sum(coin.amount for coin in made.coins) - amount
    altered = msgspec.structs.replace(made, amount=amount, outputs=_outputs_for(made.outputs, rest))
    return Presented(presented.spend, altered, presented.request)


def _outputs_for(outputs: Sequence[Output], rest: int) -> tuple[Output, ...]:
    return (Output(outputs[0].key, rest),) if outputs and rest > 0 else ()


def make_change(presented: Presented, mint: Mint, coin_server: CoinServer) -> bytes:
    """The holder's coins and the coin server's word, sealed to the holder."""
    coins = tuple(mint.coin(output.key, output.amount) for output in presented.order.outputs)
    return seal_change(presented, ChangeBlock(coins, settlement(presented, coin_server)))


def received(
    record: Incoming, answer: Accepted, key: SigningKey, wallet: Wallet
) -> tuple[Incoming, HeldCoin, Paid]:
    """Steps P3, P4, merchant: its coin, its receipt. Raises CoinDiffers for another coin."""
    coin = answer.coin
    path = record.path
    if (
        coin.coin_server != record.entry_server
        or coin.key != wallet.one_time_key(path).public_key
        or coin.amount != record.amount
        or not _is_issued(coin)
    ):
        raise CoinDiffers()
    receipt = sign_document(
        PaymentReceipt(key.public_key, record.amount, record.reference, record.parcel_digest), key
    )
    done = record.moved(IncomingPhase.RECEIVED, receipt=receipt, change=answer.change)
    return done, HeldCoin(coin, path), Paid(receipt, answer.change)


def _is_issued(coin: Coin) -> bool:
    return coin.period is None and is_genuine(coin, ())


def check_receipt(spending: Spending, answer: Paid) -> Signed[PaymentReceipt]:
    """Step P4, user. Raises ReceiptDiffers."""
    receipt = checked(PaymentReceipt, answer.receipt)
    wanted = PaymentReceipt(
        spending.payee or b"",
        spending.amount,
        spending.reference or b"",
        parcel_digest(spending.parcel),
    )
    if receipt != wanted:
        raise ReceiptDiffers()
    return answer.receipt
