"""Q1, Q2, R1, broker: what a customer asks about its own orders and its own money."""

from nodes.broker.anonymous_micropayment.books import Books, Place
from nodes.broker.anonymous_micropayment.vouchers import Vouchers
from nodes.protocols.anonymous_micropayment import question as rule
from nodes.protocols.anonymous_micropayment.messages import AskOrder, RefundPrepaid, VoidOrder
from nodes.protocols.anonymous_micropayment.state import Refunded
from nodes.protocols.anonymous_micropayment.voucher import total
from nodes.protocols.envelope import Opened
from nodes.runtime.party import Answer, Party
from nodes.runtime.service import Service


class Customers:
    def __init__(self, service: Service, books: Books, vouchers: Vouchers) -> None:
        self._books = books
        self._vouchers = vouchers
        service.handles(AskOrder, self._tell)
        service.handles(VoidOrder, self._void)
        service.handles(RefundPrepaid, self._refund)

    async def _tell(self, received: Opened[AskOrder], party: Party) -> Answer:
        """Q1."""
        asked, reader = received.message, party.store.committed
        prepaid = rule.check_question(asked, self._books.prepaid(reader, asked.pseudonym))
        settled = self._books.settled.get(reader, Place(asked.pseudonym, asked.number).key)
        return party.reply(received, rule.standing(asked, settled, prepaid.secret))

    async def _void(self, received: Opened[VoidOrder], party: Party) -> Answer:
        """Q2."""
        asked = received.message
        place = Place(asked.pseudonym, asked.number)
        async with party.store.transaction() as tx:
            prepaid = rule.check_question(asked, self._books.prepaid(tx, asked.pseudonym))
            before = self._books.settled.get(tx, place.key)
            prepaid, settled = rule.take_out_of_use(asked, prepaid, before, party.now())
            self._books.save_prepaid(tx, prepaid)
            self._books.settled.put(tx, place.key, settled)
            answer = rule.void_standing(asked, settled, prepaid.secret)
            return party.answer(tx, received, answer)

    async def _refund(self, received: Opened[RefundPrepaid], party: Party) -> Answer:
        """R1: the debit, the vouchers' signatures and the answer are one transaction."""
        asked = received.message
        key = self._books.nonce_key(asked.pseudonym, asked.nonce)
        prepaid = self._books.prepaid(party.store.committed, asked.pseudonym)
        rule.refund(asked, prepaid, self._books.refunded.get(party.store.committed, key))
        signatures = await self._vouchers.sign(asked.blinded)
        async with party.store.transaction() as tx:
            prepaid = self._books.prepaid(tx, asked.pseudonym)
            before = self._books.refunded.get(tx, key)
            done = rule.refund(asked, prepaid, before)
            if done is not None:
                prepaid, contents = done
                self._books.save_prepaid(tx, prepaid)
                amount = total(asked.blinded)
                self._books.refunded.put(tx, key, Refunded(contents, signatures, amount))
                self._vouchers.issued(tx, amount)
            assert prepaid is not None, "the rule refuses where there is none"
            return party.answer(tx, received, rule.refunded(asked, signatures, prepaid.secret))
