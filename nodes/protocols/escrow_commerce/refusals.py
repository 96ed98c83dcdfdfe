"""Every way this protocol says no. Nothing has happened when one of these is raised."""

from nodes.protocols.errors import Refused


class WrongState(Refused):
    """The sale does not stand where this could happen."""

    code = "escrow_commerce/wrong-state"


class NotYourSale(Refused):
    """The sender is not the party of this sale whose step this is."""

    code = "escrow_commerce/not-your-sale"
    status = 403


class UnknownSale(Refused):
    """There is no such sale here."""

    code = "escrow_commerce/unknown-sale"
    status = 404


class WrongDocument(Refused):
    """The document inside the message cannot be read, or is signed by someone else."""

    code = "escrow_commerce/wrong-document"
    status = 400


class TooLate(Refused):
    """The time this sale or offer allows for it has passed."""

    code = "escrow_commerce/too-late"


class TooEarly(Refused):
    """The time for this has not come yet."""

    code = "escrow_commerce/too-early"


# Steps 1-4


class OfferNotSigned(Refused):
    """The offer is not signed by the peer that is said to sell."""

    code = "escrow_commerce/offer-not-signed"
    status = 403


class OfferIncomplete(Refused):
    """The offer does not fix content, size and price."""

    code = "escrow_commerce/offer-incomplete"
    status = 422


class TrustForged(Refused):
    """The trust shown is not what the escrow servers' updates add up to."""

    code = "escrow_commerce/trust-forged"
    status = 422


class NothingToSelect(Refused):
    """Nobody offers what is wanted."""

    code = "escrow_commerce/nothing-to-select"
    status = 404


# Step 5


class ContractNotSigned(Refused):
    """The contract lacks the buyer's or the seller's signature."""

    code = "escrow_commerce/contract-not-signed"
    status = 403


class ContractForAnotherSale(Refused):
    """The contract names another sale, or none."""

    code = "escrow_commerce/contract-for-another-sale"


class ContractsDiffer(Refused):
    """Buyer and seller show two different contracts."""

    code = "escrow_commerce/contracts-differ"


class ContractNamesNoContent(Refused):
    """The contract does not name the content by its digest."""

    code = "escrow_commerce/contract-names-no-content"
    status = 422


class ContractNotAsOffered(Refused):
    """The contract's content, size or price is not the offer's."""

    code = "escrow_commerce/contract-not-as-offered"


class ContractChanged(Refused):
    """What came back countersigned is not what was signed."""

    code = "escrow_commerce/contract-changed"


class UnknownEscrowServer(Refused):
    """This escrow server is not one this party trusts."""

    code = "escrow_commerce/unknown-escrow-server"
    status = 403


# Steps 6-8


class ContentNotReady(Refused):
    """The content is not encrypted yet: ask again."""

    code = "escrow_commerce/content-not-ready"


class KeySeenBefore(Refused):
    """This key has served in another sale."""

    code = "escrow_commerce/key-seen-before"


class PaymentNotChecked(Refused):
    """The payment has not been found valid."""

    code = "escrow_commerce/payment-not-checked"
    status = 402


class PaymentNotLocked(Refused):
    """The payment is not in the escrow server's hands."""

    code = "escrow_commerce/payment-not-locked"
    status = 402


class PaymentNotThePrice(Refused):
    """The amount paid in is not the price in the contract."""

    code = "escrow_commerce/payment-not-the-price"
    status = 402


class PaymentExpiresTooSoon(Refused):
    """The payment expires before the sale can have ended."""

    code = "escrow_commerce/payment-expires-too-soon"
    status = 402


class PaymentHeld(Refused):
    """The buyer may still open a dispute: the payment stays where it is."""

    code = "escrow_commerce/payment-held"


class PaymentNotAsAgreed(Refused):
    """What the escrow server pays out is not the price in the contract."""

    code = "escrow_commerce/payment-not-as-agreed"


# Disputes


class WrongUpload(Refused):
    """This is not the ciphertext whose digest both sides gave."""

    code = "escrow_commerce/wrong-upload"
    status = 422


# Steps 9, 10


class NotPurchased(Refused):
    """Only a completed purchase can be rated."""

    code = "escrow_commerce/not-purchased"


class NotTheBuyersRating(Refused):
    """The rating is not signed by this sale's buyer."""

    code = "escrow_commerce/not-the-buyers-rating"
    status = 403


class RatedAlready(Refused):
    """This sale has been rated."""

    code = "escrow_commerce/rated-already"


class RatingNotOfThisSale(Refused):
    """The rating names another sale, seller, content or escrow server."""

    code = "escrow_commerce/rating-not-of-this-sale"
    status = 422


class UpdateNotTheEscrowServers(Refused):
    """The update is not signed by the escrow server that sent it."""

    code = "escrow_commerce/update-not-the-escrow-servers"
    status = 403
