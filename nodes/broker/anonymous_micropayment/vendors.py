"""S1, 6, 7, E1, broker: vendors' names, the settlement of orders, and what becomes of the money.

The commit point of a purchase is the transaction of `_settle`.
"""

from nodes.broker.accounts import Accounts
from nodes.broker.anonymous_micropayment.books import Books
from nodes.protocols.anonymous_micropayment import disposal, settlement, shop
from nodes.protocols.anonymous_micropayment.messages import (
    ClaimOrder,
    DisposeOfOrder,
    RegisterVendor,
)
from nodes.protocols.anonymous_micropayment.order import order_key
from nodes.protocols.anonymous_micropayment.refusals import NoSuchPseudonym
from nodes.protocols.anonymous_micropayment.values import SECRET_BYTES
from nodes.protocols.envelope import Opened
from nodes.runtime.party import Answer, Party
from nodes.runtime.service import Service


class Vendors:
    def __init__(self, service: Service, books: Books, accounts: Accounts) -> None:
        self._books = books
        self._accounts = accounts
        service.handles(RegisterVendor, self._register)
        service.handles(ClaimOrder, self._settle)
        service.handles(DisposeOfOrder, self._dispose)

    async def _register(self, received: Opened[RegisterVendor], party: Party) -> Answer:
        """S1 -> S2."""
        name = received.message.vendor
        async with party.store.transaction() as tx:
            known = self._books.vendors.get(tx, name.encode())
            fresh = party.fresh(SECRET_BYTES)
            vendor, answer = shop.register(name, received.sender, known, fresh)
            self._books.vendors.put(tx, name.encode(), vendor)
            return party.answer(tx, received, answer)

    async def _settle(self, received: Opened[ClaimOrder], party: Party) -> Answer:
        """Step 6 -> 7."""
        books, claim, guards = self._books, received.message, party.guards
        order = claim.order
        async with party.store.transaction() as tx:
            vendor = books.vendors.get(tx, order.vendor.encode())
            account = settlement.credited_to(claim, vendor, guards)
            assert vendor is not None, "the rule refuses where there is none"
            place = books.place_of(tx, order)
            prepaid, before = books.prepaid(tx, place.pseudonym), books.settled.get(tx, place.key)
            if prepaid is None:
                raise NoSuchPseudonym()
            key = order_key(prepaid.secret, books.shared_key(tx), guards)
            prepaid = settlement.check_order(order, prepaid, before, key, guards)
            answer = settlement.settle(
                order, place.number, prepaid, before, account, now=party.now(), guards=guards
            )
            if answer.settled is not None:
                books.settled.put(tx, place.key, answer.settled)
            if answer.prepaid is not None:
                books.save_prepaid(tx, answer.prepaid)
            if answer.credit_to is not None:
                self._accounts.credit(tx, answer.credit_to, answer.amount)
            said = settlement.answer_claim(answer.response, order, vendor, guards)
            return party.answer(tx, received, said)

    async def _dispose(self, received: Opened[DisposeOfOrder], party: Party) -> Answer:
        """E1 -> E2. Raises BalanceTooSmall where the vendor has spent the money."""
        books, asked = self._books, received.message
        async with party.store.transaction() as tx:
            vendor = books.vendors.get(tx, asked.order.vendor.encode())
            place = books.place_of(tx, asked.order)
            done = disposal.dispose_of(
                asked,
                vendor,
                books.settled.get(tx, place.key),
                books.prepaid(tx, place.pseudonym),
            )
            assert vendor is not None, "the rule refuses where there is none"
            if done.amount:
                self._accounts.debit(tx, vendor.account, done.amount)
            if done.credit_to is not None:
                self._accounts.credit(tx, done.credit_to, done.amount)
            if done.prepaid is not None:
                books.save_prepaid(tx, done.prepaid)
            books.settled.put(tx, place.key, done.settled)
            return party.answer(tx, received, disposal.disposed(asked, done.settled, vendor.key))
