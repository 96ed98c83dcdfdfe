"""Every message of the two models in step order.

Steps bear the paper's order: 0, 3 and 7 to 10 are in both models, 1.x in the first, 2.x in the
second. Steps in letters are ours: voiding a trade (V), complaints (C), recovery (R), the market's
list (L, U), and what a game server tells of itself (G).

A listing's id is the transaction of its 1.1 or 2.1, a trade's that of its 3; none is said twice.
A field is optional (`| None`) where a mend adds it to what the paper has; a guard demands it.
"""

from typing import Annotated

import msgspec

from crypto.documents import Signed
from crypto.hashing import Digest
from crypto.signing import PublicKey
from nodes.protocols.item_trading.documents import (
    Challenges,
    Ciphertext,
    Complaint,
    Deal,
    GameKey,
    Goods,
    ItemCertificate,
    ListedItem,
    ListingId,
    ListingStatement,
    Nonce,
    Numbers,
    OneTimeKey,
    Price,
    PurchaseOrder,
    Receipt,
    Reservation,
    SaleAuthority,
    SealedKey,
    Serial,
    SessionKey,
    Shipment,
    VoidReason,
)
from nodes.protocols.item_trading.payment import PaidIn, Word
from nodes.protocols.message import Message, Milliseconds, Role, ShortText, answer, message

PLAYER, MARKET, GAME = Role.PEER, Role.MARKET, Role.GAME_SERVER
MAX_LISTINGS = 64

# The game server's key (not in the paper)


@message("G1", sender=(PLAYER, MARKET), receiver=GAME)
class GameQuery(Message, frozen=True):
    """Which game is this, and with which key are its certificates signed?"""


@answer("G1r", to=GameQuery)
class GameAnswer(Message, frozen=True):
    """The key, signed by the game server."""

    key: Signed[GameKey]


@message("G2", sender=MARKET, receiver=GAME)
class ItemQuery(Message, frozen=True):
    """Is this certificate on the revocation list?"""

    serial: Serial


@answer("G2r", to=ItemQuery)
class ItemAnswer(Message, frozen=True):
    """Whether it is the item's newest certificate."""

    current: bool


# Step 0: the certificate


@message("0", sender=PLAYER, receiver=GAME)
class RequestCertificate(Message, frozen=True):
    """A player wants a certificate of an item it has in the game."""

    item: Serial
    """Its name in the world; its serial#, where it has a certificate that has expired."""


@answer("0r", to=RequestCertificate, sealed=True)
class CertificateIssued(Message, frozen=True):
    """item_cert = {Cert, H(Cert)SK_S}PK_C1."""

    certificate: ItemCertificate


# Model 1: the market is handed the certificate


@message("1.1", sender=PLAYER, receiver=MARKET, sealed=True)
class SaleRequest(Message, frozen=True):
    """{Cert, H(Cert)SK_S}PK_M: sell this for me."""

    certificate: ItemCertificate
    price: Price
    payee_key: OneTimeKey
    valid_until: Milliseconds
    authority: Signed[SaleAuthority] | None


@answer("1.2", to=SaleRequest, sealed=True)
class SaleAccepted(Message, frozen=True):
    """{receipt, H(receipt)SK_M}PK_C1: the market has the certificate and lists the item."""

    receipt: Signed[Receipt]


# Model 2: the seller proves to own what it does not show


@message("2.1", sender=PLAYER, receiver=MARKET)
class ItemInformation(Message, frozen=True):
    """The item to be listed: Cert without its signature."""

    certificate: Annotated[bytes, msgspec.Meta(max_length=1024)]
    price: Price
    valid_until: Milliseconds


@answer("2.2a", to=ItemInformation)
class ChallengeCommitted(Message, frozen=True):
    """The market has drawn its challenges and commits to them."""

    commitment: Digest


@message("2.2b", sender=PLAYER, receiver=MARKET)
class Announcement(Message, frozen=True):
    """T_j = k_j^e."""

    numbers: Numbers


@answer("2.2c", to=Announcement)
class ChallengeOpened(Message, frozen=True):
    """c_j, and what they were hidden with."""

    challenges: Challenges
    nonce: Nonce


@message("2.2d", sender=PLAYER, receiver=MARKET)
class ProofAnswer(Message, frozen=True):
    """z_j = k_j s^{c_j}, and the owner's signature on what this was for."""

    numbers: Numbers
    statement: Signed[ListingStatement] | None


@answer("2.2e", to=ProofAnswer)
class ItemListed(Message, frozen=True):
    """The item stands in the market's list."""


# The list (the paper: "from the market's list"), and off it again (not in the paper)


@message("L1", sender=PLAYER, receiver=MARKET)
class ListQuery(Message, frozen=True):
    """What is for sale?"""

    words: ShortText
    """All of them stand in the item's description, whatever their case; empty: everything."""


@answer("L1r", to=ListQuery)
class MarketList(Message, frozen=True):
    """What fits."""

    items: Annotated[tuple[ListedItem, ...], msgspec.Meta(max_length=MAX_LISTINGS)]


@message("U1", sender=PLAYER, receiver=MARKET)
class Unlist(Message, frozen=True):
    """The owner wants its item off the list before its time."""


@answer("U1r", to=Unlist)
class Unlisted(Message, frozen=True):
    """It is off the list, and is not sold from it."""


# Step 3: the order, both models


@message("3", sender=PLAYER, receiver=MARKET)
class PurchaseRequest(Message, frozen=True):
    """The buyer wants a listed item."""

    listing: ListingId
    price: Price
    order: Signed[PurchaseOrder] | None


# Model 1: verify and reserve, money, goods


@message("1.4", sender=MARKET, receiver=GAME, sealed=True)
class Reserve(Message, frozen=True):
    """Is the certificate good? Then keep the item for this deal."""

    certificate: ItemCertificate
    deal: Signed[Deal]
    authority: Signed[SaleAuthority] | None


@answer("1.4r", to=Reserve)
class Reserved(Message, frozen=True):
    """It is, and the item is kept."""

    reservation: Signed[Reservation]


@message("1.4n", sender=MARKET, receiver=PLAYER)
class ReadyToSell(Message, frozen=True):
    """The buyer may pay: the deal, whose the money will be, and the game server's reservation."""

    deal: Signed[Deal]
    payee_key: OneTimeKey
    reservation: Signed[Reservation]


@message("1.5", sender=PLAYER, receiver=MARKET, sealed=True)
class Settlement(Message, frozen=True):
    """settlement = {money, C2_ID, K_C2}PK_M."""

    paid: PaidIn
    session_key: SessionKey


@message("1.6", sender=MARKET, receiver=PLAYER)
class GoodsSent(Message, frozen=True):
    """goods = {Cert, H(Cert)SK_S, receipt, H(receipt)SK_M}K_C2."""

    goods: Ciphertext


# Model 2: encrypted certificate, money, key


@message("2.4", sender=MARKET, receiver=PLAYER)
class BuyerFound(Message, frozen=True):
    """Somebody wants the item: the deal, the buyer's order, and a key of the buyer's."""

    deal: Signed[Deal]
    order: Signed[PurchaseOrder] | None
    buyer_key: PublicKey


@message("2.5", sender=PLAYER, receiver=PLAYER)
class EncryptedCertificate(Message, frozen=True):
    """Message = {{Cert, H(Cert)SK_S}SK_C1}K_C1."""

    deal: Signed[Deal]
    shipment: Signed[Shipment]
    ciphertext: Ciphertext


@message("2.6", sender=PLAYER, receiver=MARKET)
class MoneyPaid(Message, frozen=True):
    """The buyer has paid for what it holds encrypted."""

    paid: PaidIn
    ciphertext: Digest | None


@message("2.7", sender=(MARKET, PLAYER), receiver=PLAYER)
class PaidNotice(Message, frozen=True):
    """The seller hears that the price waits. It proves itself, so the buyer may bring it too."""

    paid: PaidIn | None
    ciphertext: Digest | None


@message("2.8", sender=PLAYER, receiver=PLAYER)
class KeyInfo(Message, frozen=True):
    """Key_info = {K_C1}PK_C2."""

    sealed_key: SealedKey


# Complaints, model 2: not in the paper but in its words ("the market mediates")


@message("C1", sender=PLAYER, receiver=MARKET)
class Complain(Message, frozen=True):
    """The buyer shows what the seller sent, and what is wrong."""

    complaint: Complaint
    deal: Signed[Deal]
    shipment: Signed[Shipment]
    ciphertext: Ciphertext


@message("C2", sender=MARKET, receiver=PLAYER)
class KeyDemand(Message, frozen=True):
    """The seller is asked for the key."""

    complaint: Complaint


@answer("C2r", to=KeyDemand, sealed=True)
class KeyShown(Message, frozen=True):
    """The key, for the market: it registers nothing with it, for it is not the one named."""

    key: SessionKey


@message("C3", sender=MARKET, receiver=PLAYER, sealed=True)
class KeyForwarded(Message, frozen=True):
    """The key opens what was sold: the complaint is settled."""

    key: SessionKey


# The end, both models


@message("7", sender=PLAYER, receiver=GAME, sealed=True)
class Register(Message, frozen=True):
    """{Cert, H(Cert)SK_S, receipt, H(receipt)SK_M}PK_S: make it mine."""

    deal: Signed[Deal]
    goods: Goods


@answer("8", to=Register, sealed=True)
class Registered(Message, frozen=True):
    """item_cert' for the new owner, and the word; or the word that it could not be."""

    word: Word
    certificate: ItemCertificate | None


@message("9", sender=(GAME, PLAYER), receiver=MARKET)
class Moved(Message, frozen=True):
    """How the trade ended. The word proves itself, so whoever has it may bring it."""

    word: Word


@message("10", sender=MARKET, receiver=PLAYER, sealed=True)
class Proceeds(Message, frozen=True):
    """The seller gets the money: what waits, and the word that makes it the seller's."""

    listing: ListingId
    deal: Signed[Deal]
    paid: PaidIn | None
    word: Word


# A trade that does not come about (not in the paper)


@message("V1", sender=(MARKET, PLAYER), receiver=GAME)
class VoidTrade(Message, frozen=True):
    """This trade shall not be: the market at any time, buyer and seller once its time is over."""

    deal: Signed[Deal]


@answer("V1r", to=VoidTrade)
class TradeEnded(Message, frozen=True):
    """How the trade ended: void, or registered where that came first."""

    word: Word


@message("V2", sender=MARKET, receiver=PLAYER)
class VoidNotice(Message, frozen=True):
    """The trade is void: with the word, what was paid in goes back; else nothing ever was."""

    reason: VoidReason
    word: Word | None


# After a fault of the game server (the paper claims it; no step)


@message("R1", sender=PLAYER, receiver=GAME, sealed=True)
class Recover(Message, frozen=True):
    """The game has lost an item, but not its certificate."""

    certificate: ItemCertificate


@answer("R1r", to=Recover)
class Recovered(Message, frozen=True):
    """The item is in the game again."""

    serial: Serial
