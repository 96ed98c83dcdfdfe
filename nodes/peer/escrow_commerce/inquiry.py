"""Q1: asking the escrow server where a sale stands, when nothing was heard."""

from collections.abc import Callable, Coroutine
from typing import Any

from nodes.protocols.errors import OutcomeUnknown, Refused
from nodes.protocols.escrow_commerce.messages import SaleStatus, StatusQuery
from nodes.protocols.escrow_commerce.refusals import UnknownSale
from nodes.protocols.message import Milliseconds, PartyId, TransactionId
from nodes.runtime.deadlines import Deadlines
from nodes.runtime.log import get_log
from nodes.runtime.service import Service

SOON_MILLISECONDS = 500
SILENCE_MILLISECONDS = 10_000
"""What the escrow server has to say comes by itself; only silence this long is asked about."""
LONGEST_MILLISECONDS = 30_000


class Inquiry:
    """When each sale is to be looked at again; later each time that nothing new is heard."""

    def __init__(
        self, service: Service, attend: Callable[[TransactionId], Coroutine[Any, Any, None]]
    ) -> None:
        self._party = service.party
        self._spawn = service.spawn
        self._attend = attend
        self._deadlines = Deadlines(service, self._due)
        self._delay: dict[TransactionId, int] = {}

    def at(self, sale: TransactionId, moment: Milliseconds) -> None:
        """Attend to it once the moment has passed."""
        self._delay.pop(sale, None)
        self._deadlines.set(sale, moment)

    def soon(self, sale: TransactionId) -> None:
        """After a start, or a refusal."""
        self._delay[sale] = SOON_MILLISECONDS
        self.again(sale)

    def after_silence(self, sale: TransactionId) -> None:
        self._delay[sale] = SILENCE_MILLISECONDS
        self.again(sale)

    def again(self, sale: TransactionId) -> None:
        delay = self._delay.get(sale, SOON_MILLISECONDS)
        self._delay[sale] = min(2 * delay, LONGEST_MILLISECONDS)
        self._deadlines.set(sale, self._party.now() + delay)

    def done(self, sale: TransactionId) -> None:
        self._delay.pop(sale, None)
        self._deadlines.set(sale, None)

    async def _due(self, sale: TransactionId) -> None:
        """One sale's slow answer must not hold up another's deadline."""
        self._spawn(self._attend(sale))

    async def ask(self, sale: TransactionId, escrow_server: PartyId) -> SaleStatus | None:
        """None when no answer came. Raises UnknownSale if there is no such sale there."""
        party = self._party
        try:
            query = StatusQuery(asked_at=party.now())
            answer = await party.send(escrow_server, query, sale, SaleStatus)
        except UnknownSale:
            raise
        except (OutcomeUnknown, Refused) as error:
            get_log().info("no_status", sale=sale.hex(), reason=str(error))
            return None
        return answer.message
