"""Steps 3, 4: prepayment, the customer's key, and what an eavesdropper makes of them."""

import msgspec
import pytest

from crypto import codec
from crypto.meter import metering
from crypto.sealing import SealingKey, seal
from nodes.protocols.anonymous_micropayment import deposit
from nodes.protocols.anonymous_micropayment.guards import (
    deposit_is_sealed,
    key_comes_from_the_broker,
    orders_are_beyond_the_authority,
    rekey_needs_the_old_key,
)
from nodes.protocols.anonymous_micropayment.messages import (
    ConfirmedContents,
    Deposit,
    DepositConfirmed,
    DepositContents,
    Funds,
)
from nodes.protocols.anonymous_micropayment.refusals import (
    CannotOpenDeposit,
    CertificateNotTheAuthoritys,
    ConfirmationDiffers,
    ConfirmationNotTheBrokers,
    DepositDiffers,
    DepositIsOpen,
    DepositNotSealed,
    MoveNotAllowed,
    NotThePseudonymsOwner,
    OrdersAreOpen,
    PseudonymHasExpired,
    SecretIsTheCertificate,
)
from nodes.protocols.anonymous_micropayment.state import (
    Deposited,
    Prepaid,
    Prepayment,
    PrepayState,
)
from nodes.protocols.guard import ALL_ON, Guards
from tests.protocols.anonymous_micropayment.market import (
    BROKER,
    BROKER_SEALING,
    CUSTOMER,
    LIFETIME,
    NOW,
    SHARED,
    altered,
    claimed,
    funded,
    named,
    ordered,
    prepayment,
    secret,
    settled,
    without,
)

ME = BROKER.public_key


def opened(sent: Prepayment, guards: Guards = ALL_ON) -> DepositContents:
    return deposit.open_deposit(sent.message, ME, BROKER_SEALING, guards)


def taken(
    contents: DepositContents, amount: int = 100, prepaid: Prepaid | None = None
) -> tuple[Prepaid, Deposited]:
    return deposit.take_deposit(contents, amount, prepaid, secret("BCus_key"), ALL_ON)


def test_steps_3_and_4_money_lies_under_the_pseudonym_and_both_know_the_key() -> None:
    wallet, prepaid = funded(100)
    assert (prepaid.balance, wallet.balance) == (100, 100)
    assert wallet.secret == prepaid.secret
    assert prepaid.pseudonym == wallet.pseudonym


def test_a_deposit_shows_nobody_but_the_broker_anything() -> None:
    sent = prepayment(named())
    assert sent.message.contents is None
    seen = codec.encode(sent.message)
    contents = opened(sent)
    for value in (contents.certificate.pseudonym, contents.certificate.tag, contents.reply_key):
        assert value not in seen


def test_what_the_broker_reads_names_no_identity() -> None:
    assert CUSTOMER.public_key not in codec.encode(opened(prepayment(named())))


def test_a_set_up_takes_two_operations_with_a_public_key_on_each_side() -> None:
    wallet = named()
    with metering() as customer:
        sent = prepayment(wallet)
    with metering() as broker:
        _, recorded = taken(opened(sent))
    with metering() as again:
        deposit.open_confirmation(recorded.confirmation, sent)
    assert (customer["seal"] + again["open"], broker["open"] + broker["seal"]) == (2, 2)
    assert not any(meter["sign"] + meter["verify"] for meter in (customer, broker, again))


def test_a_deposit_sealed_for_another_broker_cannot_be_opened() -> None:
    sent = prepayment(named())
    with pytest.raises(CannotOpenDeposit):
        deposit.open_deposit(sent.message, CUSTOMER.public_key, BROKER_SEALING, ALL_ON)
    with pytest.raises(CannotOpenDeposit):
        deposit.open_deposit(sent.message, ME, SealingKey(secret("other")), ALL_ON)


def test_what_is_no_deposit_is_refused() -> None:
    context = deposit._to_broker(ME)
    nonsense = Deposit(seal(BROKER_SEALING.public_key, b"nonsense", context), None)
    with pytest.raises(CannotOpenDeposit):
        deposit.open_deposit(nonsense, ME, BROKER_SEALING, ALL_ON)
    with pytest.raises(CannotOpenDeposit):
        deposit.open_deposit(Deposit(None, None), ME, BROKER_SEALING, without(deposit_is_sealed))


def test_a_key_that_nothing_can_be_sealed_to_is_refused() -> None:
    contents = altered(opened(prepayment(named())), reply_key=bytes(32))
    with pytest.raises(CannotOpenDeposit):
        taken(contents)
    with pytest.raises(CannotOpenDeposit):
        prepayment(named(), broker_sealing_key=bytes(32))


def test_a_forged_certificate_opens_no_account() -> None:
    contents = opened(prepayment(named()))
    forged = altered(contents, certificate=altered(contents.certificate, tag=bytes(32)))
    with pytest.raises(CertificateNotTheAuthoritys):
        deposit.check_deposit(forged, None, None, SHARED, NOW, ALL_ON)


def test_an_expired_pseudonym_takes_no_deposit() -> None:
    contents = opened(prepayment(named()))
    with pytest.raises(PseudonymHasExpired):
        deposit.check_deposit(contents, None, None, SHARED, NOW + LIFETIME + 1, ALL_ON)


def test_a_deposit_is_recorded_once_and_confirmed_alike_each_time() -> None:
    contents = opened(prepayment(named()))
    prepaid, recorded = taken(contents)
    again = deposit.check_deposit(contents, prepaid, recorded, SHARED, NOW, ALL_ON)
    assert again == recorded.confirmation


@pytest.mark.parametrize(
    "changes", [{"funds": Funds("test", b"more")}, {"hides": True}, {"reply_key": b"k" * 32}]
)
def test_another_deposit_under_the_same_nonce_is_refused(changes: dict[str, object]) -> None:
    contents = opened(prepayment(named()))
    prepaid, recorded = taken(contents)
    with pytest.raises(DepositDiffers):
        deposit.check_deposit(altered(contents, **changes), prepaid, recorded, SHARED, NOW, ALL_ON)


def test_a_top_up_renews_the_key_and_keeps_balance_and_numbers_used() -> None:
    wallet, prepaid = funded(100)
    wallet, purchase = ordered(wallet)
    paid = settled(claimed(purchase.order), prepaid).prepaid
    assert paid is not None
    again, topped = funded(50, wallet=wallet, prepaid=paid, which="2")
    assert topped.balance == 100 - purchase.order.amount + 50
    assert (topped.secret, topped.window) == (again.secret, paid.window)
    assert topped.secret != prepaid.secret
    assert again.next_number == 2


def test_only_one_key_at_a_time() -> None:
    wallet, _ = funded()
    with pytest.raises(OrdersAreOpen):
        prepayment(wallet, orders_open=True)
    with pytest.raises(DepositIsOpen):
        prepayment(wallet, deposit_open=True)
    with pytest.raises(DepositIsOpen):
        ordered(wallet, deposit_open=True)


# Step 4, customer


def confirmed() -> tuple[Prepayment, ConfirmedContents]:
    sent = prepayment(named())
    _, recorded = taken(opened(sent))
    return sent, deposit.open_confirmation(recorded.confirmation, sent)


@pytest.mark.parametrize("changes", [{"nonce": bytes(16)}, {"amount": 99}])
def test_another_deposits_confirmation_is_refused(changes: dict[str, object]) -> None:
    sent, contents = confirmed()
    with pytest.raises(ConfirmationDiffers):
        deposit.take_confirmation(altered(contents, **changes), sent, named(), ALL_ON)


@pytest.mark.parametrize(
    "changes", [{"secret": bytes(32)}, {"balance": 1}, {"tag": bytes(32)}, {"tag": None}]
)
def test_each_altered_field_of_a_confirmation_is_refused(changes: dict[str, object]) -> None:
    sent, contents = confirmed()
    with pytest.raises(ConfirmationNotTheBrokers):
        deposit.take_confirmation(altered(contents, **changes), sent, named(), ALL_ON)


def test_a_confirmation_is_opened_by_its_reply_key_alone() -> None:
    sent, _ = confirmed()
    _, recorded = taken(opened(sent))
    for changes in ({"reply_seed": secret("other")}, {"nonce": bytes(16)}):
        with pytest.raises(CannotOpenDeposit):
            deposit.open_confirmation(recorded.confirmation, altered(sent, **changes))
    with pytest.raises(CannotOpenDeposit):
        deposit.open_confirmation(DepositConfirmed(b"nonsense"), sent)


def test_a_deposit_ends_once() -> None:
    sent, contents = confirmed()
    done, wallet = deposit.take_confirmation(contents, sent, named(), ALL_ON)
    assert done.state is PrepayState.CONFIRMED
    with pytest.raises(MoveNotAllowed):
        deposit.take_confirmation(contents, done, wallet, ALL_ON)
    with pytest.raises(MoveNotAllowed):
        deposit.deposit_refused(done, "late")
    assert deposit.deposit_refused(sent, "spent").state is PrepayState.REFUSED


# The attacks on steps 3 and 4


def eavesdropper_rekeys(guards: Guards) -> bytes:
    """PID-A12: who saw a certificate in step 3 deposits under that PID with a key of its own.

    Returns the key the thief then has.
    """
    victim, prepaid = funded(100, guards)
    seen = prepayment(named(guards), guards=guards, which="seen").message.contents
    certificate = seen.certificate if seen else victim.certificate
    thief = altered(victim, certificate=certificate, secret=None)
    sent = prepayment(thief, 1, guards, "thief")
    contents = opened(sent, guards)
    assert deposit.check_deposit(contents, prepaid, None, SHARED, NOW, guards) is None
    _, recorded = deposit.take_deposit(contents, 1, prepaid, secret("stolen"), guards)
    stolen = deposit.open_confirmation(recorded.confirmation, sent)
    assert stolen.balance == 101
    return stolen.secret


def test_pid_a12_a_stolen_certificate_rekeys_the_victim_only_with_the_guards_off() -> None:
    printed = without(deposit_is_sealed, rekey_needs_the_old_key)
    assert eavesdropper_rekeys(printed) == secret("stolen")
    with pytest.raises(NotThePseudonymsOwner):
        eavesdropper_rekeys(ALL_ON)
    with pytest.raises(NotThePseudonymsOwner):
        eavesdropper_rekeys(without(deposit_is_sealed))


def test_pid_a12_a_proof_for_another_deposit_does_not_serve() -> None:
    wallet, prepaid = funded()
    mine, other = (opened(prepayment(wallet, which=which)) for which in ("a", "b"))
    with pytest.raises(NotThePseudonymsOwner):
        deposit.check_deposit(altered(mine, proof=other.proof), prepaid, None, SHARED, NOW, ALL_ON)


def substituted(guards: Guards) -> bytes:
    """PID-A11: who can read the reply key answers in the broker's place with a key of its own."""
    wallet = named(guards)
    sent = prepayment(wallet, 100, guards)
    seen = sent.message.contents
    reply_key = seen.reply_key if seen else SealingKey(sent.reply_seed).public_key
    forged = ConfirmedContents(sent.nonce, 100, 100, secret("the attacker's"), tag=None)
    box = seal(reply_key, codec.encode(forged), deposit.to_customer(sent.nonce))
    contents = deposit.open_confirmation(DepositConfirmed(box), sent)
    _, wallet = deposit.take_confirmation(contents, sent, wallet, guards)
    assert wallet.secret is not None
    return wallet.secret


def test_pid_a11_a_substituted_key_is_taken_only_with_the_guards_off() -> None:
    printed = without(deposit_is_sealed, key_comes_from_the_broker)
    assert substituted(printed) == secret("the attacker's")
    for guards in (ALL_ON, without(deposit_is_sealed)):
        with pytest.raises(ConfirmationNotTheBrokers):
            substituted(guards)


def test_a_deposit_in_the_clear_is_refused_unless_the_guard_is_off() -> None:
    printed = without(deposit_is_sealed)
    sent = prepayment(named(), guards=printed)
    assert sent.message.contents is not None
    with pytest.raises(DepositNotSealed):
        opened(sent)
    assert opened(sent, printed) == sent.message.contents


def test_pid_a2_the_key_is_the_certificate_only_with_the_guard_off() -> None:
    printed = without(orders_are_beyond_the_authority)
    wallet, prepaid = funded(100, printed)
    assert wallet.secret == prepaid.secret == wallet.certificate.tag
    assert funded(100)[0].secret != wallet.certificate.tag
    sent, contents = confirmed()
    weak = msgspec.structs.replace(contents, secret=sent_tag(sent), tag=None)
    tag = deposit.confirmation_tag(weak, sent_tag(sent), SealingKey(sent.reply_seed).public_key)
    with pytest.raises(SecretIsTheCertificate):
        deposit.take_confirmation(altered(weak, tag=tag), sent, named(), ALL_ON)


def sent_tag(sent: Prepayment) -> bytes:
    return opened(sent).certificate.tag
