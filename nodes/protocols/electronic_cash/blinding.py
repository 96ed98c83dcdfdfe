"""What user, bank and coin server compute alike in a withdrawal: names, factors, commitments."""

from crypto.blind_signature import (
    Blinder,
    derive_factor,
)
from crypto.hashing import authenticate, digest, framed
from nodes.protocols.electronic_cash.coin import (
    DenominationKey,
    public_key,
)
from nodes.protocols.electronic_cash.refusals import (
    WrongDenominations,
)
from nodes.protocols.message import PartyId

BLINDING = "electronic_cash/blinding/1"


def withdrawal_id(bank: PartyId, account: PartyId, nonce: bytes) -> bytes:
    """wid: both sides know it from the start; without the nonce it names nobody."""
    return digest("electronic_cash/withdrawal", bank, account, nonce)


def block_digest(block: bytes) -> bytes:
    return digest("electronic_cash/block", block)


def block_context(bank: bytes, coin_server: bytes) -> bytes:
    return framed("electronic_cash/block/1", bank, coin_server)


def entropies_context(coin_server: bytes, withdrawal: bytes) -> bytes:
    return framed("electronic_cash/entropies/1", coin_server, withdrawal)


def commitment(
    secret: bytes,
    denominations: tuple[int, ...],
    keys: tuple[bytes, ...],
    entropies: tuple[bytes, ...],
) -> bytes:
    """MAC of all amounts, pk_i and v_i under SK: the bank carries it and learns nothing from it.

    Who shows what gives it shows what the coin server was given and has drawn.
    """
    amounts = b"".join(amount.to_bytes(8, "big") for amount in denominations)
    return authenticate(secret, "electronic_cash/coins/1", amounts, *keys, *entropies)


def blind(
    key: DenominationKey, secret: bytes, withdrawal: bytes, place: int, message: bytes
) -> Blinder:
    """b_i, with r_i from (SK, wid, i)."""
    public = public_key(key)
    factor = derive_factor(public, secret, BLINDING, withdrawal, place.to_bytes(8, "big"))
    return Blinder(public, message, factor)


def check_denominations(amount: int, denominations: tuple[int, ...]) -> None:
    if sum(denominations) != amount:
        raise WrongDenominations()
