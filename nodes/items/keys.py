"""Which key each game server signs certificates with: steps G1, G1r."""

from crypto.documents import Signed
from crypto.full_domain_hash import FdhPublicKey
from nodes.items.certified import certified_as
from nodes.protocols.item_trading.certificate import read_key
from nodes.protocols.item_trading.documents import GameKey
from nodes.protocols.item_trading.messages import GameAnswer, GameQuery
from nodes.protocols.item_trading.refusals import AnotherGame
from nodes.protocols.message import PartyId, Role
from nodes.runtime.party import Party


class GameKeys:
    """Asked for once at the game server itself, whose certified key signs it, and kept."""

    def __init__(self, party: Party) -> None:
        self._party = party
        self._table = party.store.table("game_keys", Signed[GameKey])

    async def of(self, game_server: PartyId) -> FdhPublicKey:
        """Raises AnotherGame for who is no game server, OutcomeUnknown when it does not answer."""
        party = self._party
        signed = self._table.get(party.store.committed, game_server)
        if signed is not None:
            return read_key(signed, game_server)
        if not await certified_as(party, game_server, Role.GAME_SERVER):
            raise AnotherGame("this is no game server")
        answer = await party.send(game_server, GameQuery(), party.fresh_transaction(), GameAnswer)
        key = read_key(answer.message.key, game_server)
        async with party.store.transaction() as tx:
            self._table.put(tx, game_server, answer.message.key)
        return key
