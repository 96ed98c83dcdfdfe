"""A customer with vouchers and money under a pseudonym, and a vendor it has ordered from."""

import fnmatch
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from crypto.sealing import SealingKey
from nodes.protocols.accounts.messages import AccountOpened, OpenAccount
from nodes.protocols.anonymous_micropayment import deposit, disposal, order, question, settlement
from nodes.protocols.anonymous_micropayment import messages as words
from nodes.protocols.anonymous_micropayment import voucher as vouchers
from nodes.protocols.anonymous_micropayment.messages import Blinded, Funds, Voucher
from nodes.protocols.anonymous_micropayment.state import Wallet
from nodes.protocols.anonymous_micropayment.values import (
    Decision,
    Order,
    PseudonymCertificate,
)
from nodes.protocols.message import Message, PartyId
from scenarios.lab.node_client import Node
from tests.battery.altered import altered
from tests.battery.battery import hears
from tests.battery.letters import Sample
from tests.battery.players import Player
from tests.battery.stage import Stage

VENDOR = "player-vendor"
GOODS, PRICE = "song", 5
FUNDED = 300
Elsewhere = dict[str, tuple[Sample, str]]
T = TypeVar("T")


def code(name: str) -> str:
    return f"anonymous_micropayment/{name}"


def each_altered(
    value: Any, rules: Mapping[str, str], made: Callable[[Any], Sample]
) -> dict[str, tuple[Sample, str]]:
    """What stands sealed or tagged inside a message, altered field by field by its maker."""
    found = {}
    for one in altered(value):
        for pattern, refusal in rules.items():
            if fnmatch.fnmatchcase(one.field, pattern):
                found[f"{one.field} altered, and made anew"] = (made(one.message), refusal)
                break
    return found


class Ready:
    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.buyer, self.seller = stage.buyer, stage.seller
        self.broker, self.authority = stage.world.broker, stage.world.certificate_authority
        self.at_broker = bytes.fromhex(self.broker.id)
        self.vendor, self.no_vendor = stage.world.peers[:2]
        self.brokers_voice = stage.voice_of(self.broker)

    async def make(self) -> "Ready":
        for player in (self.buyer, self.seller):
            await self.told(OpenAccount(), player, self.broker, AccountOpened)
        asked = words.AskSharedKey()
        given = await self.told(asked, self.brokers_voice, self.authority, words.SharedKeyGiven)
        self.shared_key = given.key
        await self._fund()
        registered = await self.told(
            words.RegisterVendor(VENDOR), self.seller, self.broker, words.VendorRegistered
        )
        self.vendor_key = registered.key
        await self.vendor.control("pid_sell", goods=GOODS, price=PRICE, text="la la la")
        self.settled = {number: await self._bought(number) for number in (1, 4, 6, 7)}
        for number, to in ((6, self.buyer.party.id), (7, None)):
            disposed = disposal.dispose(self.settled[number], to, self.vendor_key)
            await self.told(disposed, self.seller, self.broker, words.OrderDisposed)
        self.refunded = self.refund(await self.blinded((10,)), self.fresh())
        await self.told(self.refunded, self.buyer, self.broker, words.PrepaidRefunded)
        return self

    async def _fund(self) -> None:
        signed = (
            await self.told(words.AskVoucherKeys(), self.buyer, self.broker, words.VoucherKeysGiven)
        ).keys
        self.keys = vouchers.read_keys(signed, self.at_broker)
        self.vouchers = await self.bought_vouchers((100,) * 3 + (10,) * 12)
        self.spent = self.take(3)
        self.wallet = await self.named()
        party = self.buyer.party
        made = deposit.start_deposit(
            self.wallet,
            self.funds(self.spent),
            FUNDED,
            deposit.FreshDeposit(self.fresh(), party.fresh(32)),
            self.fresh(),
            hides=False,
            broker_sealing_key=self.brokers_sealing_key,
            orders_open=False,
            deposit_open=False,
            guards=party.guards,
        )
        answer = await self.told(made.message, self.buyer, self.broker, words.DepositConfirmed)
        confirmed = deposit.open_confirmation(answer, made)
        assert confirmed.balance == FUNDED
        self.deposited, self.secret = made, confirmed.secret
        self.wallet = msgspec.structs.replace(self.wallet, secret=self.secret)

    async def _bought(self, number: int) -> Order:
        made = self.order(number)
        claim = settlement.claim(made, self.vendor_key, self.seller.party.id)
        answer = await self.told(claim, self.seller, self.broker, words.OrderAnswered)
        assert answer.response.decision is Decision.ACCEPT
        return made

    # saying things

    def fresh(self) -> bytes:
        return self.buyer.party.fresh_transaction()

    def sample(self, message: Message, sender: Player, to: Node, **how: Any) -> Sample:
        return Sample(message, sender, to, how.pop("transaction", self.fresh()), **how)

    async def told(self, message: Message, sender: Player, to: Node, answer: type[T]) -> T:
        said = await hears(self.stage, self.sample(message, sender, to))
        assert isinstance(said, answer)
        return said

    # what is said

    @property
    def brokers_sealing_key(self) -> bytes:
        return self.buyer.party.directory.known(self.at_broker).sealing_key

    async def named(self) -> Wallet:
        asked = words.RequestPseudonym(self.at_broker)
        given = await self.told(asked, self.buyer, self.authority, words.PseudonymGiven)
        return Wallet(given.certificate.pseudonym, given.certificate, self.at_broker)

    async def bought_vouchers(self, amounts: tuple[int, ...]) -> list[Voucher]:
        secrets = vouchers.draw(amounts, self.buyer.party.fresh(32))
        asked = words.BuyVouchers(vouchers.blind(secrets, self.keys, self.at_broker))
        answer = await self.told(asked, self.buyer, self.broker, words.VouchersSigned)
        return list(vouchers.unblind(answer.signatures, secrets, self.keys, self.at_broker))

    def take(self, count: int) -> tuple[Voucher, ...]:
        """Vouchers that nobody else in this test uses."""
        taken, self.vouchers = self.vouchers[:count], self.vouchers[count:]
        assert len(taken) == count, "buy more"
        return tuple(taken)

    async def blinded(self, amounts: tuple[int, ...]) -> tuple[Blinded, ...]:
        secrets = vouchers.draw(amounts, self.buyer.party.fresh(32))
        return vouchers.blind(secrets, self.keys, self.at_broker)

    @staticmethod
    def funds(paid: tuple[Voucher, ...], instrument: str = "voucher") -> Funds:
        return Funds(instrument, msgspec.msgpack.encode(paid))

    def contents(
        self, certificate: PseudonymCertificate, funds: Funds, **changes: Any
    ) -> words.DepositContents:
        made = words.DepositContents(
            certificate=certificate,
            funds=funds,
            reply_key=SealingKey.generate().public_key,
            nonce=self.fresh(),
            hides=False,
            proof=None,
        )
        return msgspec.structs.replace(made, **changes)

    def sealed(self, contents: words.DepositContents) -> words.Deposit:
        guards = self.buyer.party.guards
        return deposit.make_deposit(contents, self.at_broker, self.brokers_sealing_key, guards)

    def order(self, number: int, **changes: Any) -> Order:
        """Made with the pseudonym's key."""
        fields = {
            "amount": PRICE,
            "vendor": VENDOR,
            "pseudonym": self.wallet.pseudonym,
            "number": number,
            "alias": None,
            "goods": bytes(32),
            "tag": bytes(32),
        }
        made = Order(**{**fields, **changes})
        return order.sign_order(made, self.secret, self.buyer.party.guards)

    def refund(self, blinded: tuple[Blinded, ...], nonce: bytes) -> words.RefundPrepaid:
        return question.ask_refund(self.wallet, self.secret, nonce, blinded)

    def claim(self, made: Order, account: PartyId | None = None) -> words.ClaimOrder:
        return settlement.claim(made, self.vendor_key, account or self.seller.party.id)
