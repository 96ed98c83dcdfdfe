"""What can go wrong in the DHT. What a stranger sends never raises: it is counted and dropped."""


class RecordRefused(Exception):
    """A replica will not vote for this record. `code` is unique, `detail` is for people."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail


class DhtError(Exception):
    """What this node itself was asked to do cannot be done."""


class NoRoster(DhtError):
    """Nobody knows yet who the members are: adopt a roster first."""


class MessageTooLarge(DhtError):
    """A request body has at most 8,192 bytes: a record with its certificate, not a history."""


class VotesOfAnotherKey(DhtError):
    """The database holds another key's votes: whoever votes on with it might vote twice."""


class RosterRefused(DhtError):
    """This roster is not adopted."""


class ForgedRoster(RosterRefused):
    """Not signed by this world's certificate authority."""


class UnusableRoster(RosterRefused):
    """A member twice, or numbers under which two quorums need not meet."""


class StaleRoster(RosterRefused):
    """Epochs only grow, each roster on top of the one before."""


class RosterMissing(RosterRefused):
    """A roster between this one and the newest known is not known: each follows from the last."""


class TwoRosters(RosterRefused):
    """Two rosters with one number: this convicts the certificate authority."""
