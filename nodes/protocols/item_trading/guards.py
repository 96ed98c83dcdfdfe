"""The mends of this protocol, each a rule that can be switched off to show what it prevents.

With all of them off the trade is as printed: receipts without serial#, orders that nobody signed,
a transferee nobody named. Refused both ways, so without a guard: IT-A12 (a key that never comes:
the time runs out and the word is void) and IT-A13 (each trade draws its own key). What a market and
an accomplice of it do among themselves (IT-A4) and IT-A17 stay open.
"""

from collections.abc import Set

from crypto.documents import Signed, document_digest
from crypto.hashing import Digest
from nodes.protocols.guard import guard
from nodes.protocols.item_trading.documents import (
    Certificate,
    Deal,
    ListingStatement,
    PurchaseOrder,
    Receipt,
    SaleAuthority,
    Shipment,
)
from nodes.protocols.item_trading.payment import PaidIn, Word, check_paid_in, read_word
from nodes.protocols.item_trading.reading import is_signed, opened
from nodes.protocols.item_trading.refusals import (
    BuyerKeyNotCertified,
    CiphertextNotAcknowledged,
    CiphertextNotSigned,
    ItemReserved,
    NoticeNotTheGameServers,
    NotPaidIn,
    NotProvenPaid,
    NotTheLastCertificate,
    OrderNotSigned,
    ProofForAnotherMarket,
    ReceiptNamesAnotherItem,
    SaleAuthorityExpired,
    SaleNotAuthorised,
    TradeIsVoid,
    TransfereeNotNamed,
    WrongWord,
)
from nodes.protocols.item_trading.state import GameTrade, ItemRecord, ItemState, TradeState
from nodes.protocols.message import Milliseconds, PartyId

# Model 1


@guard("sale-is-authorised", mends=("IT-A1", "IT-A4"), refuses=SaleNotAuthorised)
def sale_is_authorised(
    signed: Signed[SaleAuthority] | None,
    certificate: Certificate,
    certificate_digest: Digest,
    *,
    seller: PartyId,
    market: PartyId,
    price: int,
    listing: tuple[bytes, bytes] | None = None,
) -> bool:
    """The owner signed that this market may sell this very item at this price.

    `listing`: its id and the key the money goes to, for the market that lists it and the buyer that
    has paid: each word serves for one listing.
    """
    if signed is None or not is_signed(SaleAuthority, signed):
        return False
    authority = opened(SaleAuthority, signed)
    if listing not in (None, (authority.nonce, authority.payee_key)):
        return False
    return (
        authority.seller == seller == certificate.owner
        and authority.market == market
        and authority.game_server == certificate.server
        and authority.serial == certificate.serial
        and authority.certificate == certificate_digest
        and authority.price == price
    )


@guard("sale-is-in-time", mends=("IT-A21",), refuses=SaleAuthorityExpired)
def sale_is_in_time(
    signed: Signed[SaleAuthority] | None, now: Milliseconds, until: Milliseconds = 0
) -> bool:
    """The owner's word to the market is dated, and serves no longer than that.

    `until`: how long an item is to be listed by it.
    """
    return signed is not None and max(now, until) <= opened(SaleAuthority, signed).valid_until


@guard("receipt-names-the-item", mends=("IT-A2",), refuses=ReceiptNamesAnotherItem)
def receipt_names_item(
    receipt: Receipt, certificate: Certificate, certificate_digest: Digest, deal: Deal | None
) -> bool:
    """A receipt names one certificate by serial# and digest, and the buyer's also its trade."""
    if (receipt.serial, receipt.certificate) != (certificate.serial, certificate_digest):
        return False
    if deal is None:
        return receipt.deal is None
    return (
        receipt.deal == document_digest(deal)
        and receipt.price == deal.price
        and (deal.serial, deal.certificate) == (certificate.serial, certificate_digest)
    )


@guard("item-is-reserved", mends=("IT-A5",), refuses=ItemReserved)
def item_is_reserved(record: ItemRecord, deal: Deal, *, at_registration: bool) -> bool:
    """An item is sold in one trade at a time: kept for it before money moves, until it ends."""
    if record.reserved_for is None:
        return not (at_registration and deal.model == 1)
    return record.reserved_for == document_digest(deal)


# Both models


@guard("order-is-signed", mends=("IT-A3",), refuses=OrderNotSigned)
def order_is_signed(
    signed: Signed[PurchaseOrder] | None,
    *,
    buyer: PartyId,
    market: PartyId,
    trade: bytes,
    listing: bytes,
    price: int,
) -> bool:
    """The buyer signed what it ordered, where, and at what price."""
    if signed is None or not is_signed(PurchaseOrder, signed):
        return False
    return opened(PurchaseOrder, signed) == PurchaseOrder(buyer, market, trade, listing, price)


@guard("void-is-final", mends=("IT-A6",), refuses=TradeIsVoid)
def void_is_final(trade: GameTrade) -> bool:
    """What the game server has voided it never registers."""
    return trade.state is not TradeState.VOID


@guard("notice-by-the-game-server", mends=("IT-A7",), refuses=NoticeNotTheGameServers)
def notice_is_the_game_servers(word: Word, deal: Deal) -> bool:
    """How a trade ended is what its game server signed, whoever brings it."""
    try:
        read_word(word, deal)
    except WrongWord:
        return False
    return True


# Model 2


@guard("proof-names-the-market", mends=("IT-A15",), refuses=ProofForAnotherMarket)
def proof_names_the_market(
    signed: Signed[ListingStatement] | None, wanted: ListingStatement, sender: PartyId
) -> bool:
    """The owner signs the run of the proof for one market and listing: no other can use it."""
    if signed is None or not is_signed(ListingStatement, signed):
        return False
    return sender == wanted.seller and opened(ListingStatement, signed) == wanted


@guard("buyer-key-is-certified", mends=("IT-A14",), refuses=BuyerKeyNotCertified)
def buyer_key_is_certified(given: bytes, certified: bytes) -> bool:
    """The key to the goods is sealed to the buyer's certified key, not to one the market gives."""
    return given == certified


@guard("ciphertext-is-signed", mends=("IT-A11",), refuses=CiphertextNotSigned)
def ciphertext_is_signed(
    signed: Signed[Shipment], shipment: Shipment, deal: Deal, ciphertext: Digest
) -> bool:
    """The seller signs what it sent for which trade: garbage can be laid at its door."""
    return (
        is_signed(Shipment, signed)
        and shipment.seller == deal.seller
        and shipment.deal == document_digest(deal)
        and shipment.ciphertext == ciphertext
    )


@guard("payment-names-the-ciphertext", mends=("IT-A20",), refuses=CiphertextNotAcknowledged)
def payment_names_ciphertext(named: Digest | None, sent: Digest | None) -> bool:
    """Who pays acknowledges what it holds encrypted; `sent` where the asker knows it."""
    return named is not None and sent in (None, named)


@guard("paid-notice-is-proven", mends=("IT-A8", "IT-A9"), refuses=NotProvenPaid)
def paid_notice_is_proven(
    paid: PaidIn | None, deal: Deal, payee_key: bytes, coin_servers: Set[PartyId]
) -> bool:
    """The seller lets the key go for a coin server's word that the price waits for it alone."""
    if paid is None:
        return False
    try:
        check_paid_in(paid, deal, payee_key, coin_servers)
    except NotPaidIn:
        return False
    return True


@guard("transferee-is-named", mends=("IT-A10",), refuses=TransfereeNotNamed)
def transferee_is_named(
    transfer: Signed[Deal] | None,
    deal: Deal,
    certificate: Certificate,
    certificate_digest: Digest,
    sender: PartyId,
) -> bool:
    """The owner signs to whom the item goes: whoever else has the certificate gets nothing."""
    if transfer is None or not is_signed(Deal, transfer) or opened(Deal, transfer) != deal:
        return False
    return (
        deal.buyer == sender
        and deal.seller == certificate.owner
        and (deal.serial, deal.certificate) == (certificate.serial, certificate_digest)
    )


# After a fault


@guard("ledger-outlives-the-world", mends=("IT-A16",), refuses=NotTheLastCertificate)
def is_the_last_certificate(record: ItemRecord | None) -> bool:
    """Which certificate is an item's newest is remembered apart from the world, and decides."""
    return record is not None and record.state is ItemState.CURRENT
