"""Every way this protocol says no. Nothing has happened when one of these is raised."""

from nodes.protocols.errors import Refused


class WrongState(Refused):
    """The trade or listing does not stand where this could happen."""

    code = "item_trading/wrong-state"


class NotYours(Refused):
    """The sender is not the party whose step this is."""

    code = "item_trading/not-yours"
    status = 403


class UnknownListing(Refused):
    """There is no such listing here."""

    code = "item_trading/unknown-listing"
    status = 404


class UnknownTrade(Refused):
    """There is no such trade here."""

    code = "item_trading/unknown-trade"
    status = 404


class UnknownItem(Refused):
    """The sender has no such item in this game."""

    code = "item_trading/unknown-item"
    status = 404


class UnknownMarket(Refused):
    """The deal is no certified market's."""

    code = "item_trading/unknown-market"
    status = 403


class WrongDocument(Refused):
    """The document inside the message cannot be read, or is signed by someone else."""

    code = "item_trading/wrong-document"
    status = 400


class AnotherGame(Refused):
    """The certificate or deal is another game server's."""

    code = "item_trading/another-game"


class GameClosed(Refused):
    """The game has ended, and with it every certificate."""

    code = "item_trading/game-closed"
    status = 410


class TooLate(Refused):
    """The time allowed for it has passed."""

    code = "item_trading/too-late"


class TradeTooLong(Refused):
    """The deal would keep money and item waiting for longer than a trade may last."""

    code = "item_trading/trade-too-long"


class TooEarly(Refused):
    """The time for this has not come yet."""

    code = "item_trading/too-early"


# Certificates


class CertificateForged(Refused):
    """This is no certificate of that game server's."""

    code = "item_trading/certificate-forged"
    status = 403


class CertificateRevoked(Refused):
    """The certificate has been replaced: the item has another one now."""

    code = "item_trading/certificate-revoked"


class CertificateExpired(Refused):
    """The certificate has expired, or does before the trade can end."""

    code = "item_trading/certificate-expired"


class NotTheLastCertificate(Refused):
    """Only the newest certificate of an item brings it back."""

    code = "item_trading/not-the-last-certificate"


# Listing


class ProofNotAccepted(Refused):
    """The seller did not prove to know the certificate's signature."""

    code = "item_trading/proof-not-accepted"
    status = 403


class ChallengeNotOpened(Refused):
    """The market's challenges are not those it had committed to."""

    code = "item_trading/challenge-not-opened"


class ProofForAnotherMarket(Refused):
    """The proof is not signed by the owner for this market and listing."""

    code = "item_trading/proof-for-another-market"
    status = 403


class SaleNotAuthorised(Refused):
    """The owner has not signed that this market may sell this item at this price."""

    code = "item_trading/sale-not-authorised"
    status = 403


class SaleAuthorityExpired(Refused):
    """The owner's word to the market is no longer valid."""

    code = "item_trading/sale-authority-expired"


class ReceiptNamesAnotherItem(Refused):
    """The receipt does not name this very item, client and trade."""

    code = "item_trading/receipt-names-another-item"


class ReceiptNotTheMarkets(Refused):
    """The receipt is not signed by the market of the deal, or is somebody else's."""

    code = "item_trading/receipt-not-the-markets"
    status = 403


# Orders and deals


class OrderNotSigned(Refused):
    """The buyer has not signed the order."""

    code = "item_trading/order-not-signed"
    status = 403


class PriceDiffers(Refused):
    """The order is not at the listed price."""

    code = "item_trading/price-differs"


class ItemTaken(Refused):
    """Somebody else is buying it."""

    code = "item_trading/item-taken"


class ItemReserved(Refused):
    """The item is not reserved for this trade."""

    code = "item_trading/item-reserved"


class NotReserved(Refused):
    """The game server has not signed the reservation."""

    code = "item_trading/not-reserved"


class DealDiffers(Refused):
    """The deal is not what was ordered or offered."""

    code = "item_trading/deal-differs"


# Money, key, goods


class NotPaidIn(Refused):
    """No coin server says that the price waits for this deal."""

    code = "item_trading/not-paid-in"
    status = 402


class NotProvenPaid(Refused):
    """The notice does not prove that the price waits for the seller."""

    code = "item_trading/not-proven-paid"
    status = 402


class BuyerKeyNotCertified(Refused):
    """The key the market gave for the buyer is not the buyer's certified one."""

    code = "item_trading/buyer-key-not-certified"
    status = 403


class CiphertextNotSigned(Refused):
    """The seller has not signed what it sent encrypted."""

    code = "item_trading/ciphertext-not-signed"
    status = 403


class CiphertextNotAcknowledged(Refused):
    """The payment does not name the ciphertext the seller sent."""

    code = "item_trading/ciphertext-not-acknowledged"


class GoodsUnreadable(Refused):
    """The key does not open the goods, or they are not what was sold."""

    code = "item_trading/goods-unreadable"


# The end


class TransfereeNotNamed(Refused):
    """The owner has not signed that the item goes to the one who registers it."""

    code = "item_trading/transferee-not-named"
    status = 403


class TradeIsVoid(Refused):
    """The game server has voided this trade: it registers nothing for it."""

    code = "item_trading/trade-is-void"


class TradeIsOver(Refused):
    """The trade has ended already."""

    code = "item_trading/trade-is-over"


class WrongWord(Refused):
    """This is no word of the game server on this deal."""

    code = "item_trading/wrong-word"
    status = 403


class NoticeNotTheGameServers(Refused):
    """The notice of how the trade ended is not the game server's."""

    code = "item_trading/notice-not-the-game-servers"
    status = 403
