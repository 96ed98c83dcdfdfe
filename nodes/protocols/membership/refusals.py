"""What the membership refuses."""

from nodes.protocols.errors import Refused


class NotAdmitted(Refused):
    """The enrolment does not show the world's secret."""

    code = "membership/not-admitted"
    status = 403


class CardNotSigned(Refused):
    """The card is not signed by the key it names."""

    code = "membership/card-not-signed"
    status = 403


class CardOfAnother(Refused):
    """A party enrols only itself."""

    code = "membership/card-of-another"
    status = 403


class KeyNotAcceptable(Refused):
    """Signatures under this key would prove nothing."""

    code = "membership/key-not-acceptable"
    status = 422


class NameTaken(Refused):
    """Another party of this world has that name."""

    code = "membership/name-taken"


class RoleIsFixed(Refused):
    """A party keeps its name, its role and its sealing key."""

    code = "membership/role-is-fixed"


class CardIsOld(Refused):
    """A newer card of this party is known."""

    code = "membership/card-is-old"


class NotWelcomed(Refused):
    """The answer does not come from this world's certificate authority."""

    code = "membership/not-welcomed"
    status = 403


class NotTheParty(Refused):
    """The certificate is not the one for this card."""

    code = "membership/not-the-party"
    status = 403


class NotInTheRoster(Refused):
    """Only a member of the newest roster can leave it."""

    code = "membership/not-in-the-roster"


class NotWaiting(Refused):
    """Only an enrolled peer that is not in the roster can join it."""

    code = "membership/not-waiting"


class TurnTooLarge(Refused):
    """Some register would have more new voters than its quorum can spare."""

    code = "membership/turn-too-large"


class TooFewMembers(Refused):
    """A register has as many voters as before, and needs so many members."""

    code = "membership/too-few-members"
