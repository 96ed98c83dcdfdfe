"""The wallet: every secret follows from one seed, so a lost disk loses no coin (3.2 of the paper).

Each operation takes the next index. Nonce, handle, session key, reply key and one-time keys are
made from (seed, index); a coin's key from (seed, index, place). Whoever has the seed asks the bank
for each withdrawal by its nonce, and the coin servers for each one-time key (Q1).
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from crypto.hashing import authenticate
from crypto.sealing import SealingKey
from crypto.signing import SigningKey
from nodes.protocols.electronic_cash.blinding import withdrawal_id
from nodes.protocols.electronic_cash.coin import MAX_COINS
from nodes.protocols.electronic_cash.holding import (
    CoinPhase,
    HeldCoin,
    Path,
    Withdrawing,
    WithdrawingPhase,
)
from nodes.protocols.electronic_cash.messages import WithdrawalState
from nodes.protocols.electronic_cash.refusals import NotEnoughCoins, TooManyCoins
from nodes.protocols.message import PartyId, TransactionId

ByAmount = dict[int, list[HeldCoin]]

SEED_BYTES = 32
PLACES_SEARCHED = 8
"""How many coins of one order a recovery looks for at first; a wallet orders no more for itself."""
GAP = 20
"""A recovery ends after so many indexes in a row under which nothing is known."""


@dataclass(frozen=True)
class Wallet:
    """The secrets of one holder."""

    seed: bytes

    def _derive(self, label: str, index: int, place: int = 0) -> bytes:
        numbers = (index.to_bytes(8, "big"), place.to_bytes(8, "big"))
        return authenticate(self.seed, f"electronic_cash/wallet/{label}", *numbers)

    def nonce(self, index: int) -> bytes:
        return self._derive("nonce", index)

    def handle(self, index: int) -> bytes:
        return self._derive("handle", index)

    def session_key(self, index: int) -> bytes:
        """SK."""
        return self._derive("session", index)

    def reply_key(self, index: int) -> SealingKey:
        """epk and its private half."""
        return SealingKey(self._derive("reply", index))

    def answer_key(self, index: int) -> SealingKey:
        """What a merchant answers to; the coin server answers to the other one."""
        return SealingKey(self._derive("answer", index))

    def one_time_key(self, path: Path) -> SigningKey:
        return SigningKey(self._derive("coin", path.index, path.place))

    def one_time_keys(self, index: int, count: int) -> tuple[SigningKey, ...]:
        return tuple(self.one_time_key(Path(index, place)) for place in range(count))


def balance(coins: Iterable[HeldCoin]) -> int:
    return sum(held.coin.amount for held in coins if held.state is CoinPhase.HELD)


def choose(
    coins: Iterable[HeldCoin], amount: int, home: PartyId | None = None
) -> tuple[HeldCoin, ...]:
    """Coins of one home worth `amount` or a little more.

    Exact where taking the largest that fit comes out even; else one more coin, whose change comes
    back. Raises NotEnoughCoins or TooManyCoins.
    """
    homes: dict[PartyId, ByAmount] = defaultdict(lambda: defaultdict(list))
    for held in coins:
        if held.state is CoinPhase.HELD and home in (None, held.coin.coin_server):
            homes[held.coin.coin_server][held.coin.amount].append(held)
    rich = [held for held in homes.values() if sum(a * len(held[a]) for a in held) >= amount]
    if not rich or amount < 1:
        raise NotEnoughCoins()
    chosen = min((_cover(held, amount) for held in rich), key=len)
    if len(chosen) > MAX_COINS:
        raise TooManyCoins()
    return chosen


def _cover(coins: ByAmount, amount: int) -> tuple[HeldCoin, ...]:
    """Of coins of one amount the first by key; the one whose change comes back is the last."""
    chosen: list[HeldCoin] = []
    left: dict[int, list[HeldCoin]] = {}
    rest = amount
    for each in sorted(coins, reverse=True):
        count = min(rest // each, len(coins[each]))
        of_this = sorted(coins[each], key=_key) if count else coins[each]
        chosen += of_this[:count]
        left[each] = of_this[count:]
        rest -= count * each
    if rest:
        large_enough = [each for each in left if each >= rest and left[each]]
        if not large_enough:
            raise NotEnoughCoins()
        chosen.append(max(left[min(large_enough)], key=_key))
    return tuple(chosen)


def _key(held: HeldCoin) -> bytes:
    return held.coin.key


def recovered(
    wallet: Wallet,
    index: int,
    account: PartyId,
    bank: PartyId,
    state: WithdrawalState,
    transaction: TransactionId,
) -> Withdrawing | None:
    """User with nothing but its seed: the withdrawal made under this index, as the bank knows it.

    The block is lost; what came back is still checked against the session key in it.
    """
    if state.coin_server is None or not state.denominations:
        return None
    nonce = wallet.nonce(index)
    return Withdrawing(
        withdrawal=withdrawal_id(bank, account, nonce),
        state=WithdrawingPhase.ACCEPTED,
        index=index,
        bank=bank,
        coin_server=state.coin_server,
        denominations=state.denominations,
        nonce=nonce,
        block=b"",
        transaction=transaction,
    )
