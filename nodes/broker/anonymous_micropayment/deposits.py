"""Steps 3, 4, broker: money under a pseudonym, by an instrument that vouches for the amount."""

from collections.abc import Iterable
from typing import Protocol

from nodes.broker.anonymous_micropayment.books import Books
from nodes.protocols.anonymous_micropayment import deposit as rule
from nodes.protocols.anonymous_micropayment.messages import (
    Deposit,
    DepositConfirmed,
    DepositContents,
)
from nodes.protocols.anonymous_micropayment.refusals import UnknownInstrument
from nodes.protocols.anonymous_micropayment.values import SECRET_BYTES
from nodes.protocols.envelope import Opened
from nodes.protocols.message import Amount
from nodes.runtime.party import Answer, Party
from nodes.runtime.service import Service
from nodes.runtime.store import Reader, Transaction

PROTOCOL = "anonymous_micropayment"


class Instrument(Protocol):
    """A way to pay in. `deposit` names the deposit; both may be called again with the same one."""

    name: str

    async def receive(self, deposit: bytes, payment: bytes) -> None:
        """Bring the money into the broker's hands, durably, if others must be asked for it.

        Raises Refused for what is no good money.
        """

    def take(self, tx: Transaction, deposit: bytes, payment: bytes) -> Amount:
        """In the transaction that credits the pseudonym: how much it is, once.

        Raises Refused for what was taken before.
        """


class Deposits:
    def __init__(self, service: Service, books: Books, instruments: Iterable[Instrument]) -> None:
        self._books = books
        self._instruments = {instrument.name: instrument for instrument in instruments}
        service.handles(Deposit, self._take)

    async def _take(self, received: Opened[Deposit], party: Party) -> Answer:
        """Step 3 -> 4. The money is asked for after everything else holds."""
        message = received.message
        contents = rule.open_deposit(message, party.id, party.sealing_key, party.guards)
        party.observer.read(PROTOCOL, "3", received.transaction, "the deposit", contents)
        self._check(party.store.committed, contents, party)
        instrument = self._instruments.get(contents.funds.instrument)
        if instrument is None:
            raise UnknownInstrument(contents.funds.instrument)
        key = rule.deposit_name(contents.certificate.pseudonym, contents.nonce)
        await instrument.receive(key, contents.funds.payment)
        async with party.store.transaction() as tx:
            repeated = self._check(tx, contents, party)
            if repeated is not None:
                return party.answer(tx, received, repeated)
            amount = instrument.take(tx, key, contents.funds.payment)
            funded, deposited = rule.take_deposit(
                contents,
                amount,
                self._books.prepaid(tx, contents.certificate.pseudonym),
                party.fresh(SECRET_BYTES),
                party.guards,
            )
            self._books.save_prepaid(tx, funded)
            self._books.deposited.put(tx, key, deposited)
            return party.answer(tx, received, deposited.confirmation)

    def _check(
        self, reader: Reader, contents: DepositContents, party: Party
    ) -> DepositConfirmed | None:
        pseudonym = contents.certificate.pseudonym
        return rule.check_deposit(
            contents,
            self._books.prepaid(reader, pseudonym),
            self._books.deposited.get(reader, rule.deposit_name(pseudonym, contents.nonce)),
            self._books.shared_key(reader),
            party.now(),
            party.guards,
        )
