"""Steps K1-K4, certificate authority: one list of keys for each bank, the same for everybody."""

from crypto.documents import Signed, open_document, sign_document
from nodes.protocols.electronic_cash.coin import KeyList, next_list
from nodes.protocols.electronic_cash.messages import Keys, KeysPublished, KeysQuery, PublishKeys
from nodes.protocols.envelope import Opened
from nodes.runtime.party import Answer, Party
from nodes.runtime.service import Service


def install(service: Service) -> None:
    lists = KeyLists(service)
    service.handles(PublishKeys, lists.publish)
    service.handles(KeysQuery, lists.tell)


class KeyLists:
    def __init__(self, service: Service) -> None:
        self._table = service.party.store.table("cash_key_lists", Signed[KeyList])

    async def publish(self, received: Opened[PublishKeys], party: Party) -> Answer:
        """Steps K1, K2: keys are added; none that was published changes."""
        async with party.store.transaction() as tx:
            known = self._table.get(tx, received.sender)
            before = open_document(KeyList, known) if known else None
            listed = next_list(party.id, received.sender, received.message.keys, before)
            signed = known if known and listed == before else sign_document(listed, party.key)
            self._table.put(tx, received.sender, signed)
            return party.answer(tx, received, KeysPublished(signed))

    async def tell(self, received: Opened[KeysQuery], party: Party) -> Answer:
        """Steps K3, K4."""
        listed = self._table.get(party.store.committed, received.message.bank)
        return party.reply(received, Keys(listed))
