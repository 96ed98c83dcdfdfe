"""What a peer shows of its coin transactions: a record each, with the signed papers as evidence."""

from collections.abc import Iterable
from typing import Any

from crypto import codec
from nodes.peer.dht_micropayment.paying import Payer
from nodes.peer.dht_micropayment.receiving import Payee
from nodes.peer.dht_micropayment.redeeming import Redeemer
from nodes.peer.dht_micropayment.renewing import Renewer
from nodes.peer.dht_micropayment.withdrawing import Withdrawer
from nodes.protocols.dht_micropayment.holding import holding_key
from nodes.protocols.dht_micropayment.payment import (
    PAYEE_MOVES,
    PAYER_MOVES,
    Incoming,
    Outgoing,
    expire_quote,
)
from nodes.protocols.dht_micropayment.redemption import HANDED_IN_MOVES, HandedIn
from nodes.protocols.dht_micropayment.reissue import RENEWAL_MOVES, Renewal
from nodes.protocols.dht_micropayment.withdrawal import ASKED_MOVES, Asked
from nodes.runtime.evidence import shown
from nodes.wallet.registers import PROTOCOL


class CoinRecords:
    def __init__(
        self,
        withdrawer: Withdrawer,
        payer: Payer,
        payee: Payee,
        renewer: Renewer,
        redeemer: Redeemer,
    ) -> None:
        self._wallet = payer.wallet
        self._withdrawals = withdrawer.table
        self._outgoing = payer.table
        self._incoming = payee.table
        self._renewals = renewer.table
        self._redemptions = redeemer.table

    def summaries(self) -> list[dict[str, Any]]:
        return [
            {name: value for name, value in row.items() if name != "evidence"}
            for row in self._rows(b"")
        ]

    def details(self, transaction: bytes) -> list[dict[str, Any]]:
        return [
            {**row, "evidence": row["evidence"] + self._steps(row["coins"])}
            for row in self._rows(transaction)
        ]

    def _steps(self, coins: list[dict[str, Any]]) -> list[dict[str, str]]:
        """Of each coin of a transaction: the coin, what was signed, and what the quorums voted."""
        reader = self._wallet
        return [
            piece
            for coin in coins
            for held in reader.coins([holding_key(bytes.fromhex(coin["chain"]), coin["index"])])
            for piece in [
                *shown(
                    coin=held.evidence.coin,
                    step=held.record,
                    predecessor=held.predecessor,
                    certificate=held.certificate,
                    settlement=held.settlement,
                ),
                *(one for rival in held.rivals for one in shown(rival=rival)),
            ]
        ]

    def _rows(self, prefix: bytes) -> Iterable[dict[str, Any]]:
        reader = self._wallet.party.store.committed
        for asked in self._withdrawals.values(reader, prefix):
            yield self._withdrawal(asked)
        for outgoing in self._outgoing.values(reader, prefix):
            yield self._payment_out(outgoing)
        for incoming in self._incoming.values(reader, prefix):
            yield self._payment_in(incoming)
        for renewal in self._renewals.values(reader, prefix):
            yield self._renewal(renewal)
        for handed_in in self._redemptions.values(reader, prefix):
            yield self._redemption(handed_in)

    def _withdrawal(self, record: Asked) -> dict[str, Any]:
        final = not ASKED_MOVES[record.state]
        return _row(record, "owner", final, count=record.count, coins=self._coins(record.coins))

    def _payment_out(self, record: Outgoing) -> dict[str, Any]:
        return _row(
            record,
            "payer",
            not PAYER_MOVES[record.state],
            payee=record.payee.hex(),
            order=record.order.hex(),
            count=record.count,
            coins=self._coins(record.coins),
            quote=codec.encode(record.quote).hex() if record.quote else "",
            receipt=codec.encode(record.receipt).hex() if record.receipt else "",
            evidence=shown(quote=record.quote, receipt=record.receipt),
        )

    def _payment_in(self, record: Incoming) -> dict[str, Any]:
        party = self._wallet.party
        record = expire_quote(record, party.now())
        quote = record.quoted
        return _row(
            record,
            "payee",
            not PAYEE_MOVES[record.state],
            reason=record.reason.value if record.reason else "",
            payer=quote.payer.hex(),
            order=quote.order.hex(),
            count=quote.count,
            deadline=quote.deadline,
            coins=self._coins(record.coins),
            quote=codec.encode(record.quote).hex(),
            evidence=shown(quote=record.quote),
        )

    def _renewal(self, record: Renewal) -> dict[str, Any]:
        final = not RENEWAL_MOVES[record.state]
        return _row(record, "holder", final, coins=self._coins((record.old, record.new)))

    def _redemption(self, record: HandedIn) -> dict[str, Any]:
        return _row(
            record,
            "holder",
            not HANDED_IN_MOVES[record.state],
            broker=record.broker.hex(),
            credited=record.credited,
            coins=self._coins(record.coins),
        )

    def _coins(self, keys: Iterable[bytes]) -> list[dict[str, Any]]:
        return [
            {
                "serial": held.coin.serial,
                "generation": held.coin.generation,
                "chain": held.chain.hex(),
                "index": held.step.index,
                "state": held.state.value,
                "rivals": [codec.encode(rival).hex() for rival in held.rivals],
            }
            for held in self._wallet.coins(keys)
        ]


def _row(record: Any, side: str, final: bool, **more: Any) -> dict[str, Any]:
    return {
        "id": record.transaction.hex(),
        "protocol": PROTOCOL,
        "side": side,
        "state": record.state.value,
        "final": final,
        "reason": getattr(record, "reason", "") or "",
        "evidence": [],
        **more,
    }
