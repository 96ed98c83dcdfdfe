"""Who agreed to what in a trade of an item, and who lied: decided offline (table 1, row 7).

What the mends sign makes every denial decidable. As printed, nobody signs the sale order and the
buyer's order, and a notice proves nothing: those stay undecidable, and the judge says so.
"""

from collections.abc import Callable, Iterable, Iterator

from crypto import codec
from crypto.full_domain_hash import FdhPublicKey
from nodes.protocols.electronic_cash.documents import Outcome, PendingCoin, Verdict
from nodes.protocols.errors import Refused
from nodes.protocols.evidence import (
    Denial,
    Keys,
    Papers,
    Ruled,
    convicted,
    read_pieces,
    settled,
    undecidable,
)
from nodes.protocols.item_trading.certificate import read_key
from nodes.protocols.item_trading.documents import (
    Deal,
    GameKey,
    ListingStatement,
    PurchaseOrder,
    Receipt,
    Reservation,
    SaleAuthority,
    Shipment,
)
from nodes.protocols.item_trading.messages import (
    Complain,
    GameAnswer,
    KeyShown,
    MoneyPaid,
    ReadyToSell,
)
from nodes.protocols.item_trading.payment import reference_of
from nodes.protocols.item_trading.reading import ciphertext_digest, unlock
from nodes.protocols.item_trading.refusals import GoodsUnreadable
from nodes.protocols.item_trading.settlement import check_goods
from nodes.protocols.message import Role

PROTOCOL = "item_trading"
DOCUMENTS = (
    SaleAuthority,
    ListingStatement,
    PurchaseOrder,
    Deal,
    Receipt,
    Reservation,
    Shipment,
    GameKey,
    Verdict,
    PendingCoin,
)
SALE_ORDER = "the seller denies the sale order"
ORDER = "the buyer denies the order"
DEAL = "the market denies the deal"
CUSTODY = "the market denies having the certificate"
RESERVED = "the game server denies having kept the item"
MESSAGE = "the buyer denies having received the encrypted certificate"
KEY = "the buyer denies having received the goods"
GARBAGE = "the seller denies having sent garbage"
PAID_IN = "the market denies that the price was paid"
PROCEEDS = "the seller denies having been paid"
WORD = "the game server denies its word"
DENIALS = (
    Denial(
        SALE_ORDER,
        "model 1: the sale authority; model 2: TS, the shipment or the listing statement",
        "the seller (IT-A3)",
    ),
    Denial(
        ORDER,
        "the signed purchase order",
        "the buyer (IT-A3)",
    ),
    Denial(
        DEAL,
        "the deal that the market signed",
        "the market",
    ),
    Denial(
        CUSTODY,
        "the market's receipt for the certificate",
        "the market",
    ),
    Denial(
        RESERVED,
        "the reservation that the game server signed",
        "the game server",
    ),
    Denial(
        MESSAGE,
        "2.6 by the buyer, naming the ciphertext that the shipment names",
        "the buyer (IT-A20)",
    ),
    Denial(
        KEY,
        "the game server's word: registered",
        "the buyer",
    ),
    Denial(
        GARBAGE,
        "C1 with the shipment, C2r with the key, the game server's key",
        "the seller, if it is not what was sold; the buyer, if it was never sent (IT-A11)",
    ),
    Denial(
        PAID_IN,
        "the coin server's pending coin for this deal",
        "the market (IT-A9)",
    ),
    Denial(
        PROCEEDS,
        "the pending coin under the key that the seller named, and the word: registered",
        "the seller (IT-A9)",
    ),
    Denial(
        WORD,
        "the game server's word on this deal; two of them",
        "the game server",
    ),
)


class _Trade:
    """One deal, and what the papers say of it."""

    def __init__(self, papers: Papers, deal: Deal, keys: Keys) -> None:
        self.papers, self.deal, self.reference = papers, deal, reference_of(deal)
        self.words = [
            word
            for word in papers.all(Verdict)
            if (word.judge, word.transaction) == (deal.game_server, self.reference)
        ]
        self.shipments = [
            shipment
            for shipment in papers.all(Shipment)
            if (shipment.seller, shipment.deal) == (deal.seller, self.reference)
        ]
        banks = keys.get(Role.COIN_SERVER, frozenset())
        self.paid = [
            coin
            for coin in papers.all(PendingCoin)
            if coin.coin_server in banks
            and (coin.condition.judge, coin.condition.transaction, coin.amount)
            == (deal.game_server, self.reference, deal.price)
        ]
        self.authorities = [
            authority
            for authority in papers.all(SaleAuthority)
            if (authority.seller, authority.market, authority.game_server)
            == (deal.seller, deal.market, deal.game_server)
            and (authority.serial, authority.certificate, authority.price)
            == (deal.serial, deal.certificate, deal.price)
        ]

    @property
    def payee_keys(self) -> set[bytes]:
        """Under which the seller signed to be paid."""
        ordered = {authority.payee_key for authority in self.authorities}
        return ordered | {shipment.payee_key for shipment in self.shipments}

    @property
    def registered(self) -> bool:
        return {word.outcome for word in self.words} == {Outcome.REGISTERED}


def judge(pieces: Iterable[bytes], keys: Keys) -> list[Ruled]:
    """Read the pieces of one trade in any order. Without its deal nothing can be told."""
    papers = read_pieces(pieces, protocols=(PROTOCOL,), documents=DOCUMENTS)
    deals = list(dict.fromkeys(papers.all(Deal)))
    rulings = [
        ruled for deal in deals for rule in RULES for ruled in rule(_Trade(papers, deal, keys))
    ]
    return rulings or list(_listed(papers))


def _listed(papers: Papers) -> Iterator[Ruled]:
    """Before there is a deal: what the seller wanted, and what the market has."""
    orders = [(order.seller, order.price) for order in papers.all(SaleAuthority)]
    orders += [(order.seller, order.price) for order in papers.all(ListingStatement)]
    for seller, price in orders:
        yield convicted(SALE_ORDER, seller, f"it signed that it is for sale at {price}")
    receipts = [receipt for receipt in papers.all(Receipt) if receipt.deal is None]
    for receipt in receipts:
        why = f'it signed that it has "{receipt.item}" for sale'
        yield convicted(CUSTODY, receipt.market, why)
    if not orders:
        yield undecidable(SALE_ORDER, "a sale order that the seller signed")
    if not receipts and not orders:
        yield undecidable(DEAL, "a deal that the market signed")


def _sale_order(trade: _Trade) -> Iterator[Ruled]:
    deal, seller = trade.deal, trade.deal.seller
    if trade.authorities:
        yield convicted(SALE_ORDER, seller, f"it let the market sell this item for {deal.price}")
    elif deal in trade.papers.all(Deal, signatures=2):
        yield convicted(SALE_ORDER, seller, "it signed the transfer to this very buyer")
    elif trade.shipments:
        yield convicted(SALE_ORDER, seller, "it signed what it sent for this deal")
    elif any(
        (it.seller, it.market, it.serial, it.price)
        == (seller, deal.market, deal.serial, deal.price)
        for it in trade.papers.all(ListingStatement)
    ):
        yield convicted(SALE_ORDER, seller, f"it signed that the item is for sale at {deal.price}")
    else:
        yield undecidable(SALE_ORDER, "a sale order that the seller signed")


def _order(trade: _Trade) -> Iterator[Ruled]:
    deal = trade.deal
    for order in trade.papers.all(PurchaseOrder):
        if (order.buyer, order.market, order.trade, order.price) == (
            deal.buyer,
            deal.market,
            deal.trade,
            deal.price,
        ):
            yield convicted(ORDER, deal.buyer, f"it signed the order, at {deal.price}")
            return
    yield undecidable(ORDER, "an order that the buyer signed")


def _deal(trade: _Trade) -> Iterator[Ruled]:
    what = f'"{trade.deal.item}" for {trade.deal.price}'
    yield convicted(DEAL, trade.deal.market, f"it signed the deal: {what}")


def _reserved(trade: _Trade) -> Iterator[Ruled]:
    deal = trade.deal
    if deal.model != 1:
        return
    kept = Reservation(deal.game_server, trade.reference)
    if kept in trade.papers.all(Reservation):
        yield convicted(RESERVED, deal.game_server, "it signed that it keeps the item for the deal")
    else:
        yield undecidable(RESERVED, "the game server's reservation")


def _message(trade: _Trade) -> Iterator[Ruled]:
    """IT-A20: the payment names the ciphertext that it is for."""
    deal = trade.deal
    if deal.model != 2:
        return
    sent = {shipment.ciphertext for shipment in trade.shipments} - {None}
    for said, paid in trade.papers.messages(MoneyPaid):
        ours = (said.signer, said.transaction) == (deal.buyer, deal.trade)
        if ours and paid.ciphertext in sent:
            yield convicted(MESSAGE, deal.buyer, "its payment names the ciphertext sent")
            return
    yield undecidable(MESSAGE, "a payment by the buyer that names what the seller signed to send")


def _key(trade: _Trade) -> Iterator[Ruled]:
    if trade.registered:
        yield convicted(KEY, trade.deal.buyer, "the item was registered for it, with the goods")
    else:
        yield undecidable(KEY, "the game server's word that the item is registered")


def _garbage(trade: _Trade) -> Iterator[Ruled]:
    """IT-A11: what the seller signed to have sent is opened with the key that it shows."""
    deal = trade.deal
    for said, complaint in trade.papers.messages(Complain):
        if (said.signer, said.transaction) != (deal.buyer, deal.trade):
            continue
        sent = {shipment.ciphertext for shipment in trade.shipments} - {None}
        if not sent:
            yield undecidable(GARBAGE, "the seller's signature on what it sent")
        elif ciphertext_digest(complaint.ciphertext) not in sent:
            yield convicted(GARBAGE, deal.buyer, "it complains of what the seller never sent")
        else:
            yield _opened(trade, complaint.ciphertext)


def _opened(trade: _Trade, ciphertext: bytes) -> Ruled:
    deal, game_key = trade.deal, _game_key(trade)
    shown = [
        key.key
        for said, key in trade.papers.messages(KeyShown)
        if (said.signer, said.transaction) == (deal.seller, deal.trade)
    ]
    if game_key is None:
        return undecidable(GARBAGE, "the key that the game server signs certificates with")
    if not shown:
        return undecidable(GARBAGE, "a key that the seller shows")
    for key in shown:
        try:
            goods = unlock(ciphertext, key, trade.reference)
            check_goods(goods, deal, game_key)
        except GoodsUnreadable:
            continue
        if goods.transfer is not None and deal in _transfers(trade, goods.transfer):
            return settled(GARBAGE, "what was sent is what was sold; nobody is convicted")
    return convicted(GARBAGE, deal.seller, "what it signed to have sent is not what it sold")


def _transfers(trade: _Trade, transfer: object) -> list[Deal]:
    inside = read_pieces([codec.encode(transfer)], protocols=(), documents=(Deal,))
    return inside.all(Deal, signatures=2)


def _game_key(trade: _Trade) -> FdhPublicKey | None:
    for _, answer in trade.papers.messages(GameAnswer):
        try:
            return read_key(answer.key, trade.deal.game_server)
        except Refused:
            continue
    for key in trade.papers.all(GameKey):
        if key.game_server == trade.deal.game_server:
            return FdhPublicKey.from_bytes(key.modulus)
    return None


def _paid_in(trade: _Trade) -> Iterator[Ruled]:
    """IT-A9: the market holds no money; what waits is the coin server's to give."""
    deal = trade.deal
    if not trade.paid:
        yield undecidable(PAID_IN, "a coin server's signature that the price waits for this deal")
        return
    wanted = trade.payee_keys
    told = {
        ready.payee_key
        for said, ready in trade.papers.messages(ReadyToSell)
        if (said.signer, said.transaction) == (deal.market, deal.trade)
    }
    if wanted and told - wanted:
        yield convicted(PAID_IN, deal.market, "it named another key than the seller's to pay to")
    else:
        yield convicted(PAID_IN, deal.market, f"{deal.price} wait at a coin server for this deal")


def _proceeds(trade: _Trade) -> Iterator[Ruled]:
    deal = trade.deal
    wanted = trade.payee_keys
    if not (trade.paid and trade.registered):
        yield undecidable(PROCEEDS, "the money that waits, and the word that gives it away")
    elif any(coin.condition.payee_key in wanted for coin in trade.paid):
        why = f"{deal.price} are under the key that it named, by the word registered"
        yield convicted(PROCEEDS, deal.seller, why)
    else:
        yield undecidable(PROCEEDS, "the seller's signature on the key that was paid to")


def _word(trade: _Trade) -> Iterator[Ruled]:
    outcomes = sorted({word.outcome.value for word in trade.words})
    if len(outcomes) > 1:
        yield convicted(WORD, trade.deal.game_server, f"it said {' and '.join(outcomes)}")
    elif outcomes:
        yield convicted(WORD, trade.deal.game_server, f"it signed: {outcomes[0]}")
    else:
        yield undecidable(WORD, "the game server's word on this deal")


Rule = Callable[[_Trade], Iterator[Ruled]]
RULES: tuple[Rule, ...] = (
    _sale_order,
    _order,
    _deal,
    _reserved,
    _message,
    _key,
    _garbage,
    _paid_in,
    _proceeds,
    _word,
)
