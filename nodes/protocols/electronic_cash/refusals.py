"""Every way this protocol says no. Nothing has happened when one of these is raised."""

from nodes.protocols.errors import Refused


class MoveNotAllowed(Refused):
    """The record does not stand where this could happen."""

    code = "electronic_cash/move-not-allowed"


class WrongDocument(Refused):
    """The document inside the message cannot be read, or is signed by someone else."""

    code = "electronic_cash/wrong-document"
    status = 400


class NotYours(Refused):
    """The sender is not the party whose step this is."""

    code = "electronic_cash/not-yours"
    status = 403


# Keys


class KeyNotPublished(Refused):
    """The key is not the published one of its denomination."""

    code = "electronic_cash/key-not-published"


class KeysNotAcceptable(Refused):
    """A key is unfit, serves twice, or replaces one that was published."""

    code = "electronic_cash/keys-not-acceptable"
    status = 422


class NoKeysYet(Refused):
    """This bank has published no keys."""

    code = "electronic_cash/no-keys-yet"
    status = 404


# Withdrawal


class NotEnoughMoney(Refused):
    """The account does not hold so much."""

    code = "electronic_cash/not-enough-money"
    status = 402


class WrongDenominations(Refused):
    """The denominations do not add up to the amount, or there is no key for one."""

    code = "electronic_cash/wrong-denominations"
    status = 422


class NonceUsed(Refused):
    """A withdrawal with this nonce was made before, or there is no nonce."""

    code = "electronic_cash/nonce-used"


class UnknownWithdrawal(Refused):
    """There is no such withdrawal here."""

    code = "electronic_cash/unknown-withdrawal"
    status = 404


class ReceiptDiffers(Refused):
    """The receipt is not for what was asked."""

    code = "electronic_cash/receipt-differs"


class NotPaidFor(Refused):
    """The issue is not signed by the bank that asks for it, or not for this coin server."""

    code = "electronic_cash/not-paid-for"
    status = 403


class IssueRepeated(Refused):
    """An issue with this number, or a later one, was made before."""

    code = "electronic_cash/issue-repeated"


class BlockUnreadable(Refused):
    """The user's block is not sealed for this coin server, or says something else than the bank."""

    code = "electronic_cash/block-unreadable"
    status = 422


class IssueDiffers(Refused):
    """The coin server signed something else than what the bank ordered."""

    code = "electronic_cash/issue-differs"


class BlindingDiffers(Refused):
    """What was signed is not blinded as derived: the coin server could recognize it."""

    code = "electronic_cash/blinding-differs"


class WrongBankSignature(Refused):
    """The bank's signature does not fit the coin."""

    code = "electronic_cash/wrong-bank-signature"


# Coins and orders


class ParcelUnreadable(Refused):
    """The parcel is not sealed for this coin server, or holds no order."""

    code = "electronic_cash/parcel-unreadable"
    status = 422


class WrongCoinServer(Refused):
    """The coins are another coin server's."""

    code = "electronic_cash/wrong-coin-server"


class WrongKind(Refused):
    """The holder ordered something else."""

    code = "electronic_cash/wrong-kind"


class CoinGivenTwice(Refused):
    """One coin, or one key, stands twice in the order."""

    code = "electronic_cash/coin-given-twice"
    status = 422


class CoinForged(Refused):
    """Neither the bank nor the coin server signed this coin."""

    code = "electronic_cash/coin-forged"
    status = 422


class CoinNotCirculating(Refused):
    """The coin is not, or no longer, in circulation."""

    code = "electronic_cash/coin-not-circulating"


class SpendNotSigned(Refused):
    """The order lacks the signature of a coin's one-time key."""

    code = "electronic_cash/spend-not-signed"
    status = 403


class ValueChanged(Refused):
    """What comes out is not what goes in."""

    code = "electronic_cash/value-changed"
    status = 422


class PayeeIsNotYou(Refused):
    """The order pays someone else, or names nobody."""

    code = "electronic_cash/payee-is-not-you"
    status = 403


class PaymentNotAsOrdered(Refused):
    """Amount or order is not the one the holder signed."""

    code = "electronic_cash/payment-not-as-ordered"


class OrderTooLate(Refused):
    """The order is no longer valid, or has no end."""

    code = "electronic_cash/order-too-late"


class KeyInUse(Refused):
    """A coin circulates under this one-time key already."""

    code = "electronic_cash/key-in-use"


class UnknownRequest(Refused):
    """There is no such request here."""

    code = "electronic_cash/unknown-request"
    status = 404


class ChangeDiffers(Refused):
    """The change is not what was ordered."""

    code = "electronic_cash/change-differs"


class SettlementMissing(Refused):
    """The coin server did not sign that this payee got this amount for this order."""

    code = "electronic_cash/settlement-missing"


class RetirementNotShown(Refused):
    """A coin was refused without its holder's signed order to retire it."""

    code = "electronic_cash/retirement-not-shown"


class CoinDiffers(Refused):
    """The coin received is not the payment's."""

    code = "electronic_cash/coin-differs"


class NotEnoughCoins(Refused):
    """The wallet does not hold so much at one coin server."""

    code = "electronic_cash/not-enough-coins"
    status = 402


class TooManyCoins(Refused):
    """At most 64 coins take part in one order."""

    code = "electronic_cash/too-many-coins"
    status = 422


# Deposit and clearing


class ReceiptNotSigned(Refused):
    """The bank did not sign the deposit's outcome."""

    code = "electronic_cash/receipt-not-signed"


class BeyondOutstanding(Refused):
    """So much of this coin server's money is not outstanding: it has issued too much."""

    code = "electronic_cash/beyond-outstanding"


class DepositOfAnother(Refused):
    """The holder of these coins did not order this account to be credited."""

    code = "electronic_cash/deposit-of-another"
    status = 403


class UnknownDeposit(Refused):
    """There is no such deposit here."""

    code = "electronic_cash/unknown-deposit"
    status = 404


class WrongDebt(Refused):
    """The debt is not signed by its debtor, or not owed to the sender."""

    code = "electronic_cash/wrong-debt"
    status = 403


class DebtIsCleared(Refused):
    """The debt has been cleared and cannot be voided."""

    code = "electronic_cash/debt-is-cleared"


class NotLost(Refused):
    """The bank has not declared this coin server lost."""

    code = "electronic_cash/not-lost"


# Conditions


class WrongVerdict(Refused):
    """The verdict is not the named judge's on this transaction."""

    code = "electronic_cash/wrong-verdict"
    status = 403


class UnknownPending(Refused):
    """No coin waits for this."""

    code = "electronic_cash/unknown-pending"
    status = 404
