"""What the rules of the anonymous micropayment refuse, each under a code of its own."""

from nodes.protocols.errors import Refused


class _PrepaidRefused(Refused):
    """The rules for prepaid orders forbid it."""


class MoveNotAllowed(_PrepaidRefused):
    """This cannot happen to it any more, or not yet."""

    code = "anonymous_micropayment/move-not-allowed"


# Steps 1, 2


class NoSharedKey(_PrepaidRefused):
    """The authority shares no key with this broker."""

    code = "anonymous_micropayment/no-shared-key"
    status = 404


class AuthorityKeyShown(_PrepaidRefused):
    """The answer shows the key that authority and broker share."""

    code = "anonymous_micropayment/authority-key-shown"
    status = 403


class CertificateNotTheAuthoritys(_PrepaidRefused):
    """The authority did not make this certificate for this pseudonym."""

    code = "anonymous_micropayment/certificate-not-the-authoritys"
    status = 403


class PseudonymHasExpired(_PrepaidRefused):
    """The pseudonym's time is over."""

    code = "anonymous_micropayment/pseudonym-has-expired"
    status = 403


# V1-V6


class KeysNotTheBrokers(_PrepaidRefused):
    """The broker did not sign this list of voucher keys."""

    code = "anonymous_micropayment/keys-not-the-brokers"
    status = 403


class NoSuchDenomination(_PrepaidRefused):
    """There are no vouchers of this amount."""

    code = "anonymous_micropayment/no-such-denomination"
    status = 400


class VouchersDiffer(_PrepaidRefused):
    """What the broker signed is not what was asked for."""

    code = "anonymous_micropayment/vouchers-differ"


class VoucherNotGenuine(_PrepaidRefused):
    """The broker did not sign this voucher."""

    code = "anonymous_micropayment/voucher-not-genuine"
    status = 403


class VoucherSpent(_PrepaidRefused):
    """This voucher was taken before."""

    code = "anonymous_micropayment/voucher-spent"


# Steps 3, 4


class DepositNotSealed(_PrepaidRefused):
    """A deposit travels so that only the broker can read it."""

    code = "anonymous_micropayment/deposit-not-sealed"
    status = 400


class CannotOpenDeposit(_PrepaidRefused):
    """What was sealed cannot be opened, or is not what belongs there."""

    code = "anonymous_micropayment/cannot-open-deposit"
    status = 400


class UnknownInstrument(_PrepaidRefused):
    """The broker takes no deposits by this instrument."""

    code = "anonymous_micropayment/unknown-instrument"
    status = 400


class NotThePseudonymsOwner(_PrepaidRefused):
    """Only who has the present key of a pseudonym gets another one."""

    code = "anonymous_micropayment/not-the-pseudonyms-owner"
    status = 403


class DepositDiffers(_PrepaidRefused):
    """Another deposit was made under this nonce."""

    code = "anonymous_micropayment/deposit-differs"


class ConfirmationNotTheBrokers(_PrepaidRefused):
    """The confirmation was not made by who knows the pseudonym's certificate."""

    code = "anonymous_micropayment/confirmation-not-the-brokers"
    status = 403


class ConfirmationDiffers(_PrepaidRefused):
    """The confirmation belongs to another deposit."""

    code = "anonymous_micropayment/confirmation-differs"


class SecretIsTheCertificate(_PrepaidRefused):
    """The key of the orders is one that the authority can compute."""

    code = "anonymous_micropayment/secret-is-the-certificate"
    status = 403


class OrdersAreOpen(_PrepaidRefused):
    """An order under the present key is not settled yet."""

    code = "anonymous_micropayment/orders-are-open"


class DepositIsOpen(_PrepaidRefused):
    """A deposit under this pseudonym is on its way; its key is not known yet."""

    code = "anonymous_micropayment/deposit-is-open"


# S1, G1


class VendorNameTaken(_PrepaidRefused):
    """Another vendor has registered under this name."""

    code = "anonymous_micropayment/vendor-name-taken"


class NoSuchVendor(_PrepaidRefused):
    """No vendor is registered under this name."""

    code = "anonymous_micropayment/no-such-vendor"
    status = 404


class CatalogueNotTheVendors(_PrepaidRefused):
    """The vendor did not sign this catalogue."""

    code = "anonymous_micropayment/catalogue-not-the-vendors"
    status = 403


class NoSuchGoods(_PrepaidRefused):
    """The vendor has no such goods."""

    code = "anonymous_micropayment/no-such-goods"
    status = 404


class PriceDiffers(_PrepaidRefused):
    """The goods have another price."""

    code = "anonymous_micropayment/price-differs"


# Steps 5, 8


class NotFunded(_PrepaidRefused):
    """Nothing has been deposited under this pseudonym."""

    code = "anonymous_micropayment/not-funded"
    status = 402


class OrderMalformed(_PrepaidRefused):
    """An order bears either a pseudonym and a number, or an alias."""

    code = "anonymous_micropayment/order-malformed"
    status = 400


class OrderForAnother(_PrepaidRefused):
    """The order names another vendor."""

    code = "anonymous_micropayment/order-for-another"
    status = 403


class GoodsNotAsOrdered(_PrepaidRefused):
    """These are not the goods that the order names."""

    code = "anonymous_micropayment/goods-not-as-ordered"


class OrderNotAuthentic(_PrepaidRefused):
    """The order was not made with the pseudonym's key."""

    code = "anonymous_micropayment/order-not-authentic"
    status = 403


class ResponseNotAuthentic(_PrepaidRefused):
    """The broker did not give this answer to this order."""

    code = "anonymous_micropayment/response-not-authentic"
    status = 403


# Steps 6, 7


class NotTheVendor(_PrepaidRefused):
    """Only the vendor that an order names can claim it."""

    code = "anonymous_micropayment/not-the-vendor"
    status = 403


class NoSuchPseudonym(_PrepaidRefused):
    """Nothing is deposited under this pseudonym or alias."""

    code = "anonymous_micropayment/no-such-pseudonym"
    status = 404


class NumberTooFarAhead(_PrepaidRefused):
    """The order's number is too far beyond those used."""

    code = "anonymous_micropayment/number-too-far-ahead"


class AnswerNotTheBrokers(_PrepaidRefused):
    """The answer to the claim was not made with the vendor's key."""

    code = "anonymous_micropayment/answer-not-the-brokers"
    status = 403


# Q1, Q2, R1, E1


class QuestionNotAuthentic(_PrepaidRefused):
    """The question was not asked with the pseudonym's key."""

    code = "anonymous_micropayment/question-not-authentic"
    status = 403


class StandingNotTheBrokers(_PrepaidRefused):
    """The broker did not say this of this order."""

    code = "anonymous_micropayment/standing-not-the-brokers"
    status = 403


class PrepaidTooSmall(_PrepaidRefused):
    """There is less under the pseudonym than is to be taken out."""

    code = "anonymous_micropayment/prepaid-too-small"
    status = 402


class RefundDiffers(_PrepaidRefused):
    """Another refund was made under this nonce."""

    code = "anonymous_micropayment/refund-differs"


class OrderNotHeld(_PrepaidRefused):
    """No accepted order of this vendor is meant, or its money went another way."""

    code = "anonymous_micropayment/order-not-held"


# T0, T1


class ComplaintUnfounded(_PrepaidRefused):
    """The complaint is not about an order this vendor was paid for."""

    code = "anonymous_micropayment/complaint-unfounded"


class NoEvidence(_PrepaidRefused):
    """Nobody is named without a vendor's signed complaint."""

    code = "anonymous_micropayment/no-evidence"
    status = 403


class EvidenceDoesNotFit(_PrepaidRefused):
    """The complaint is not a vendor's about an order under this pseudonym."""

    code = "anonymous_micropayment/evidence-does-not-fit"
    status = 403


class NeverNamed(_PrepaidRefused):
    """The authority gave nobody this pseudonym for this broker."""

    code = "anonymous_micropayment/never-named"
    status = 404
