"""Asking another party until it answers: the same message again and again, ever more slowly."""

import asyncio
from typing import TypeVar

from nodes.protocols.envelope import Opened
from nodes.protocols.errors import OutcomeUnknown, Refused
from nodes.protocols.message import Message, PartyId, TransactionId
from nodes.runtime.outbox import NOT_NOW
from nodes.runtime.party import Party

M = TypeVar("M", bound=Message)

FIRST_DELAY_SECONDS = 0.1
LONGEST_DELAY_SECONDS = 3.0


def is_for_now(error: Exception) -> bool:
    """No answer, or an answer that says: ask again later."""
    return isinstance(error, OutcomeUnknown) or getattr(error, "code", "") in NOT_NOW


async def ask_until_answered(
    party: Party,
    to: PartyId,
    message: Message,
    transaction: TransactionId,
    answer: type[M],
    *,
    seconds: float | None = None,
) -> Opened[M]:
    """Raises the other's refusal; with `seconds`, also why no answer came in that time."""
    loop = asyncio.get_running_loop()
    end = None if seconds is None else loop.time() + seconds
    delay = FIRST_DELAY_SECONDS
    while True:
        try:
            return await party.send(to, message, transaction, answer)
        except (OutcomeUnknown, Refused) as error:
            late = end is not None and loop.time() + delay > end
            if not is_for_now(error) or late:
                raise
        await asyncio.sleep(delay)
        delay = min(2 * delay, LONGEST_DELAY_SECONDS)
