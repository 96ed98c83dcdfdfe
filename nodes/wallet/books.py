"""What a wallet tells the auditor: a row a coin, with its newest certificate as evidence."""

from typing import Any

from crypto import codec
from nodes.protocols.dht_micropayment.holding import Holding
from nodes.wallet.purse import Purse


def coin_rows(purse: Purse) -> dict[str, Any]:
    return {"coins": [coin_row(coin) for coin in purse.all()]}


def coin_row(holding: Holding) -> dict[str, Any]:
    coin, certificate = holding.coin, holding.settlement or holding.certificate
    return {
        "owner": coin.owner.hex(),
        "serial": coin.serial,
        "generation": coin.generation,
        "expires": coin.expires,
        "chain": holding.chain.hex(),
        "index": holding.step.index,
        "state": holding.state.value,
        "transaction": (holding.leaves_by or holding.transaction).hex(),
        "to": holding.committed.payee.hex() if holding.committed else "",
        "rivals": len(holding.rivals),
        "certificate": codec.encode(certificate).hex() if certificate else "",
    }
