"""Choose, commit and sign; take in; how far a set of coins is. Used by peers and escrow servers.

Everything that signs or takes in coins happens inside the caller's transaction, together with the
record of what it is for.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence

from dht.records import Kind
from nodes.protocols.dht_micropayment import holding as rule
from nodes.protocols.dht_micropayment.coin import Evidence
from nodes.protocols.dht_micropayment.holding import CoinState, Holding
from nodes.protocols.dht_micropayment.payment import Progress
from nodes.protocols.dht_micropayment.refusals import NoQuorum
from nodes.protocols.dht_micropayment.step import next_register
from nodes.protocols.dht_micropayment.transfer import (
    Receiver,
    Transfer,
    check_transfers,
    terms_of,
)
from nodes.protocols.message import Milliseconds, PartyId, TransactionId
from nodes.ring import Ring
from nodes.runtime.party import Party
from nodes.runtime.service import Service
from nodes.runtime.store import Transaction
from nodes.wallet.follow import Follower
from nodes.wallet.purse import Purse
from nodes.wallet.registers import CoinRegisters
from nodes.wallet.trust import CoinTrust


class Wallet:
    def __init__(self, service: Service, ring: Ring) -> None:
        self.party: Party = service.party
        self.service = service
        self.trust = CoinTrust(service.party).by_votes_known_to(ring.dht)
        self.registers = CoinRegisters(service.party, ring)
        self.purse = Purse(service.party.store)
        self.follower = Follower(service, ring, self.purse, self.registers, self.trust)
        self.write_seconds = ring.write_seconds

    @property
    def quorum_milliseconds(self) -> int:
        """How long a payee reckons with to have a coin certified."""
        return int(self.write_seconds * 1000)

    # paying

    async def reserve(
        self, count: int, fit: Callable[[Holding], bool], transaction: TransactionId
    ) -> list[Holding]:
        """`count` coins, spoken for, whose next register was probed and can answer (P0).

        Signing pins a coin to its register, so one that cannot answer is passed over for another.
        Let go of them after the commit. Raises NotEnoughCoins.
        """
        await self.registers.ready()
        tried: list[Holding] = []
        chosen: list[Holding] = []
        try:
            while len(chosen) < count:
                batch = rule.choose(self.purse.free(), count - len(chosen), fit)
                tried += batch
                self.purse.speak_for(batch)
                answers = await asyncio.gather(*(self._probe(coin, transaction) for coin in batch))
                chosen += [coin for coin, good in zip(batch, answers, strict=True) if good]
        except BaseException:
            self.purse.let_go(tried)
            raise
        self.purse.let_go(coin for coin in tried if coin not in chosen)
        return chosen

    async def _probe(self, coin: Holding, transaction: TransactionId) -> bool:
        name = next_register(coin.coin, coin.step)
        return await self.registers.probe(name, transaction)

    async def require_answer(self, coin: Holding, transaction: TransactionId) -> None:
        """P0 for one given coin. Raises NoQuorum."""
        await self.registers.ready()
        if not await self._probe(coin, transaction):
            raise NoQuorum("the register of its next step does not answer")

    def can_pay(self, until: Milliseconds) -> Callable[[Holding], bool]:
        return lambda coin: rule.can_pay(coin, until, self.quorum_milliseconds)

    def can_redeem(self) -> Callable[[Holding], bool]:
        return lambda coin: rule.can_redeem(coin, self.party.now())

    def commit(
        self,
        tx: Transaction,
        keys: Sequence[bytes],
        payee: PartyId,
        order: bytes,
        transaction: TransactionId,
        *,
        redeem: bool = False,
    ) -> tuple[Holding, ...]:
        """Decide the next step of each of these coins: all to one payee, for one order."""
        coins = [self.purse.load(tx, key) for key in keys]
        terms = terms_of(order, [coin.chain for coin in coins])
        kind: Kind = "redeem" if redeem else "pay"
        committed = tuple(
            rule.commit(coin, kind, payee, terms, transaction, self.party.id, self.party.guards)
            for coin in coins
        )
        for coin in committed:
            self.purse.save(tx, coin)
        return committed

    def sign(self, coins: Iterable[Holding]) -> tuple[Transfer, ...]:
        """The committed steps of these coins, as they travel: the same bytes every time."""
        return tuple(rule.sign_committed(coin, self.party.key) for coin in coins)

    def committed(self, keys: Iterable[bytes]) -> tuple[Transfer, ...]:
        """The same for coins that are on disk."""
        return self.sign(self.coins(keys))

    def hand_over(self, tx: Transaction, keys: Iterable[bytes]) -> None:
        """Who got these coins has said so in a signed receipt."""
        for key in keys:
            coin = self.purse.load(tx, key)
            if coin.state is CoinState.OUTGOING:
                self.purse.save(tx, rule.handed_over(coin))

    # being paid

    def receiver(self, *, lenient: bool = False, pays_on: bool = False) -> Receiver:
        party = self.party
        return Receiver(party.id, party.now(), self.quorum_milliseconds, lenient, pays_on)

    def check(self, transfers: Sequence[Transfer], order: bytes, receiver: Receiver) -> None:
        """Raise the refusal of whatever is wrong with a payment to this party."""
        check_transfers(transfers, order, receiver, self.trust.now(), kind="pay")

    def take_in(
        self, tx: Transaction, transfers: Iterable[Transfer], transaction: TransactionId
    ) -> tuple[bytes, ...]:
        """Checked transfers to this party: their keys. Follow them once they are on disk."""
        return tuple(
            self.purse.take_in(tx, rule.received(transfer, transaction)) for transfer in transfers
        )

    def open(
        self, tx: Transaction, evidence: Iterable[Evidence], transaction: TransactionId
    ) -> tuple[bytes, ...]:
        """Coins the broker issued to this party."""
        return tuple(self.purse.take_in(tx, rule.opened(one, transaction)) for one in evidence)

    # how far

    def coins(self, keys: Iterable[bytes]) -> tuple[Holding, ...]:
        found = [self.purse.get(key) for key in keys]
        return tuple(coin for coin in found if coin is not None)

    def progress(self, keys: Sequence[bytes]) -> Progress:
        """Of coins on their way in."""
        coins = self.coins(keys)
        return Progress(
            certified=all(coin.certificate is not None and not coin.rivals for coin in coins),
            found_absent=all(key in self.follower.found_absent for key in keys),
            conflict=any(is_spoilt(coin) for coin in coins),
        )

    async def until(self, there: Callable[[], bool], seconds: float | None) -> bool:
        """Whether the condition holds now or within `seconds`; looked at after every commit."""
        try:
            async with asyncio.timeout(seconds):
                while not there():
                    await self.party.observer.changed()
        except TimeoutError:
            return there()
        return True

    async def until_resolved(self, keys: Sequence[bytes], seconds: float | None) -> bool:
        """Whether each of these coins has come, or never will."""

        def resolved() -> bool:
            return all(coin.state is not CoinState.INCOMING for coin in self.coins(keys))

        return await self.until(resolved, seconds)


def is_spoilt(coin: Holding) -> bool:
    """Another record is shown for it: no goods leave for this coin."""
    never_came = coin.state is CoinState.CLOSED and coin.certificate is None
    return never_came or bool(coin.rivals)
