"""A holder of e-cash, and orders of its coins that no wallet remembers having signed."""

import fnmatch
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from crypto import codec
from crypto.documents import sign_document
from crypto.signing import SigningKey
from nodes.protocols.electronic_cash import exchange, spending
from nodes.protocols.electronic_cash import messages as words
from nodes.protocols.electronic_cash.circulation import parcel_digest
from nodes.protocols.electronic_cash.condition import condition_digest
from nodes.protocols.electronic_cash.documents import (
    Condition,
    Debt,
    Presentation,
    Spend,
    SpendOrder,
)
from nodes.protocols.electronic_cash.holding import HeldCoin, Spending
from nodes.protocols.electronic_cash.spending import Wanted
from nodes.protocols.message import Message
from scenarios.lab.node_client import Node
from tests.battery.altered import altered
from tests.battery.battery import hears
from tests.battery.letters import Sample
from tests.battery.players import Holder, Player
from tests.battery.stage import Stage

AMOUNT = 4
ORDER = b"o" * 32
T = TypeVar("T")
Elsewhere = dict[str, tuple[Sample, str]]
Made = Callable[[Spend], Sample]
"""A message that carries an order."""


def code(name: str) -> str:
    return f"electronic_cash/{name}"


UNSIGNED = {
    "coin_server": code("wrong-coin-server"),
    "kind": code("wrong-kind"),
    "*": code("spend-not-signed"),
}
"""What an altered order is refused with while the coins' signatures are as they were."""
SIGNED = {
    "coin_server": code("wrong-coin-server"),
    "kind": code("wrong-kind"),
    "coins.*.coin_server": code("wrong-coin-server"),
    "coins.*.key": code("spend-not-signed"),
    "coins.*": code("coin-forged"),
    "amount": code("value-changed"),
    "outputs.*.amount": code("value-changed"),
}
"""And when its holder signs it so."""
PAID = {
    "payee": code("payee-is-not-you"),
    "amount": code("payment-not-as-ordered"),
    "reference": code("payment-not-as-ordered"),
}
"""What is looked at first in an order that pays somebody."""


class Ready:
    def __init__(self, stage: Stage) -> None:
        self.stage, world = stage, stage.world

        self.holder = next(one for one in stage.players if isinstance(one, Holder))
        self.seller = stage.seller
        self.authority = world.certificate_authority
        self.bank, self.home = world.node("bank-account-server"), world.node("coin-server-1")
        self.second, self.merchant = world.node("coin-server-2"), world.peers[0]
        self.banks_voice, self.homes_voice, self.seconds_voice, self.merchants_voice = map(
            stage.voice_of, (self.bank, self.home, self.second, self.merchant)
        )
        self._index = 1000

    async def make(self) -> "Ready":
        await self.holder.withdraw_cash(127, self.home.name)
        coins = {held.coin.amount: held for held in self.holder.cash.purse.coins}
        self.from_bank = [coins[64], coins[2], coins[1]]
        self.change = self.signed("exchange", [coins[32], coins[16], coins[8], coins[4]], [4] * 15)
        asked = exchange.request_exchange(self.change)
        answer = await self.told(asked, self.holder, self.home, words.Exchanged)
        wallet, guards = self.holder.cash.purse.wallet, self.holder.party.guards
        _, made = spending.settled(self.change, answer.change, wallet, guards)
        self.coins = list(made)
        (self.spent,) = self.take(1)
        self.paid = self.signed("pay", [self.spent], payee=self.seller.party.id)
        accepted = await self.told(
            self.presented(self.paid.spend), self.seller, self.home, words.Accepted
        )
        self.entry = accepted.entry
        await self._deposit_of_the_merchant()
        await self.bank.control("declare_lost", coin_server=self.second.name)
        return self

    async def _deposit_of_the_merchant(self) -> None:
        asked = await self.merchant.control("cash_withdraw", amount=7)
        await self.merchant.until(asked["transaction"], "completed")
        asked = await self.merchant.control("cash_deposit", amount=3)
        await self.merchant.until(asked["transaction"], "settled")

    # saying things

    def fresh(self) -> bytes:
        return self.holder.party.fresh_transaction()

    def sample(self, message: Message, sender: Player, to: Node, **how: Any) -> Sample:
        return Sample(message, sender, to, how.pop("transaction", self.fresh()), **how)

    async def told(self, message: Message, sender: Player, to: Node, answer: type[T]) -> T:
        said = await hears(self.stage, self.sample(message, sender, to))
        assert isinstance(said, answer)
        return said

    # orders

    @staticmethod
    def id(node: Node) -> bytes:
        return bytes.fromhex(node.id)

    def take(self, count: int) -> list[HeldCoin]:
        """Coins that nobody else in this test uses."""
        taken, self.coins = self.coins[:count], self.coins[count:]
        assert len(taken) == count, "withdraw more"
        return taken

    def until(self) -> int:
        return self.holder.party.now() + 600_000

    def signed(
        self,
        kind: Any,
        coins: Sequence[HeldCoin],
        outputs: Sequence[int] = (),
        payee: bytes | None = None,
        reference: bytes | None = ORDER,
        **how: Any,
    ) -> Spending:
        """All of the coins, but for the outputs, to the payee."""
        amount = sum(held.coin.amount for held in coins) - sum(outputs)
        until = how.pop("until", self.until())
        wanted = Wanted(kind, amount, payee, reference, until, tuple(outputs), **how)
        self._index += 1
        made, _ = spending.order(
            wanted,
            coins,
            self.holder.cash.purse.wallet,
            self._index,
            sealing_key=self.sealing_key_of(self.home),
            transaction=self.fresh(),
        )
        return made

    def pended(self, coins: Sequence[HeldCoin], **how: Any) -> Spending:
        condition = Condition(
            judge=self.seller.party.id,
            transaction=ORDER,
            payee_key=SigningKey.generate().public_key,
            refund_key=SigningKey.generate().public_key,
            until=self.until(),
        )
        reference = condition_digest(condition)
        return self.signed("pend", coins, reference=reference, condition=condition, **how)

    def sealing_key_of(self, node: Node) -> bytes:
        return self.holder.party.directory.known(self.id(node)).sealing_key

    def keys_of(self, coins: Sequence[HeldCoin]) -> list[SigningKey]:
        wallet = self.holder.cash.purse.wallet
        return [wallet.one_time_key(held.path) for held in coins]

    def parcel(self, spend: Spend) -> bytes:
        return spending.seal_parcel(spend, self.id(self.home), self.sealing_key_of(self.home))

    def presented(self, spend: Spend, payee: Player | None = None, **changes: Any) -> words.Present:
        payee, parcel = payee or self.seller, changes.pop("sealed", None) or self.parcel(spend)
        document = Presentation(
            payee=payee.party.id,
            home=self.id(self.home),
            amount=AMOUNT,
            reference=ORDER,
            parcel=parcel_digest(parcel),
            key=SigningKey.generate().public_key,
        )
        document = msgspec.structs.replace(document, **changes)
        return words.Present(sign_document(document, payee.party.key), parcel)

    def debt(self, **changes: Any) -> Debt:
        home, second, bank = map(self.id, (self.home, self.second, self.bank))
        made = Debt(home, second, bank, 1, self.holder.party.fresh(32))
        return msgspec.structs.replace(made, **changes)

    # what is wrong with orders

    def misordered(
        self,
        order: Spending,
        coins: Sequence[HeldCoin],
        made: Made,
        first: Mapping[str, str] = {},
    ) -> Elsewhere:
        """Every field of an order altered, with the coins' signatures as they were and anew."""
        right = codec.decode(order.spend.order, SpendOrder)
        keys, found = self.keys_of(coins), {}
        for one in altered(right):
            new = one.message
            old = Spend(codec.encode(new), order.spend.signatures)
            anew = spending.sign_order(new, keys)
            for how, spend, rules in (("", old, UNSIGNED), (", signed anew", anew, SIGNED)):
                refusal = _first_of({**first, **rules, **first}, one.field)
                if refusal:
                    found[f"order's {one.field} altered{how}"] = (made(spend), refusal)
        return {**found, **self._out_of_place(right, order, coins, made)}

    def _out_of_place(
        self, right: SpendOrder, order: Spending, coins: Sequence[HeldCoin], made: Made
    ) -> Elsewhere:
        keys = self.keys_of(coins)
        now, (other, *_) = self.holder.party.now(), self.coins

        def signed(signers: Sequence[SigningKey] = keys, **changes: Any) -> Sample:
            return made(spending.sign_order(msgspec.structs.replace(right, **changes), signers))

        gone = msgspec.structs.replace(right, coins=(self.spent.coin, *right.coins[1:]))
        gone_keys = [*self.keys_of([self.spent]), *keys[1:]]
        in_use = tuple(
            msgspec.structs.replace(output, key=other.coin.key) for output in right.outputs[:1]
        )
        twice = (*right.coins, right.coins[0])
        content, signatures = order.spend.order, order.spend.signatures
        found = {
            "too late": (signed(valid_until=now - 1), code("order-too-late")),
            "without an end": (signed(valid_until=None), code("order-too-late")),
            "with a coin twice": (
                signed([*keys, keys[0]], coins=twice),
                code("coin-given-twice"),
            ),
            "with a coin that is gone": (
                made(spending.sign_order(gone, gone_keys)),
                code("coin-not-circulating"),
            ),
            "with a signature less": (
                made(Spend(content, signatures[:-1])),
                code("spend-not-signed"),
            ),
            "without an order": (made(Spend(b"", signatures)), code("parcel-unreadable")),
            "under a key that tells everybody": (
                signed(reply_key=bytes(32)),
                code("parcel-unreadable"),
            ),
        }
        if in_use:
            outputs = (*in_use, *right.outputs[1:])
            found["to a key in use"] = (signed(outputs=outputs), code("key-in-use"))
        return found


def _first_of(rules: Mapping[str, str], field: str) -> str:
    return next((c for p, c in rules.items() if fnmatch.fnmatchcase(field, p)), "")
