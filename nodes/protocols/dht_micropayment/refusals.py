"""What the rules of the DHT micropayment refuse, each under a code of its own."""

from nodes.protocols.errors import Refused


class _CoinRefused(Refused):
    """The rules for coins forbid it."""


class MalformedEvidence(_CoinRefused):
    """What should prove the coin cannot be read."""

    code = "dht_micropayment/malformed-evidence"
    status = 400


class CoinIsNotGenuine(_CoinRefused):
    """The coin was not issued by the broker, or not signed by who should have signed it."""

    code = "dht_micropayment/coin-is-not-genuine"
    status = 403


class ReissueDoesNotFollow(_CoinRefused):
    """The new coin is not the old one's next generation."""

    code = "dht_micropayment/reissue-does-not-follow"
    status = 403


class ExpiryIsNotFixed(_CoinRefused):
    """The new coin's expiry is not the old one's plus the validity its broker fixed."""

    code = "dht_micropayment/expiry-is-not-fixed"
    status = 403


class ReissueNotCertified(_CoinRefused):
    """No quorum of witnesses certified the reissue this coin comes from."""

    code = "dht_micropayment/reissue-not-certified"
    status = 403


class RecordNotSigned(_CoinRefused):
    """The record cannot be read, or its payer did not sign it."""

    code = "dht_micropayment/record-not-signed"
    status = 403


class WrongKind(_CoinRefused):
    """This kind of step does not belong here."""

    code = "dht_micropayment/wrong-kind"


class BodyIsNotTheCoins(_CoinRefused):
    """The record speaks of another coin, or of a coin that was opened differently."""

    code = "dht_micropayment/body-is-not-the-coins"


class PredecessorNotCertified(_CoinRefused):
    """The votes shown do not certify the step before."""

    code = "dht_micropayment/predecessor-not-certified"
    status = 403


class PayerDoesNotHoldTheCoin(_CoinRefused):
    """No certified step before this one made its payer the coin's holder."""

    code = "dht_micropayment/payer-does-not-hold-the-coin"
    status = 403


class StepOutOfOrder(_CoinRefused):
    """This is not the step that follows the certified one."""

    code = "dht_micropayment/step-out-of-order"


class ReissueBesideTheChain(_CoinRefused):
    """A reissue takes the coin's next register, the one a payment would take."""

    code = "dht_micropayment/reissue-beside-the-chain"


class LastStepCannotBePaid(_CoinRefused):
    """A coin's last step can only be its reissue or its redemption."""

    code = "dht_micropayment/last-step-cannot-be-paid"


class CoinHasExpired(_CoinRefused):
    """The coin's time for this kind of step is over."""

    code = "dht_micropayment/coin-has-expired"


class TooEarlyToReissue(_CoinRefused):
    """A coin is reissued only near its expiry."""

    code = "dht_micropayment/too-early-to-reissue"


class PayeeIsNotYou(_CoinRefused):
    """The transfer names another payee."""

    code = "dht_micropayment/payee-is-not-you"
    status = 403


class TermsDiffer(_CoinRefused):
    """The transfer was made for another order, or for another set of coins."""

    code = "dht_micropayment/terms-differ"


class CoinGivenTwice(_CoinRefused):
    """One coin stands twice in one payment."""

    code = "dht_micropayment/coin-given-twice"


class NoQuorum(_CoinRefused):
    """Too few witnesses have certified the payment."""

    code = "dht_micropayment/no-quorum"


class WitnessIsNotAMember(_CoinRefused):
    """A vote was cast by a key that is not among the closest members."""

    code = "dht_micropayment/witness-is-not-a-member"
    status = 403


class RegisterIsWritten(_CoinRefused):
    """The register holds another record."""

    code = "dht_micropayment/register-is-written"


class NoSuchQuote(_CoinRefused):
    """This payee gave no such quote."""

    code = "dht_micropayment/no-such-quote"
    status = 404


class QuoteIsNotYours(_CoinRefused):
    """The quote was given to another payer, or by another payee."""

    code = "dht_micropayment/quote-is-not-yours"
    status = 403


class QuoteHasEnded(_CoinRefused):
    """The quote's deadline is over, or it has been decided."""

    code = "dht_micropayment/quote-has-ended"


class WrongNumberOfCoins(_CoinRefused):
    """The payment has more or fewer coins than were asked for."""

    code = "dht_micropayment/wrong-number-of-coins"


class WrongReceipt(_CoinRefused):
    """The receipt is not for this payment, or not signed by its payee."""

    code = "dht_micropayment/wrong-receipt"


class WithdrawalDiffers(_CoinRefused):
    """The coins that came are not the ones asked for."""

    code = "dht_micropayment/withdrawal-differs"


class AlreadySigned(_CoinRefused):
    """This wallet has signed another successor for that step, and signs only once."""

    code = "dht_micropayment/already-signed"


class NothingCommitted(_CoinRefused):
    """No step is committed for this coin, so there is nothing to sign."""

    code = "dht_micropayment/nothing-committed"


class MoveNotAllowed(_CoinRefused):
    """The record's state does not allow this move."""

    code = "dht_micropayment/move-not-allowed"


class CertificateIsAnothers(_CoinRefused):
    """The certificate is for another record."""

    code = "dht_micropayment/certificate-is-anothers"


class NotEnoughCoins(_CoinRefused):
    """The wallet has too few coins that can be spent now."""

    code = "dht_micropayment/not-enough-coins"


class AlreadyRedeemed(_CoinRefused):
    """This coin has been redeemed, in this or another generation."""

    code = "dht_micropayment/already-redeemed"


class NeverIssued(_CoinRefused):
    """The broker never issued a coin that could have become this one."""

    code = "dht_micropayment/never-issued"
    status = 403


class CoinIsFrozen(_CoinRefused):
    """The coin was spent twice at this step, and no later step of it is certified."""

    code = "dht_micropayment/coin-is-frozen"


class NoFraudShown(_CoinRefused):
    """These two records do not convict a holder of this coin."""

    code = "dht_micropayment/no-fraud-shown"


class PaidByAnother(_CoinRefused):
    """A payment is made by the holder of its coins, not by who has seen the transfers."""

    code = "dht_micropayment/paid-by-another"
    status = 403


class NotYoursToGiveBack(_CoinRefused):
    """A coin is given back by who was paid it last, to who paid it."""

    code = "dht_micropayment/not-yours-to-give-back"
    status = 403
