"""One valid message of each type of the item trade, and how each is refused elsewhere."""

from collections.abc import Awaitable, Callable

from nodes.protocols.item_trading import messages as words
from nodes.protocols.message import Message
from tests.battery import (
    of_items_at_buyer,
    of_items_at_game,
    of_items_at_seller,
    of_items_on_offer,
    of_items_traded,
)
from tests.battery.items import Ready
from tests.battery.letters import Sample

SAMPLES: dict[type[Message], Callable[[Ready], Awaitable[Sample]]] = {
    words.GameQuery: of_items_at_game.game_query,
    words.ItemQuery: of_items_at_game.item_query,
    words.RequestCertificate: of_items_at_game.request_certificate,
    words.Reserve: of_items_at_game.reserve,
    words.Register: of_items_at_game.register,
    words.VoidTrade: of_items_at_game.void_trade,
    words.Recover: of_items_at_game.recover,
    words.SaleRequest: of_items_on_offer.sale_request,
    words.ItemInformation: of_items_on_offer.item_information,
    words.Announcement: of_items_on_offer.announcement,
    words.ProofAnswer: of_items_on_offer.proof_answer,
    words.ListQuery: of_items_on_offer.list_query,
    words.Unlist: of_items_on_offer.unlist,
    words.PurchaseRequest: of_items_traded.purchase_request,
    words.Settlement: of_items_traded.settlement,
    words.MoneyPaid: of_items_traded.money_paid,
    words.Complain: of_items_traded.complain,
    words.Moved: of_items_traded.moved,
    words.ReadyToSell: of_items_at_buyer.ready_to_sell,
    words.GoodsSent: of_items_at_buyer.goods_sent,
    words.EncryptedCertificate: of_items_at_buyer.encrypted_certificate,
    words.KeyInfo: of_items_at_buyer.key_info,
    words.KeyForwarded: of_items_at_buyer.key_forwarded,
    words.VoidNotice: of_items_at_buyer.void_notice,
    words.BuyerFound: of_items_at_seller.buyer_found,
    words.PaidNotice: of_items_at_seller.paid_notice,
    words.KeyDemand: of_items_at_seller.key_demand,
    words.Proceeds: of_items_at_seller.proceeds,
}
