"""What the shell itself refuses, before any protocol's rule is asked."""

from nodes.protocols.envelope import CannotUnseal, WrongRecipient
from nodes.protocols.errors import OutcomeUnknown, Refused


class StaleMessage(Refused):
    """The message is too old or from the future, and was not seen before."""

    code = "message/stale"
    status = 409


class UnknownSender(Refused):
    """No certified party has this key."""

    code = "message/unknown-sender"
    status = 403


class WrongRole(Refused):
    """The sender's role does not send this message."""

    code = "message/wrong-role"
    status = 403


class BodyTooLarge(Refused):
    """The body is larger than this node takes."""

    code = "http/body-too-large"
    status = 413


class BodyTooSlow(Refused):
    """The body did not arrive in time, or not whole."""

    code = "http/body-too-slow"
    status = 408


class NoSuchPath(Refused):
    """There is nothing under this path."""

    code = "http/no-such-path"
    status = 404


class MethodNotAllowed(Refused):
    """This path is not used with this method."""

    code = "http/method-not-allowed"
    status = 405


class UnreadableRequest(Refused):
    """This is no HTTP request that this node understands."""

    code = "http/unreadable-request"
    status = 400


class NotTheOwner(Refused):
    """Only the owner of this node may ask that: send the world's bearer token."""

    code = "http/not-the-owner"
    status = 401


class NotInALab(Refused):
    """This is only there when the world was started as a lab."""

    code = "http/not-in-a-lab"
    status = 403


class InvalidRequest(Refused):
    """The request's fields do not fit."""

    code = "http/invalid-request"
    status = 422


class NoSuchTransaction(Refused):
    """This node knows no such transaction."""

    code = "http/no-such-transaction"
    status = 404


class UnknownParty(Refused):
    """No party of this world has that name."""

    code = "http/unknown-party"
    status = 404


class Overloaded(Refused):
    """This node has its hands full; nothing was done. Try again a little later."""

    code = "http/overloaded"
    status = 503


class NotReady(Refused):
    """This node is still starting; nothing was done. Try again a little later."""

    code = "http/not-ready"
    status = 503


class CannotCheckSender(Refused):
    """The sender's certificate could not be fetched; nothing was done. Try again a little later."""

    code = "message/cannot-check-sender"
    status = 503


class UnexpectedFailure(OutcomeUnknown):
    """This node failed in a way it did not foresee; ask again with the same message."""

    code = "message/unexpected-failure"
    status = 500


class Unreachable(OutcomeUnknown):
    """No answer came before the deadline."""

    code = "message/unreachable"
    status = 504


class UnreadableAnswer(OutcomeUnknown):
    """The answer could not be read or is not the other party's."""

    code = "message/unreadable-answer"
    status = 502


BUSY = frozenset({Overloaded.code, NotReady.code, CannotCheckSender.code, BodyTooSlow.code})
"""Nothing happened, and asking again is what to do."""

ELSEWHERE = frozenset({WrongRecipient.code, CannotUnseal.code, NoSuchPath.code})
"""Another node may answer at an address the party has left: nothing is known of the party itself,
and asking again, where it is now, is what to do."""
