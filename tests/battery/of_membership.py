"""One valid message of each type of the membership and the accounts."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from crypto.documents import open_document, sign_document
from nodes.protocols.accounts import messages as accounts
from nodes.protocols.membership import messages as words
from nodes.protocols.membership.enrolment import ask_to_enrol
from nodes.protocols.membership.messages import Card
from nodes.protocols.message import Message, Role
from tests.battery.letters import ACCEPTED, Letter, Rules, Sample
from tests.battery.players import Player
from tests.battery.stage import Stage

ANYTHING: Rules = (("*", ACCEPTED),)


class Ready:
    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.authority, self.broker = stage.world.certificate_authority, stage.world.broker

    async def make(self) -> "Ready":
        """A player that has moved: it has had an older card."""
        letter = Letter(self.enrolling(self.stage.poor, sequence=2))
        told = await self.stage.post(self.authority, letter.sample.declaration, letter.wire())
        assert told.code == "accepted", told
        return self

    def fresh(self) -> bytes:
        return self.stage.buyer.party.fresh_transaction()

    def enrolling(self, player: Player, **changes: Any) -> Sample:
        """A card of its own, whatever stands on it, with the proof that this world admits it."""
        membership = player.service.membership
        assert membership is not None
        card = msgspec.structs.replace(open_document(Card, membership.card), **changes)
        signed = sign_document(card, player.party.key)
        message = ask_to_enrol(signed, player.party.settings.secret)
        return Sample(message, player, self.authority, self.fresh())


async def enrol(ready: Ready) -> Sample:
    poor, taken = ready.stage.poor, ready.stage.buyer.party.name
    sample = ready.enrolling(poor, sequence=3)

    def refused(code: str, **changes: Any) -> tuple[Sample, str]:
        return ready.enrolling(poor, **changes), f"membership/{code}"

    return Sample(
        sample.message,
        poor,
        ready.authority,
        sample.transaction,
        altered=(
            ("card.signatures*", "membership/card-not-signed"),
            ("*", "membership/not-admitted"),
        ),
        signed_anew=(("*", "membership/not-admitted"),),
        stranger="membership/card-of-another",
        elsewhere={
            "under another's name": refused("name-taken", name=taken, sequence=3),
            "under another name": refused("role-is-fixed", name="new-name", sequence=3),
            "in another role": refused("role-is-fixed", role=Role.BROKER, sequence=3),
            "with another sealing key": refused("role-is-fixed", sealing_key=b"k" * 32, sequence=3),
            "with an older card": refused("card-is-old", sequence=1),
            "with another card of one number": refused(
                "card-is-old", url="http://127.0.0.1:9", sequence=2
            ),
            "for another": (
                Sample(sample.message, ready.stage.buyer, ready.authority, ready.fresh()),
                "membership/card-of-another",
            ),
        },
    )


async def find_parties(ready: Ready) -> Sample:
    buyer = ready.stage.buyer
    message = words.FindParties((buyer.party.id,), "broker", Role.CENTRAL_SERVER)
    return Sample(message, buyer, ready.authority, ready.fresh(), altered=ANYTHING, stored=False)


async def roster_query(ready: Ready) -> Sample:
    message = words.RosterQuery(after=0)
    return Sample(
        message,
        ready.stage.buyer,
        ready.authority,
        ready.fresh(),
        altered=ANYTHING,
        stored=False,
    )


async def epoch_turned(ready: Ready) -> Sample:
    """An epoch that is known already: there is nothing to fetch."""
    authority = ready.stage.voice_of(ready.authority)
    peer = ready.stage.world.peers[0]
    altered = (("epoch", ACCEPTED),)
    message = words.EpochTurned(epoch=1)
    return Sample(message, authority, peer, ready.fresh(), altered=altered, stored=False)


async def open_account(ready: Ready) -> Sample:
    return Sample(accounts.OpenAccount(), ready.stage.buyer, ready.broker, ready.fresh())


async def ask_balance(ready: Ready) -> Sample:
    message = accounts.AskBalance(7)
    of_nobody = Sample(message, ready.stage.poor, ready.broker, ready.fresh())
    return Sample(
        message,
        ready.stage.buyer,
        ready.broker,
        ready.fresh(),
        altered=ANYTHING,
        stored=False,
        elsewhere={"without an account": (of_nobody, "accounts/no-such-account")},
    )


SAMPLES: dict[type[Message], Callable[[Ready], Awaitable[Sample]]] = {
    words.Enrol: enrol,
    words.FindParties: find_parties,
    words.RosterQuery: roster_query,
    words.EpochTurned: epoch_turned,
    accounts.OpenAccount: open_account,
    accounts.AskBalance: ask_balance,
}
