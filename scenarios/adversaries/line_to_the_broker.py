"""A broker whose line somebody has cut into: what comes for it can be read and answered there.

Answers of the anonymous micropayment are signed by nobody, so whoever sits on the line needs no key
for them; none of the broker's is used. Told to, it answers in the broker's place:

    accept_all   (PID-A6)   step 7: an accept, whatever the order
    own_key      (PID-A11)  step 4: a key of its own, sealed to whatever reply key it can read
"""

from typing import Any

from crypto import codec
from crypto.sealing import SealingKey, seal
from nodes.broker.service import build as build_broker
from nodes.protocols.anonymous_micropayment.deposit import to_customer
from nodes.protocols.anonymous_micropayment.messages import (
    ClaimOrder,
    ConfirmedContents,
    Deposit,
    DepositConfirmed,
    OrderAnswered,
)
from nodes.protocols.anonymous_micropayment.values import Decision, Response, Secret
from nodes.protocols.envelope import Opened
from nodes.runtime.control import Request
from nodes.runtime.party import Answer, Party
from nodes.runtime.service import Service
from nodes.runtime.settings import Settings

OWN_KEY: Secret = b"known to whoever is on the line."
TAKEN = 100
"""What it says has been deposited."""


class Nothing(Request, frozen=True):
    """No more is to be said."""


class Line:
    def __init__(self, service: Service) -> None:
        self._accepts = False
        self._gives_own_key = False
        self._claim = service.inbound.replace(ClaimOrder, self._answer_claim)
        self._deposit = service.inbound.replace(Deposit, self._answer_deposit)
        service.operation("accept_all", Nothing, self._begin_accepting, "Answer step 6: accept")
        service.operation("own_key", Nothing, self._begin_confirming, "Answer step 3 with a key")

    async def _begin_accepting(self, asked: Nothing, party: Party) -> dict[str, Any]:
        self._accepts = True
        return {}

    async def _begin_confirming(self, asked: Nothing, party: Party) -> dict[str, Any]:
        self._gives_own_key = True
        return {}

    async def _answer_claim(self, received: Opened[ClaimOrder], party: Party) -> Answer:
        if not self._accepts:
            return await self._claim(received, party)
        return party.reply(
            received, OrderAnswered(Response(Decision.ACCEPT, None, bytes(32)), None)
        )

    async def _answer_deposit(self, received: Opened[Deposit], party: Party) -> Answer:
        if not self._gives_own_key:
            return await self._deposit(received, party)
        shown = received.message.contents
        nonce = shown.nonce if shown else bytes(16)
        reply_key = shown.reply_key if shown else SealingKey.generate().public_key
        confirmed = ConfirmedContents(nonce, TAKEN, TAKEN, OWN_KEY, None)
        box = seal(reply_key, codec.encode(confirmed), to_customer(nonce))
        return party.reply(received, DepositConfirmed(box))


def build(settings: Settings) -> Service:
    service = build_broker(settings)
    Line(service)
    return service
