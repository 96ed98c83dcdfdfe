"""One valid message of each type of the prepaid orders, and how each is refused elsewhere."""

from collections.abc import Awaitable, Callable

from nodes.protocols.anonymous_micropayment import messages as words
from nodes.protocols.message import Message
from tests.battery import of_customer, of_prepaid_vendor, of_pseudonym
from tests.battery.letters import Sample
from tests.battery.prepaid import Ready

SAMPLES: dict[type[Message], Callable[[Ready], Awaitable[Sample]]] = {
    words.AskSharedKey: of_pseudonym.ask_shared_key,
    words.RequestPseudonym: of_pseudonym.request_pseudonym,
    words.AskVoucherKeys: of_customer.ask_voucher_keys,
    words.BuyVouchers: of_customer.buy_vouchers,
    words.CashVouchers: of_customer.cash_vouchers,
    words.Deposit: of_customer.deposit,
    words.RegisterVendor: of_prepaid_vendor.register_vendor,
    words.AskCatalogue: of_prepaid_vendor.ask_catalogue,
    words.PlaceOrder: of_prepaid_vendor.place_order,
    words.ClaimOrder: of_prepaid_vendor.claim_order,
    words.AskOrder: of_customer.ask_order,
    words.VoidOrder: of_customer.void_order,
    words.RefundPrepaid: of_customer.refund_prepaid,
    words.DisposeOfOrder: of_prepaid_vendor.dispose_of_order,
    words.Complain: of_pseudonym.complain,
    words.RequestIdentity: of_pseudonym.request_identity,
}
