"""One valid message of each type of the sale, and how each is refused out of its place."""

from collections.abc import Awaitable, Callable

from nodes.protocols.escrow_commerce import messages as words
from nodes.protocols.message import Message
from tests.battery import of_central_server, of_escrow_server, of_sale_at_peers, of_seller
from tests.battery.letters import Sample
from tests.battery.sale_ready import Ready

SAMPLES: dict[type[Message], Callable[[Ready], Awaitable[Sample]]] = {
    words.Register: of_central_server.register,
    words.Query: of_central_server.query,
    words.Request: of_seller.request,
    words.SellerDeposit: of_escrow_server.seller_deposit,
    words.ContentRequest: of_seller.content_request,
    words.BuyerDeposit: of_escrow_server.buyer_deposit,
    words.KeyRelease: of_sale_at_peers.key_release,
    words.PaymentRelease: of_sale_at_peers.payment_release,
    words.Refund: of_sale_at_peers.refund,
    words.AbortNotice: of_sale_at_peers.abort_notice,
    words.OpenDispute: of_escrow_server.open_dispute,
    words.Upload: of_escrow_server.upload,
    words.Verdict: of_sale_at_peers.verdict,
    words.StatusQuery: of_escrow_server.status_query,
    words.Rate: of_escrow_server.rate,
    words.Update: of_central_server.update,
}
