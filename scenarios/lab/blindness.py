"""Could a bank that signs blindly tell which coin came of which signing? (BS-24)

For each coin of a withdrawal it saw a blinded value z and gave a signature s'. A coin with the
signature s came of that signing if its user had the factor r with z = s^e r^e mod n. One such is
r = s' / s, for any signing and any coin under the same key; so every pairing is as likely as every
other, however much the bank computes. A bank that marks somebody with another key breaks this.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from crypto import codec
from crypto.blind_signature import BlindPublicKey, BlindSignatureError
from crypto.rsa_private import PUBLIC_EXPONENT
from nodes.protocols.electronic_cash.coin import Coin, statement_of
from nodes.protocols.electronic_cash.documents import IssueReceipt

View = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Signing:
    """What the bank saw and gave for one coin of `amount`."""

    amount: int
    key: BlindPublicKey
    blinded: bytes
    signature: bytes


@dataclass(frozen=True)
class Withdrawn:
    signings: tuple[Signing, ...]
    coins: tuple[Coin, ...]


def withdrawn(view: View, transaction: str) -> Withdrawn:
    """One withdrawal, from what its user could read of step W4."""
    read = {
        line["what"]: line["value"]
        for line in view
        if (line["step"], line["transaction"]) == ("W4", transaction)
    }
    coins = tuple(_coin(value) for value in read["coins"])
    content = bytes.fromhex(read["deliver"]["receipt"]["content"])
    receipt = codec.decode(content, IssueReceipt)
    keys = {key.denomination: BlindPublicKey.from_bytes(key.modulus) for key in receipt.keys}
    signatures = map(bytes.fromhex, read["deliver"]["signatures"])
    made = zip(coins, receipt.blinded, signatures, strict=True)
    signings = [
        Signing(coin.amount, keys[coin.amount], blinded, signature)
        for coin, blinded, signature in made
    ]
    return Withdrawn(tuple(signings), coins)


def _coin(value: Mapping[str, Any]) -> Coin:
    return Coin(
        coin_server=bytes.fromhex(value["coin_server"]),
        key=bytes.fromhex(value["key"]),
        entropy=bytes.fromhex(value["entropy"]),
        amount=value["amount"],
        period=value["period"],
        signature=bytes.fromhex(value["signature"]),
    )


def pairings(withdrawals: Iterable[Withdrawn]) -> tuple[int, int]:
    """How many pairs of a signing and a coin of one amount there are, and how many could be."""
    known = list(withdrawals)
    signings = [signing for one in known for signing in one.signings]
    coins = [coin for one in known for coin in one.coins]
    pairs = [(s, c) for s, c in product(signings, coins) if s.amount == c.amount]
    return len(pairs), sum(could_be(signing, coin) for signing, coin in pairs)


def could_be(signing: Signing, coin: Coin) -> bool:
    """Whether some factor makes this coin of that signing."""
    key = signing.key
    try:
        key.verify(statement_of(coin), coin.signature)
    except BlindSignatureError:
        return False
    n, signature = key.modulus, key.number(coin.signature)
    factor = key.number(signing.signature) * pow(signature, -1, n) % n
    blinded = pow(signature, PUBLIC_EXPONENT, n) * pow(factor, PUBLIC_EXPONENT, n) % n
    return key.bytes_of(blinded) == signing.blinded
