"""Steps 8, D2: what the escrow server tells the peers."""

from collections.abc import Mapping

from nodes.protocols.escrow_commerce import messages as words
from nodes.protocols.message import Message
from nodes.wallet.sale_payment import INSTRUMENT
from scenarios.lab.node_client import Node
from tests.battery.letters import ACCEPTED, Rules, Sample
from tests.battery.players import Player
from tests.battery.sale_ready import NOT_THE_STATE, Ready, code, in_states
from tests.battery.sales import NOTHING


def _to_buyer(
    ready: Ready, message: Message, sale: bytes, wrong_in: tuple[str, ...], altered: Rules
) -> Sample:
    return _from_escrow(
        ready, message, ready.trade.buyer, sale, ready.bought, wrong_in, altered=altered
    )


def _to_seller(
    ready: Ready, message: Message, sale: bytes, wrong_in: tuple[str, ...], altered: Rules
) -> Sample:
    return _from_escrow(
        ready, message, ready.trade.seller, sale, ready.sold, wrong_in, altered=altered
    )


def _from_escrow(
    ready: Ready,
    message: Message,
    to: Node,
    sale: bytes,
    found: Mapping[str, bytes],
    wrong_in: tuple[str, ...],
    *,
    altered: Rules,
) -> Sample:
    stage = ready.stage

    def said(state: str, at: bytes) -> tuple[Message, Player, Node]:
        return message, stage.escrow, to

    elsewhere = in_states(said, found, dict.fromkeys(wrong_in, NOT_THE_STATE))
    elsewhere |= {
        "of an unknown sale": (
            Sample(message, stage.escrow, to, ready.fresh()),
            code("unknown-sale"),
        ),
        "by another escrow server": (
            Sample(message, stage.other_escrow, to, sale),
            code("not-your-sale"),
        ),
    }
    return Sample(message, stage.escrow, to, sale, altered=altered, elsewhere=elsewhere)


ANYTHING: Rules = (("*", ACCEPTED),)
PAYMENT: Rules = (
    ("instrument", code("payment-not-as-agreed")),
    ("payment", "dht_micropayment/malformed-evidence"),
)


async def key_release(ready: Ready) -> Sample:
    sale = await ready.trade.bought("paid")
    wrong_in = ("ciphertext-held", "garbage", "opened", "accepted", "aborted", "refunded")
    message = await ready.trade.key_of(sale)
    return _to_buyer(ready, message, sale, wrong_in, ANYTHING)


async def refund(ready: Ready) -> Sample:
    sale = await ready.trade.bought("aborted")
    wrong_in = ("ciphertext-held", "opened", "garbage", "accepted")
    message = words.Refund(INSTRUMENT, 0, NOTHING)
    return _to_buyer(ready, message, sale, wrong_in, (*PAYMENT, ("amount", ACCEPTED)))


async def payment_release(ready: Ready) -> Sample:
    sale = await ready.trade.sold("deposited")
    message = words.PaymentRelease(INSTRUMENT, 0, NOTHING)
    more: Rules = (*PAYMENT, ("amount", code("payment-not-as-agreed")))
    sample = _to_seller(ready, message, sale, ("aborted", "refunded"), more)
    other = Sample(
        words.PaymentRelease(INSTRUMENT, 0, b""), ready.stage.escrow, sample.to, ready.sold["paid"]
    )
    sample.elsewhere["when paid"] = (other, code(NOT_THE_STATE))
    return sample


async def abort_notice(ready: Ready) -> Sample:
    sale = await ready.trade.bought("paid")
    message = words.AbortNotice(words.AbortReason.PAYMENT_INVALID)
    wrong_in = ("opened", "garbage", "accepted", "refunded")
    sample = _to_buyer(ready, message, sale, wrong_in, ANYTHING)
    of_seller = _to_seller(ready, message, sale, ("paid", "refunded"), ANYTHING).elsewhere
    sample.elsewhere.update({f"seller, {name}": case for name, case in of_seller.items()})
    return sample


async def verdict(ready: Ready) -> Sample:
    sale = await ready.trade.sold("deposited")
    message = words.Verdict(False, words.Finding.AS_PROMISED)
    sample = _to_seller(ready, message, sale, ("paid", "aborted", "refunded"), ANYTHING)
    of_buyer = _to_buyer(ready, message, sale, tuple(ready.bought), ANYTHING).elsewhere
    sample.elsewhere.update({f"buyer, {name}": case for name, case in of_buyer.items()})
    return sample
