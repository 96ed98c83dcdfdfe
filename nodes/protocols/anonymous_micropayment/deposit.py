"""Steps 3, 4: money under a pseudonym, and BCus_key; again for each top-up (PID-R8).

The only step whose secrets need an operation with a public key. The deposit is sealed to the broker
and carries a fresh reply key, to which the confirmation is sealed; a certified key there would say
who the customer is (PID-R2). A top-up renews BCus_key and keeps the numbers used.

What is paid in is an instrument's: vouchers, and whatever else a broker installs. The rules see
the amount.
"""

from dataclasses import dataclass

import msgspec

from crypto import codec
from crypto.codec import MalformedEncoding
from crypto.hashing import Digest, digest, framed
from crypto.sealing import CannotOpen, SealingKey, UnusableKey, seal
from nodes.protocols.anonymous_micropayment.guards import (
    confirmation_fields,
    deposit_is_sealed,
    key_comes_from_the_broker,
    orders_are_beyond_the_authority,
    rekey_fields,
    rekey_needs_the_old_key,
)
from nodes.protocols.anonymous_micropayment.messages import (
    ConfirmedContents,
    Deposit,
    DepositConfirmed,
    DepositContents,
    Funds,
)
from nodes.protocols.anonymous_micropayment.pseudonym import check_certificate
from nodes.protocols.anonymous_micropayment.refusals import (
    CannotOpenDeposit,
    ConfirmationDiffers,
    DepositDiffers,
    DepositIsOpen,
    OrdersAreOpen,
)
from nodes.protocols.anonymous_micropayment.state import (
    Deposited,
    Prepaid,
    Prepayment,
    PrepayState,
    Wallet,
)
from nodes.protocols.anonymous_micropayment.tags import framed_tag
from nodes.protocols.anonymous_micropayment.values import Nonce, Pseudonym, Secret, Tag
from nodes.protocols.guard import Guards
from nodes.protocols.message import Amount, Milliseconds, PartyId, TransactionId


@dataclass(frozen=True)
class FreshDeposit:
    """Unpredictable values for one deposit."""

    nonce: Nonce
    reply_seed: Secret


def deposit_name(pseudonym: Pseudonym, nonce: Nonce) -> bytes:
    """By which customer and broker know a deposit, and what is paid in for it."""
    return pseudonym + nonce


# Step 3, customer


def start_deposit(
    wallet: Wallet,
    funds: Funds,
    amount: Amount,
    fresh: FreshDeposit,
    transaction: TransactionId,
    *,
    hides: bool,
    broker_sealing_key: bytes,
    orders_open: bool,
    deposit_open: bool,
    guards: Guards,
) -> Prepayment:
    """Step 3: to be on disk before it is sent.

    Raises OrdersAreOpen or DepositIsOpen: one key at a time, or an order would meet another one.
    """
    if orders_open:
        raise OrdersAreOpen()
    if deposit_open:
        raise DepositIsOpen()
    contents = DepositContents(
        certificate=wallet.certificate,
        funds=funds,
        reply_key=SealingKey(fresh.reply_seed).public_key,
        nonce=fresh.nonce,
        hides=hides,
        proof=None,
    )
    if wallet.secret is not None:
        proof = framed_tag(wallet.secret, "rekey", *rekey_fields(contents))
        contents = msgspec.structs.replace(contents, proof=proof)
    return Prepayment(
        state=PrepayState.SENT,
        transaction=transaction,
        pseudonym=wallet.pseudonym,
        nonce=fresh.nonce,
        reply_seed=fresh.reply_seed,
        amount=amount,
        hides=hides,
        message=make_deposit(contents, wallet.broker, broker_sealing_key, guards),
    )


def make_deposit(
    contents: DepositContents, broker: PartyId, sealing_key: bytes, guards: Guards
) -> Deposit:
    """Sealed; or as printed, for everyone on the way to read."""
    if not guards.is_on(deposit_is_sealed):
        return Deposit(None, contents)
    try:
        return Deposit(seal(sealing_key, codec.encode(contents), _to_broker(broker)), None)
    except UnusableKey as error:
        raise CannotOpenDeposit(str(error)) from error


# Step 3, broker


def open_deposit(
    deposit: Deposit, me: PartyId, sealing_key: SealingKey, guards: Guards
) -> DepositContents:
    """Raises DepositNotSealed or CannotOpenDeposit."""
    guards.require(deposit_is_sealed, deposit)
    if deposit.box is None:
        if deposit.contents is None:
            raise CannotOpenDeposit("there is nothing in it")
        return deposit.contents
    try:
        return codec.decode(sealing_key.open(deposit.box, _to_broker(me)), DepositContents)
    except (CannotOpen, MalformedEncoding) as error:
        raise CannotOpenDeposit(str(error)) from error


def check_deposit(
    contents: DepositContents,
    prepaid: Prepaid | None,
    before: Deposited | None,
    shared_key: Secret,
    now: Milliseconds,
    guards: Guards,
) -> DepositConfirmed | None:
    """Step 3, before any money is taken; the answer given before, for a repeat.

    Raises DepositDiffers, CertificateNotTheAuthoritys, PseudonymHasExpired or
    NotThePseudonymsOwner.
    """
    if before is not None:
        if before.contents != contents_digest(contents):
            raise DepositDiffers()
        return before.confirmation
    check_certificate(contents.certificate, shared_key, now, guards)
    if prepaid is not None:
        guards.require(rekey_needs_the_old_key, contents, prepaid.secret)
    return None


def take_deposit(
    contents: DepositContents,
    amount: Amount,
    prepaid: Prepaid | None,
    fresh_secret: Secret,
    guards: Guards,
) -> tuple[Prepaid, Deposited]:
    """Step 3 -> 4, broker, after `check_deposit`: the amount is received, the key agreed.

    Raises CannotOpenDeposit where nothing can be sealed to the reply key.
    """
    secret = agree(contents, fresh_secret, guards)
    pseudonym = contents.certificate.pseudonym
    empty = Prepaid(pseudonym, contents.certificate.expires, secret, 0)
    funded = msgspec.structs.replace(
        prepaid or empty,
        secret=secret,
        balance=(prepaid.balance if prepaid else 0) + amount,
        hides=contents.hides,
    )
    confirmation = confirm(contents, amount, funded, guards)
    return funded, Deposited(
        pseudonym, contents.nonce, contents_digest(contents), amount, confirmation
    )


def agree(contents: DepositContents, fresh_secret: Secret, guards: Guards) -> Secret:
    """BCus_key: fresh; or, where orders are made with h(PID || BCA_key), that (PID-R1 c)."""
    if guards.is_on(orders_are_beyond_the_authority):
        return fresh_secret
    return contents.certificate.tag


def confirm(
    contents: DepositContents, amount: Amount, funded: Prepaid, guards: Guards
) -> DepositConfirmed:
    confirmed = ConfirmedContents(contents.nonce, amount, funded.balance, funded.secret, tag=None)
    if guards.is_on(key_comes_from_the_broker):
        tag = confirmation_tag(confirmed, contents.certificate.tag, contents.reply_key)
        confirmed = msgspec.structs.replace(confirmed, tag=tag)
    context = to_customer(contents.nonce)
    try:
        return DepositConfirmed(seal(contents.reply_key, codec.encode(confirmed), context))
    except UnusableKey as error:
        raise CannotOpenDeposit(str(error)) from error


def confirmation_tag(confirmed: ConfirmedContents, certificate_tag: Tag, reply_key: bytes) -> Tag:
    fields = confirmation_fields(confirmed, reply_key)
    return framed_tag(certificate_tag, "confirmation", *fields)


def contents_digest(contents: DepositContents) -> Digest:
    return digest("anonymous_micropayment/deposit", codec.encode(contents))


# Step 4, customer


def open_confirmation(confirmed: DepositConfirmed, prepayment: Prepayment) -> ConfirmedContents:
    """Raises CannotOpenDeposit."""
    key = SealingKey(prepayment.reply_seed)
    try:
        plain = key.open(confirmed.box, to_customer(prepayment.nonce))
        return codec.decode(plain, ConfirmedContents)
    except (CannotOpen, MalformedEncoding) as error:
        raise CannotOpenDeposit(str(error)) from error


def take_confirmation(
    confirmed: ConfirmedContents, prepayment: Prepayment, wallet: Wallet, guards: Guards
) -> tuple[Prepayment, Wallet]:
    """Step 4, customer: orders can be made.

    Raises ConfirmationDiffers, ConfirmationNotTheBrokers or SecretIsTheCertificate.
    """
    if (confirmed.nonce, confirmed.amount) != (prepayment.nonce, prepayment.amount):
        raise ConfirmationDiffers()
    reply_key = SealingKey(prepayment.reply_seed).public_key
    guards.require(key_comes_from_the_broker, confirmed, wallet.certificate, reply_key)
    guards.require(orders_are_beyond_the_authority, confirmed.secret, wallet.certificate)
    funded = msgspec.structs.replace(
        wallet, secret=confirmed.secret, hides=prepayment.hides, balance=confirmed.balance
    )
    return prepayment.moved(PrepayState.CONFIRMED), funded


def deposit_refused(prepayment: Prepayment, reason: str) -> Prepayment:
    """The broker took nothing; the funds are still the customer's."""
    return prepayment.moved(PrepayState.REFUSED, reason=reason)


def _to_broker(broker: PartyId) -> bytes:
    return framed("anonymous_micropayment/deposit/1", broker)


def to_customer(nonce: Nonce) -> bytes:
    return framed("anonymous_micropayment/confirmation/1", nonce)
