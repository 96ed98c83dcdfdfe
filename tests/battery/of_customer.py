"""V1-V6, 3, Q1, Q2, R1: what a customer of prepaid orders tells the broker."""

from collections.abc import Sequence
from typing import Any

import msgspec

from nodes.protocols.anonymous_micropayment import messages as words
from nodes.protocols.anonymous_micropayment.guards import tag_of
from nodes.protocols.anonymous_micropayment.messages import Blinded, Voucher
from nodes.protocols.anonymous_micropayment.tags import certificate_statement, framed_tag
from nodes.protocols.anonymous_micropayment.values import PseudonymCertificate
from tests.battery.altered import another
from tests.battery.letters import ACCEPTED, Rules, Sample
from tests.battery.prepaid import Elsewhere, Ready, code, each_altered

TOO_LARGE = b"\xff" * 256
"""As a number beyond every modulus."""


async def ask_voucher_keys(ready: Ready) -> Sample:
    return ready.sample(words.AskVoucherKeys(), ready.buyer, ready.broker, stored=False)


async def buy_vouchers(ready: Ready) -> Sample:
    blinded = await ready.blinded((10, 1))
    message = words.BuyVouchers(blinded)
    much = words.BuyVouchers((Blinded(100, blinded[0].value),) * 64)
    none = words.BuyVouchers((blinded[0], Blinded(1, TOO_LARGE)))
    return ready.sample(
        message,
        ready.buyer,
        ready.broker,
        altered=(("*.amount", code("no-such-denomination")), ("*", ACCEPTED)),
        elsewhere={
            "without an account": (
                ready.sample(message, ready.stage.poor, ready.broker),
                "accounts/no-such-account",
            ),
            "more than there is": (
                ready.sample(much, ready.buyer, ready.broker),
                "accounts/balance-too-small",
            ),
            "with a value beyond the modulus": (
                ready.sample(none, ready.buyer, ready.broker),
                code("no-such-denomination"),
            ),
        },
    )


async def cash_vouchers(ready: Ready) -> Sample:
    paid = ready.take(2)

    def cashed(*some: Voucher) -> Sample:
        return ready.sample(words.CashVouchers(some), ready.buyer, ready.broker)

    return ready.sample(
        words.CashVouchers(paid),
        ready.buyer,
        ready.broker,
        altered=(("*", code("voucher-not-genuine")),),
        elsewhere={
            "taken before": (cashed(paid[0], ready.spent[0]), code("voucher-spent")),
            "one twice": (cashed(paid[0], paid[0]), code("voucher-spent")),
        },
    )


async def deposit(ready: Ready) -> Sample:
    certificate = (await ready.named()).certificate
    paid = ready.take(2)
    contents = ready.contents(certificate, ready.funds(paid))

    def made(contents: words.DepositContents) -> Sample:
        return ready.sample(ready.sealed(contents), ready.buyer, ready.broker)

    rules = {
        "certificate.*": code("certificate-not-the-authoritys"),
        "funds.instrument": code("unknown-instrument"),
        "funds.payment": code("voucher-not-genuine"),
    }
    elsewhere = each_altered(contents, rules, made)
    elsewhere |= _deposits_out_of_place(ready, contents, paid)
    elsewhere |= _of_a_funded_pseudonym(ready, paid)
    open_ = words.Deposit(None, contents)
    for what, message in {
        "for everyone to read": open_,
        "empty": words.Deposit(None, None),
    }.items():
        sample = ready.sample(message, ready.buyer, ready.broker)
        elsewhere[what] = (sample, code("deposit-not-sealed"))
    return ready.sample(
        ready.sealed(contents),
        ready.buyer,
        ready.broker,
        altered=(("box", code("cannot-open-deposit")),),
        elsewhere=elsewhere,
    )


def _deposits_out_of_place(
    ready: Ready, contents: words.DepositContents, paid: Sequence[Voucher]
) -> Elsewhere:
    replace = msgspec.structs.replace
    old = ready.buyer.party.now() - 1
    statement = certificate_statement(contents.certificate.pseudonym, old)
    tag = tag_of(ready.shared_key, statement, ready.buyer.party.guards)
    expired = PseudonymCertificate(contents.certificate.pseudonym, old, tag)
    changed: dict[str, tuple[dict[str, Any], str]] = {
        "of a pseudonym that has expired": ({"certificate": expired}, "pseudonym-has-expired"),
        "with spent vouchers": ({"funds": ready.funds(ready.spent)}, "voucher-spent"),
        "with one voucher twice": (
            {"funds": ready.funds((paid[0], paid[0]))},
            "voucher-spent",
        ),
        "with no voucher": ({"funds": ready.funds(())}, "voucher-not-genuine"),
        "with a reply key under which nothing is secret": (
            {"reply_key": bytes(32)},
            "cannot-open-deposit",
        ),
    }
    found = {}
    for what, (fields, refusal) in changed.items():
        message = ready.sealed(replace(contents, **fields))
        found[what] = (ready.sample(message, ready.buyer, ready.broker), code(refusal))
    return found


def _of_a_funded_pseudonym(ready: Ready, paid: tuple[Voucher, ...]) -> Elsewhere:
    """Its key is renewed only for who has it, and one nonce is one deposit."""
    funded, funds = ready.wallet.certificate, ready.funds(paid)
    without = ready.contents(funded, funds)
    proof = framed_tag(ready.secret, "rekey", funded.pseudonym, without.nonce, without.reply_key)
    other = msgspec.structs.replace(without, proof=another(proof))
    again = ready.contents(funded, funds, nonce=ready.deposited.nonce)
    owner = code("not-the-pseudonyms-owner")
    made = {
        "a new key without the present one": (without, owner),
        "a new key by another one": (other, owner),
        "another under one nonce": (again, code("deposit-differs")),
    }
    return {
        what: (ready.sample(ready.sealed(contents), ready.buyer, ready.broker), refusal)
        for what, (contents, refusal) in made.items()
    }


# Q1, Q2, R1

QUESTIONED: Rules = (
    ("pseudonym", code("no-such-pseudonym")),
    ("*", code("question-not-authentic")),
)


def _asked(ready: Ready, type_: type, number: int, label: str) -> words.AskOrder | words.VoidOrder:
    fields = ready.wallet.pseudonym, number, ready.buyer.party.now()
    asked: words.AskOrder | words.VoidOrder = type_(
        *fields, framed_tag(ready.secret, label, *fields)
    )
    return asked


async def ask_order(ready: Ready) -> Sample:
    message = _asked(ready, words.AskOrder, 1, "question")
    voids = _asked(ready, words.AskOrder, 1, "void")
    return ready.sample(
        message,
        ready.buyer,
        ready.broker,
        altered=QUESTIONED,
        stored=False,
        elsewhere={
            "by the tag of another question": (
                ready.sample(voids, ready.buyer, ready.broker),
                code("question-not-authentic"),
            )
        },
    )


async def void_order(ready: Ready) -> Sample:
    message = _asked(ready, words.VoidOrder, 5, "void")
    far = _asked(ready, words.VoidOrder, 1_000, "void")
    asks = _asked(ready, words.VoidOrder, 5, "question")
    return ready.sample(
        message,
        ready.buyer,
        ready.broker,
        altered=QUESTIONED,
        elsewhere={
            "far ahead": (
                ready.sample(far, ready.buyer, ready.broker),
                code("number-too-far-ahead"),
            ),
            "by the tag of another question": (
                ready.sample(asks, ready.buyer, ready.broker),
                code("question-not-authentic"),
            ),
        },
    )


async def refund_prepaid(ready: Ready) -> Sample:
    blinded = await ready.blinded((10, 1))

    def asked(*blinded: Blinded, nonce: bytes = b"") -> Sample:
        message = ready.refund(blinded, nonce or ready.fresh())
        return ready.sample(message, ready.buyer, ready.broker)

    value = blinded[0].value
    return ready.sample(
        ready.refund(blinded, ready.fresh()),
        ready.buyer,
        ready.broker,
        altered=QUESTIONED,
        elsewhere={
            "another under one nonce": (
                asked(*blinded, nonce=ready.refunded.nonce),
                code("refund-differs"),
            ),
            "more than there is": (
                asked(*[Blinded(100, value)] * 64),
                code("prepaid-too-small"),
            ),
            "of no denomination": (asked(Blinded(2, value)), code("no-such-denomination")),
            "with a value beyond the modulus": (
                asked(Blinded(1, TOO_LARGE)),
                code("no-such-denomination"),
            ),
        },
    )
