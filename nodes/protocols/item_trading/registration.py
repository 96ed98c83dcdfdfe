"""Steps 1.4, 7 to 9 and V1 at the game server: the item is kept, moves, or the trade is void.

Registered and void exclude each other, each is said once and for all, and the e-cash that waits
for the trade follows that word. So registering (or voiding) is the commit point of both models.
"""

from collections.abc import Set

from crypto.documents import sign_document
from nodes.protocols.item_trading.certificate import (
    Game,
    GameChange,
    Ledger,
    check_certificate,
    new_record,
    replaced,
    require_not_expired,
    require_open,
)
from nodes.protocols.item_trading.documents import (
    Certificate,
    Deal,
    ItemCertificate,
    Reservation,
    certificate_digest,
)
from nodes.protocols.item_trading.guards import (
    item_is_reserved,
    sale_is_authorised,
    sale_is_in_time,
    transferee_is_named,
    void_is_final,
)
from nodes.protocols.item_trading.messages import (
    Moved,
    Register,
    Registered,
    Reserve,
    Reserved,
    TradeEnded,
    VoidTrade,
)
from nodes.protocols.item_trading.moves import To
from nodes.protocols.item_trading.payment import Outcome, reference_of, say
from nodes.protocols.item_trading.reading import changed, checked, require_sender
from nodes.protocols.item_trading.refusals import (
    AnotherGame,
    CertificateForged,
    CertificateRevoked,
    DealDiffers,
    TooEarly,
    TradeIsOver,
    UnknownMarket,
    WrongState,
)
from nodes.protocols.item_trading.sale_by_market import check_receipt
from nodes.protocols.item_trading.state import (
    GameTrade,
    ItemRecord,
    ItemState,
    TradeState,
    WorldItem,
)
from nodes.protocols.message import PartyId


def open_deal(signed: Reserve | Register | VoidTrade, markets: Set[PartyId], game: Game) -> Deal:
    """Of a certified market, about this game. Raises WrongDocument, UnknownMarket, AnotherGame."""
    deal = checked(Deal, signed.deal, 1)
    if deal.market not in markets:
        raise UnknownMarket()
    if deal.game_server != game.id:
        raise AnotherGame()
    return deal


def _known(ledger: Ledger, certificate: Certificate) -> ItemRecord:
    record = ledger.item(certificate.serial)
    if record is None:
        raise CertificateForged("this game has issued no such serial#")
    return record


# Step 1.4


def reserve(
    message: Reserve, sender: PartyId, markets: Set[PartyId], game: Game, ledger: Ledger
) -> tuple[GameChange, Reserved]:
    """Verify against the revocation list, and keep the item for this deal.

    A reservation whose time is over gives way to the next one: its trade is voided.

    Raises CertificateForged, CertificateRevoked, CertificateExpired, SaleNotAuthorised,
    SaleAuthorityExpired, ItemReserved, DealDiffers, TradeIsOver.
    """
    deal = open_deal(message, markets, game)
    require_sender(sender, deal.market)
    require_open(game)
    reference = reference_of(deal)
    trade = ledger.trade(reference) or GameTrade(reference, message.deal)
    if trade.state is TradeState.RESERVED:
        return GameChange(), _reserved(deal, game)
    if trade.state is not TradeState.NEW:
        raise TradeIsOver(f"the trade is {trade.state.value}")
    certificate = check_certificate(message.certificate, game.id, game.item_key.public_key)
    _check_deal(deal, certificate, message.certificate)
    record = _known(ledger, certificate)
    if record.state is not ItemState.CURRENT:
        raise CertificateRevoked()
    require_not_expired(certificate, deal.until)
    game.guards.require(
        sale_is_authorised,
        message.authority,
        certificate,
        certificate_digest(message.certificate.content),
        seller=deal.seller,
        market=deal.market,
        price=deal.price,
    )
    game.guards.require(sale_is_in_time, message.authority, game.now)
    lapsed = _lapsed(record, game, ledger)
    if lapsed is None:
        game.guards.require(item_is_reserved, record, deal, at_registration=False)
    kept = changed(record, reserved_for=reference)
    change = GameChange(
        items=(kept,),
        trades=(*_trades(lapsed), trade.moved(TradeState.RESERVED)),
        messages=_notices(lapsed),
    )
    return change, _reserved(deal, game)


def _reserved(deal: Deal, game: Game) -> Reserved:
    return Reserved(sign_document(Reservation(game.id, reference_of(deal)), game.key))


def _check_deal(deal: Deal, certificate: Certificate, shown: ItemCertificate) -> None:
    """Raises DealDiffers unless the deal is about the certificate that is shown."""
    named = (deal.serial, deal.certificate, deal.item)
    there = (certificate.serial, certificate_digest(shown.content), certificate.item)
    if named != there or deal.model != 1:
        raise DealDiffers()


def _lapsed(record: ItemRecord, game: Game, ledger: Ledger) -> GameTrade | None:
    """The trade that holds the item beyond its time, voided."""
    if record.reserved_for is None:
        return None
    holding = ledger.trade(record.reserved_for)
    assert holding is not None, "an item is kept for a trade that is on record"
    deal = checked(Deal, holding.deal, 1)
    if holding.state is not TradeState.RESERVED or game.now <= deal.until:
        return None
    return holding.moved(TradeState.VOID, word=say(game.key, deal, Outcome.VOID))


def _trades(trade: GameTrade | None) -> tuple[GameTrade, ...]:
    return () if trade is None else (trade,)


def _notices(trade: GameTrade | None) -> tuple[tuple[To, bytes], ...]:
    """Step 9: the market hears of every end, whoever brought it about."""
    if trade is None:
        return ()
    deal = checked(Deal, trade.deal, 1)
    assert trade.word is not None, "an end has its word"
    return ((To(deal.market, Moved(trade.word)), deal.trade),)


# Steps 7 to 9


def register(
    message: Register, sender: PartyId, markets: Set[PartyId], game: Game, ledger: Ledger
) -> tuple[GameChange, Registered]:
    """The item becomes the buyer's: the commit point. A repeat gets the same certificate.

    A genuine transfer of a certificate that has been replaced or has expired can never be
    registered: the answer is the word that the trade is void.

    Raises CertificateForged, ReceiptNotTheMarkets, ReceiptNamesAnotherItem, SaleNotAuthorised,
    TransfereeNotNamed, ItemReserved, TradeIsVoid, GameClosed.
    """
    deal = open_deal(message, markets, game)
    reference = reference_of(deal)
    trade = ledger.trade(reference) or GameTrade(reference, message.deal)
    if trade.state is TradeState.REGISTERED:
        return GameChange(), _again(trade, deal, sender)
    game.guards.require(void_is_final, trade)
    require_open(game)
    shown = message.goods.certificate
    certificate = check_certificate(shown, game.id, game.item_key.public_key)
    _check_right(message, sender, deal, certificate, game)
    record = _known(ledger, certificate)
    if record.state is not ItemState.CURRENT or record.expires < game.now:
        change, ended = _voided(trade, deal, game, ledger, tell=True)
        return change, Registered(ended.word, None)
    game.guards.require(item_is_reserved, record, deal, at_registration=True)
    return _move(trade, deal, record, sender, game)


def _again(trade: GameTrade, deal: Deal, sender: PartyId) -> Registered:
    """The stored answer, for the new owner only."""
    require_sender(sender, deal.buyer)
    assert trade.word is not None, "an end has its word"
    return Registered(trade.word, trade.certificate)


def _check_right(
    message: Register, sender: PartyId, deal: Deal, certificate: Certificate, game: Game
) -> None:
    """Model 1: the market's receipt and the owner's word to the market. Model 2: TS."""
    goods, guards = message.goods, game.guards
    named = certificate_digest(goods.certificate.content)
    if deal.model == 2:
        guards.require(transferee_is_named, goods.transfer, deal, certificate, named, sender)
        return
    check_receipt(
        goods.receipt,
        market=deal.market,
        client=sender,
        certificate=certificate,
        content=goods.certificate.content,
        deal=deal,
        guards=guards,
    )
    guards.require(
        sale_is_authorised,
        goods.authority,
        certificate,
        named,
        seller=deal.seller,
        market=deal.market,
        price=deal.price,
    )


def _move(
    trade: GameTrade, deal: Deal, record: ItemRecord, owner: PartyId, game: Game
) -> tuple[GameChange, Registered]:
    word = say(game.key, deal, Outcome.REGISTERED)
    new = new_record(game, owner, record.item, record.serial, record.serial)
    if trade.state is TradeState.VOID:
        trade = changed(trade, state=TradeState.NEW)  # only where void is not final
    done = trade.moved(TradeState.REGISTERED, word=word, certificate=new.certificate)
    change = GameChange(
        items=(replaced(record, new), new),
        trades=(done,),
        leaves_world=(record.serial,),
        enters_world=(WorldItem(new.serial, owner, record.item),),
        messages=_notices(done),
    )
    return change, Registered(word, new.certificate)


# V1


def void(
    message: VoidTrade, sender: PartyId, markets: Set[PartyId], game: Game, ledger: Ledger
) -> tuple[GameChange, TradeEnded]:
    """V1: the word as it stands, or now void. Raises NotYours, TooEarly."""
    deal = open_deal(message, markets, game)
    require_sender(sender, (deal.market, deal.buyer, deal.seller))
    reference = reference_of(deal)
    trade = ledger.trade(reference) or GameTrade(reference, message.deal)
    if trade.word is not None:
        return GameChange(), TradeEnded(trade.word)
    if sender != deal.market and game.now <= deal.until and not game.closed:
        raise TooEarly()
    return _voided(trade, deal, game, ledger, tell=sender != deal.market)


def _voided(
    trade: GameTrade, deal: Deal, game: Game, ledger: Ledger, *, tell: bool
) -> tuple[GameChange, TradeEnded]:
    word = say(game.key, deal, Outcome.VOID)
    ended = trade.moved(TradeState.VOID, word=word)
    record = ledger.item(deal.serial)
    freed: tuple[ItemRecord, ...] = ()
    if record is not None and record.reserved_for == trade.reference:
        freed = (changed(record, reserved_for=None),)
    notices = _notices(ended) if tell else ()
    return GameChange(items=freed, trades=(ended,), messages=notices), TradeEnded(word)


def close(trade: GameTrade, game: Game, ledger: Ledger) -> GameChange:
    """The game ends (footnote 3): every trade that is reserved is void."""
    if trade.state is not TradeState.RESERVED:
        raise WrongState("only what is reserved is voided so")
    return _voided(trade, checked(Deal, trade.deal, 1), game, ledger, tell=True)[0]
