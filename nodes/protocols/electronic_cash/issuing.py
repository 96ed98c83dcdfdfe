"""Steps W2, W3, coin server: serials are made, blinded, and brought into circulation."""

from crypto import codec
from crypto.codec import MalformedEncoding
from crypto.documents import sign_document
from crypto.sealing import CannotOpen, UnusableKey, seal
from nodes.protocols.electronic_cash import guards as rules
from nodes.protocols.electronic_cash.blinding import (
    blind,
    block_context,
    block_digest,
    check_denominations,
    commitment,
    entropies_context,
)
from nodes.protocols.electronic_cash.circulation import PRESENTER, CoinServer, Mint
from nodes.protocols.electronic_cash.coin import (
    key_for,
    serial_of,
    statement,
)
from nodes.protocols.electronic_cash.documents import (
    IssueOrder,
    IssueReceipt,
    WithdrawalBlock,
)
from nodes.protocols.electronic_cash.messages import (
    Issue,
    Issued,
)
from nodes.protocols.electronic_cash.reading import checked
from nodes.protocols.electronic_cash.refusals import (
    BlockUnreadable,
    IssueRepeated,
    NotPaidFor,
    WrongDenominations,
)
from nodes.protocols.electronic_cash.state import Change, Entry, Vault
from nodes.protocols.message import PartyId


def issue(
    request: Issue, sender: PartyId, last_number: int, coin_server: CoinServer, vault: Vault
) -> tuple[Change, Issued, int]:
    """Coin server: make the serials, blind them, bring the coins into circulation.

    Returns what to write, the answer, and the number to keep. Without the bank's signature the
    coins are worth nothing yet. Raises NotPaidFor, IssueRepeated, WrongDenominations,
    BlockUnreadable, KeyNotPublished or KeyInUse.
    """
    order = _paid_for(request, sender, coin_server)
    if order.number <= last_number:
        raise IssueRepeated()
    check_denominations(order.amount, order.denominations)
    coin_server.guards.require(rules.keys_are_published, order.keys, coin_server.published)
    block = _open_block(request, order, coin_server)
    mint = Mint(coin_server, vault)
    entropies, blinded = [], []
    for place, (key, denomination) in enumerate(zip(block.keys, block.denominations, strict=True)):
        signed_with = key_for(order.keys, denomination)
        if signed_with is None:
            raise WrongDenominations(f"no key for {denomination} is named")
        entropy = mint.withdrawn(key, denomination, signed_with.period)
        message = statement(coin_server.id, serial_of(key, entropy), denomination)
        blinder = blind(signed_with, block.secret, order.withdrawal, place, message)
        entropies.append(entropy)
        blinded.append(blinder.blinded_message)
    answer = Issued(
        receipt=sign_document(
            IssueReceipt(
                coin_server=coin_server.id,
                bank=order.bank,
                withdrawal=order.withdrawal,
                block=order.block,
                blinded=tuple(blinded),
                keys=order.keys,
                entropies=commitment(
                    block.secret, block.denominations, block.keys, tuple(entropies)
                ),
            ),
            coin_server.key,
        ),
        entropies=_seal_entropies(tuple(entropies), block, order),
    )
    entry = Entry(
        answer=codec.encode(answer),
        change=b"",
        spend=None,
        presenter=sender,
        holder=None,
        waiting=(PRESENTER,),
        until=coin_server.journal_until,
    )
    return Change(issued=tuple(mint.made), key=order.withdrawal, entry=entry), answer, order.number


def _paid_for(request: Issue, sender: PartyId, coin_server: CoinServer) -> IssueOrder:
    order = checked(IssueOrder, request.order)
    if order.bank != sender or order.coin_server != coin_server.id:
        raise NotPaidFor()
    if order.bank != coin_server.published.bank:
        raise NotPaidFor("another bank")
    return order


def _open_block(request: Issue, order: IssueOrder, coin_server: CoinServer) -> WithdrawalBlock:
    if block_digest(request.block) != order.block:
        raise BlockUnreadable("not the block the bank signed for")
    try:
        context = block_context(order.bank, coin_server.id)
        block = codec.decode(coin_server.sealing_key.open(request.block, context), WithdrawalBlock)
    except (CannotOpen, MalformedEncoding) as error:
        raise BlockUnreadable(str(error)) from error
    if (block.handle, block.denominations) != (order.handle, order.denominations):
        raise BlockUnreadable("the block says something else than the bank")
    if len(block.keys) != len(block.denominations):
        raise BlockUnreadable("a key for each coin is wanted")
    return block


def _seal_entropies(
    entropies: tuple[bytes, ...], block: WithdrawalBlock, order: IssueOrder
) -> bytes:
    context = entropies_context(order.coin_server, order.withdrawal)
    try:
        return seal(block.reply_key, codec.encode(entropies), context)
    except UnusableKey as error:
        raise BlockUnreadable("unusable reply key") from error
