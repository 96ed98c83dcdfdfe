"""K1, 1, T0, T1: names for the anonymous, and who is behind them."""

import msgspec

from crypto.documents import Signed, sign_document
from crypto.signing import SigningKey
from nodes.protocols.anonymous_micropayment import messages as words
from nodes.protocols.anonymous_micropayment.values import Complaint
from tests.battery.letters import ACCEPTED, Sample
from tests.battery.prepaid import VENDOR, Ready, code

NO_FIT = code("evidence-does-not-fit")
UNFOUNDED = code("complaint-unfounded")


async def ask_shared_key(ready: Ready) -> Sample:
    message = words.AskSharedKey()
    return ready.sample(message, ready.brokers_voice, ready.authority, stored=False)


async def request_pseudonym(ready: Ready) -> Sample:
    return ready.sample(
        words.RequestPseudonym(ready.at_broker),
        ready.buyer,
        ready.authority,
        altered=(("broker", code("no-shared-key")),),
    )


def _complaint(ready: Ready, number: int, **changes: object) -> Complaint:
    made = Complaint(
        ready.seller.party.id, VENDOR, ready.at_broker, ready.settled[number], "unlawful"
    )
    return msgspec.structs.replace(made, **changes)


def _signed(ready: Ready, made: Complaint, by: SigningKey | None = None) -> Signed[Complaint]:
    return sign_document(made, by or ready.seller.party.key)


async def complain(ready: Ready) -> Sample:
    signed = _signed(ready, _complaint(ready, 1))
    given_back = _signed(ready, _complaint(ready, 7))
    own = _complaint(ready, 1, vendor=ready.buyer.party.id)
    by_buyer = _signed(ready, own, ready.buyer.party.key)
    return ready.sample(
        words.Complain(signed),
        ready.seller,
        ready.broker,
        altered=(("*", NO_FIT),),
        signed_anew=(
            ("complaint.content.vendor", NO_FIT),
            ("complaint.content.broker", NO_FIT),
            ("complaint.content.vendor_name", UNFOUNDED),
            ("complaint.content.order.*", UNFOUNDED),
            ("*", ACCEPTED),
        ),
        elsewhere={
            "of another's": (
                ready.sample(words.Complain(signed), ready.buyer, ready.broker),
                NO_FIT,
            ),
            "about an order of another's": (
                ready.sample(words.Complain(by_buyer), ready.buyer, ready.broker),
                UNFOUNDED,
            ),
            "about an order given back": (
                ready.sample(words.Complain(given_back), ready.seller, ready.broker),
                UNFOUNDED,
            ),
        },
    )


async def request_identity(ready: Ready) -> Sample:
    pseudonym = ready.wallet.pseudonym
    signed = _signed(ready, _complaint(ready, 1))

    def asked(complaint: Signed[Complaint] | None, pseudonym: bytes = pseudonym) -> Sample:
        message = words.RequestIdentity(pseudonym, complaint)
        return ready.sample(message, ready.brokers_voice, ready.authority)

    stranger = SigningKey(b"nobody certified this key, never")
    strangers = _complaint(ready, 1, vendor=stranger.public_key)
    brokers = _complaint(ready, 1, vendor=ready.at_broker)
    hidden = msgspec.structs.replace(ready.settled[1], pseudonym=None, number=None, alias=bytes(32))
    of_hidden = _signed(ready, _complaint(ready, 1, order=hidden))
    return ready.sample(
        words.RequestIdentity(pseudonym, signed),
        ready.brokers_voice,
        ready.authority,
        altered=(("*", NO_FIT),),
        signed_anew=(
            ("complaint.content.vendor", NO_FIT),
            ("complaint.content.broker", NO_FIT),
            ("complaint.content.order.pseudonym", NO_FIT),
            ("*", ACCEPTED),
        ),
        elsewhere={
            "without evidence": (asked(None), code("no-evidence")),
            "on a stranger's word": (asked(_signed(ready, strangers, stranger)), NO_FIT),
            "on the broker's own word": (
                asked(_signed(ready, brokers, ready.brokers_voice.party.key)),
                NO_FIT,
            ),
            "about nobody": (asked(of_hidden, bytes(16)), code("never-named")),
        },
    )
