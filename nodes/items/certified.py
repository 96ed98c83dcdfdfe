"""Whether a party that a document names has the role it is named in, by its certificate."""

from crypto import codec
from crypto.codec import MalformedEncoding
from nodes.protocols.electronic_cash.documents import PendingCoin
from nodes.protocols.item_trading.payment import PaidIn
from nodes.protocols.message import PartyId, Role
from nodes.runtime.party import Party
from nodes.runtime.refusals import UnknownSender


async def certified_as(party: Party, id_: PartyId, role: Role) -> frozenset[PartyId]:
    """{id_} if it is certified for that role, else empty. Raises CannotCheckSender."""
    try:
        found = await party.directory.role_of(id_)
    except UnknownSender:
        return frozenset()
    return frozenset({id_}) if found is role else frozenset()


async def coin_server_of(party: Party, paid: PaidIn | None) -> frozenset[PartyId]:
    """The coin server that a receipt names, if it is one."""
    if paid is None:
        return frozenset()
    try:
        named = codec.decode(paid.content, PendingCoin).coin_server
    except MalformedEncoding:
        return frozenset()
    return await certified_as(party, named, Role.COIN_SERVER)
