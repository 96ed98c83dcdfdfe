"""What pay, exchange, deposit and pend have in common for a holder: an order, signed by its coins.

The holder signs with each coin's one-time key what is to become of it, and seals that for the
coins' home. What becomes of it the home tells again to whoever has the first coin's key (P5), and
which coins circulate to whoever has theirs (Q1).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from crypto import codec
from crypto.codec import MalformedEncoding
from crypto.sealing import CannotOpen, seal
from crypto.signing import InvalidSignature, SigningKey, verify
from nodes.protocols.electronic_cash import guards as rules
from nodes.protocols.electronic_cash.circulation import (
    ASK,
    FETCH,
    HOLDER,
    KEPT,
    CoinServer,
    _change_context,
    _evidence_context,
    _parcel_context,
    request_of,
)
from nodes.protocols.electronic_cash.coin import (
    Coin,
    is_genuine,
    issued,
    serial,
)
from nodes.protocols.electronic_cash.documents import (
    ChangeBlock,
    Condition,
    Kind,
    OrderState,
    Output,
    Spend,
    SpendOrder,
)
from nodes.protocols.electronic_cash.guards import SPEND
from nodes.protocols.electronic_cash.holding import (
    CoinPhase,
    HeldCoin,
    Path,
    Spending,
    SpendingPhase,
)
from nodes.protocols.electronic_cash.messages import (
    AcknowledgeChange,
    ChangeAnswer,
    ChangeQuery,
    CoinAnswer,
    CoinQuery,
)
from nodes.protocols.electronic_cash.refusals import (
    ChangeDiffers,
    OrderTooLate,
    SpendNotSigned,
    UnknownRequest,
    ValueChanged,
)
from nodes.protocols.electronic_cash.state import Entry, Vault
from nodes.protocols.electronic_cash.wallet import Wallet
from nodes.protocols.guard import Guards
from nodes.protocols.message import Amount, Milliseconds, PartyId, TransactionId

CARRIED_BY_OTHERS = frozenset({"pay", "deposit"})
"""A merchant or the bank brings the coins to their home, in a parcel, and its answer back."""


@dataclass(frozen=True)
class Wanted:
    """What a holder decides about an order."""

    kind: Kind
    amount: Amount
    payee: PartyId | None
    reference: bytes | None
    valid_until: Milliseconds
    outputs: tuple[Amount, ...] | None = None
    """Amounts of its own new coins; None: one for the rest."""
    condition: Condition | None = None
    opening: bytes | None = None
    """Of a deposit: the nonce in its id."""


def order(
    wanted: Wanted,
    coins: Sequence[HeldCoin],
    wallet: Wallet,
    index: int,
    *,
    sealing_key: bytes,
    transaction: TransactionId,
) -> tuple[Spending, tuple[HeldCoin, ...]]:
    """Sign the coins over to a purpose. Save both results before anything is sent.

    `sealing_key`: of the coins' home. Raises ValueChanged when the outputs do not fit the rest.
    """
    home = coins[0].coin.coin_server
    rest = sum(held.coin.amount for held in coins) - wanted.amount
    amounts = wanted.outputs if wanted.outputs is not None else (rest,) if rest else ()
    if sum(amounts) != rest:
        raise ValueChanged()
    keys = wallet.one_time_keys(index, len(amounts))
    made = SpendOrder(
        kind=wanted.kind,
        coin_server=home,
        coins=tuple(held.coin for held in coins),
        amount=wanted.amount,
        payee=wanted.payee,
        reference=wanted.reference,
        outputs=tuple(Output(k.public_key, a) for k, a in zip(keys, amounts, strict=True)),
        reply_key=wallet.reply_key(index).public_key,
        valid_until=wanted.valid_until,
        nonce=wallet.nonce(index),
        condition=wanted.condition,
    )
    spend = sign_order(made, [wallet.one_time_key(held.path) for held in coins])
    request, parcel = request_of(spend.order), b""
    if wanted.kind in CARRIED_BY_OTHERS:
        parcel = seal_parcel(spend, home, sealing_key)
    spending = Spending(
        request=request,
        state=SpendingPhase.SIGNED,
        kind=wanted.kind,
        index=index,
        coin_server=home,
        amount=wanted.amount,
        payee=wanted.payee,
        reference=wanted.reference,
        serials=tuple(serial(held.coin) for held in coins),
        first=coins[0].path,
        outputs=made.outputs,
        parcel=parcel,
        spend=spend,
        transaction=transaction,
        opening=wanted.opening,
    )
    return spending, tuple(held.moved(CoinPhase.PLEDGED, request=request) for held in coins)


def valid_until(spending: Spending) -> Milliseconds:
    """The last moment its order serves; 0 where it has none."""
    return codec.decode(spending.spend.order, SpendOrder).valid_until or 0


def sign_order(made: SpendOrder, keys: Sequence[SigningKey]) -> Spend:
    content = codec.encode(made)
    return Spend(content, tuple(key.sign(SPEND, content) for key in keys))


def seal_parcel(spend: Spend, coin_server: PartyId, sealing_key: bytes) -> bytes:
    """Z. Another ciphertext each time."""
    return seal(sealing_key, codec.encode(spend), _parcel_context(coin_server))


def settled(
    spending: Spending, change: bytes, wallet: Wallet, guards: Guards
) -> tuple[Spending, tuple[HeldCoin, ...]]:
    """The order was carried out: the new coins. Raises ChangeDiffers, SettlementMissing."""
    made = codec.decode(spending.spend.order, SpendOrder)
    block = open_change(spending, change, wallet)
    guards.require(rules.settlement_is_confirmed, block.settlement, made, spending.request)
    if tuple(Output(coin.key, coin.amount) for coin in block.coins) != made.outputs:
        raise ChangeDiffers()
    for coin in block.coins:
        if coin.coin_server != made.coin_server or coin.period or not is_genuine(coin, ()):
            raise ChangeDiffers("a coin of the change is not the coin server's")
    coins = tuple(
        HeldCoin(coin, Path(spending.index, place)) for place, coin in enumerate(block.coins)
    )
    done = spending.moved(SpendingPhase.SETTLED, settlement=block.settlement, pending=block.pending)
    return done, coins


def open_change(spending: Spending, change: bytes, wallet: Wallet) -> ChangeBlock:
    try:
        key = wallet.reply_key(spending.index)
        return codec.decode(key.open(change, _change_context(spending.request)), ChangeBlock)
    except (CannotOpen, MalformedEncoding) as error:
        raise ChangeDiffers(str(error)) from error


def refused(spending: Spending, reason: str, sealed: bytes, wallet: Wallet, guards: Guards) -> None:
    """A coin is said to be gone. Raises RetirementNotShown unless its holder's order is shown."""
    made = codec.decode(spending.spend.order, SpendOrder)
    evidence = b""
    try:
        key = wallet.reply_key(spending.index)
        evidence = key.open(sealed, _evidence_context(spending.request))
    except CannotOpen:
        pass  # then nothing is shown
    guards.require(rules.retirement_is_shown, made.coins, evidence)


def ask_for_change(spending: Spending, wallet: Wallet) -> ChangeQuery:
    """Step P5."""
    key = wallet.one_time_key(spending.first)
    signature = key.sign(FETCH, spending.coin_server + spending.request)
    return ChangeQuery(spending.request, key.public_key, signature)


def acknowledge_change(spending: Spending, wallet: Wallet) -> AcknowledgeChange:
    """Step J2."""
    key = wallet.one_time_key(spending.first)
    signature = key.sign(KEPT, spending.coin_server + spending.request)
    return AcknowledgeChange(spending.request, signature)


def ask_for_coin(
    wallet: Wallet, path: Path, coin_server: PartyId, now: Milliseconds, reply_key: bytes
) -> CoinQuery:
    """Step Q1. `reply_key` is a fresh one: two questions must not look alike."""
    key = wallet.one_time_key(path)
    signature = key.sign(ASK, coin_server + now.to_bytes(8, "big"))
    return CoinQuery(key.public_key, now, signature, reply_key)


def found(answer: CoinAnswer, wallet: Wallet, path: Path, coin_server: PartyId) -> HeldCoin | None:
    """Step Q2: the coin, where the coin server signed it; one of the bank's is got from there."""
    if answer.entropy is None or answer.signature is None:
        return None
    key = wallet.one_time_key(path).public_key
    coin = Coin(coin_server, key, answer.entropy, answer.amount, None, answer.signature)
    return HeldCoin(coin, path) if is_genuine(coin, ()) else None


def acknowledged(entry: Entry | None, by: str) -> Entry | None:
    """Steps J1, J2: the entry without who has acknowledged; None when nobody waits any more."""
    if entry is None:
        return None
    waiting = tuple(who for who in entry.waiting if who != by)
    return msgspec.structs.replace(entry, waiting=waiting) if waiting else None


def holder_acknowledges(
    entry: Entry | None, message: AcknowledgeChange, me: PartyId
) -> Entry | None:
    """Step J2. Raises SpendNotSigned for anyone but the holder."""
    if entry is not None:
        _check_holder(entry.holder or b"", KEPT, me + message.request, message.signature)
    return acknowledged(entry, HOLDER)


def tell_change(query: ChangeQuery, entry: Entry | None, me: PartyId, vault: Vault) -> ChangeAnswer:
    """Steps P5, P6. Raises SpendNotSigned for anyone but the holder of the first coin."""
    _check_holder(query.key, FETCH, me + query.request, query.signature)
    if entry is None:
        is_open = vault.serial_under(query.key) is not None
        return ChangeAnswer(OrderState.OPEN if is_open else OrderState.FORGOTTEN, None)
    if entry.holder != query.key:
        raise UnknownRequest()
    return ChangeAnswer(OrderState.SETTLED, entry.change)


QUERY_MILLISECONDS = 60_000


def tell_coin(query: CoinQuery, coin_server: CoinServer, vault: Vault) -> CoinAnswer:
    """Steps Q1, Q2. Raises SpendNotSigned, or OrderTooLate for an old question."""
    me = coin_server.id
    _check_holder(query.key, ASK, me + query.at.to_bytes(8, "big"), query.signature)
    if abs(coin_server.now - query.at) > QUERY_MILLISECONDS:
        raise OrderTooLate("an old question")
    serial_ = vault.serial_under(query.key)
    coin = vault.coin(serial_) if serial_ else None
    if coin is None:
        return CoinAnswer(None, 0, None, None)
    signature = None
    if coin.period is None:
        signature = issued(coin_server.key, coin.key, coin.entropy, coin.amount).signature
    return CoinAnswer(coin.entropy, coin.amount, coin.period, signature)


def _check_holder(key: bytes, label: str, message: bytes, signature: bytes) -> None:
    try:
        verify(key, label, message, signature)
    except InvalidSignature as error:
        raise SpendNotSigned() from error
