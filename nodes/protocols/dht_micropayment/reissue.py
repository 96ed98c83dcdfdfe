"""Steps R1-R5: near its expiry a coin is renewed by whoever holds it, without the broker.

Equations (6)-(9). The paper's walk back to step 0 (R1) is the certificate of the holder's own
step: its witnesses checked what came before. The reissue takes the coin's next register, so it
excludes a payment; it holds the digest of C', and its votes are what makes C' good.

    R2  C' = {U, sn, E'} signed by W, E' = E + V
    R3  <(C, n + 1), reissue, terms = H(C')>          certified: the old generation is closed
    R5  <(C', 0), open>                               certified: the new one can be spent
"""

import enum

from crypto.documents import Signed, document_digest, sign_document
from crypto.signing import SigningKey
from nodes.protocols.dht_micropayment.coin import (
    Coin,
    Evidence,
    closes_at,
    read_coin,
    reissue_opens_at,
)
from nodes.protocols.dht_micropayment.holding import (
    CoinState,
    Holding,
    commit,
    opened,
    require_held,
)
from nodes.protocols.dht_micropayment.moves import Kept, Moves, moved
from nodes.protocols.dht_micropayment.refusals import (
    CoinHasExpired,
    NothingCommitted,
    TooEarlyToReissue,
)
from nodes.protocols.guard import Guards
from nodes.protocols.message import Milliseconds, PartyId, TransactionId


class RenewalState(enum.StrEnum):
    """A reissue as its holder sees it."""

    COMMITTED = "committed"
    CERTIFIED = "certified"
    """The old generation is closed, the new coin good; its opening is not certified yet."""
    RENEWED = "renewed"


RENEWAL_MOVES: Moves[RenewalState] = {
    RenewalState.COMMITTED: frozenset({RenewalState.CERTIFIED}),
    RenewalState.CERTIFIED: frozenset({RenewalState.RENEWED}),
    RenewalState.RENEWED: frozenset(),
}


class Renewal(Kept, frozen=True):
    """The holder's record of one reissue."""

    state: RenewalState
    transaction: TransactionId
    old: bytes
    """Key of the holding it ends."""
    new: bytes
    """Key of the holding it begins."""

    def moved(self, to: RenewalState) -> "Renewal":
        return moved(self, RENEWAL_MOVES, to)


def renewed(old: Coin, holder: PartyId, *, expires: Milliseconds | None = None) -> Coin:
    """C' by equation (6); `expires` only for who would choose it (DC-A10)."""
    return Coin(
        owner=old.owner,
        serial=old.serial,
        generation=old.generation + 1,
        expires=old.expires + old.validity if expires is None else expires,
        validity=old.validity,
        window=old.window,
        issuer=old.issuer,
        signed_by=holder,
        holder=holder,
        previous=document_digest(old),
    )


def begin_reissue(
    holding: Holding,
    now: Milliseconds,
    transaction: TransactionId,
    key: SigningKey,
    guards: Guards,
) -> Holding:
    """R1, R2, holder: C' is made and the step that holds its digest committed, not signed yet.

    Raises TooEarlyToReissue, CoinHasExpired or MoveNotAllowed.
    """
    coin = require_held(holding).coin
    if now < reissue_opens_at(coin):
        raise TooEarlyToReissue()
    if now > closes_at(coin):
        raise CoinHasExpired()
    successor = sign_document(renewed(coin, key.public_key), key)
    return commit_reissue(holding, successor, transaction, key.public_key, guards)


def commit_reissue(
    holding: Holding,
    successor: Signed[Coin],
    transaction: TransactionId,
    me: PartyId,
    guards: Guards,
) -> Holding:
    """R3: the step <(C, n + 1), reissue, H(C')>, decided."""
    terms = document_digest(read_coin(successor))
    return commit(holding, "reissue", me, terms, transaction, me, guards, successor=successor)


def complete_reissue(closed: Holding) -> Holding:
    """R4, R5, holder: the reissue is certified, and with it C' is good; its opening comes next."""
    if closed.state is not CoinState.CLOSED or closed.successor is None:
        raise NothingCommitted("no reissue of this coin is certified")
    assert closed.settlement is not None, "a closed coin was certified so"
    assert closed.leaves_by is not None, "a committed coin leaves by a transaction"
    evidence = Evidence(closed.successor, parent=closed.coin, reissue=closed.settlement)
    return opened(evidence, closed.leaves_by)
