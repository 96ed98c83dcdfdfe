"""Steps F1-F7: several coin servers. The paper only says that they call each other.

A merchant presents coins to the coin server it knows; that one forwards them to their home. The
home retires them and signs that it owes their amount; the first issues as much. Many such debts
are cleared at the bank with one message. Commit point: the home's transaction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from crypto import codec
from crypto.documents import Signed, content_digest, sign_document
from nodes.protocols.electronic_cash import guards as rules
from nodes.protocols.electronic_cash.circulation import (
    HOLDER,
    HOME,
    PRESENTER,
    CoinServer,
    Mint,
    Presented,
    journal,
    retire,
)
from nodes.protocols.electronic_cash.documents import Debt, Presentation
from nodes.protocols.electronic_cash.messages import Accepted, Cleared, Retire, Retired, VoidDebt
from nodes.protocols.electronic_cash.payment import (
    for_this_payee,
    make_change,
    read_presentation,
)
from nodes.protocols.electronic_cash.reading import checked, require_sender
from nodes.protocols.electronic_cash.refusals import (
    BeyondOutstanding,
    DebtIsCleared,
    NotLost,
    NotYours,
    WrongCoinServer,
    WrongDebt,
)
from nodes.protocols.electronic_cash.state import (
    Change,
    DebtFate,
    Entry,
    Forwarded,
    KnownDebt,
    Outstanding,
    Vault,
)
from nodes.protocols.guard import Guards
from nodes.protocols.message import PartyId


def debt_digest(signed: Signed[Debt]) -> bytes:
    return content_digest(Debt, signed.content)


# Steps F1-F3


def forward(
    signed: Signed[Presentation],
    parcel: bytes,
    sender: PartyId,
    me: PartyId,
    known: Forwarded | None,
) -> tuple[Forwarded, Retire]:
    """Step F1, the coin server contacted. Save the record before the message is sent.

    `known`: this parcel is on its way already. The coin is made as its payee asked for it first.
    """
    presentation = read_presentation(signed, parcel, sender)
    if presentation.home == me:
        raise WrongCoinServer("these coins are mine")
    if known is not None and checked(Presentation, known.presentation).payee == sender:
        return known, Retire(known.presentation, known.parcel)
    return Forwarded(signed, parcel), Retire(signed, parcel)


def retire_for(
    request: Retire, sender: PartyId, presented: Presented, coin_server: CoinServer, vault: Vault
) -> tuple[Change, Retired]:
    """Step F2, home: the merchant itself signed the presentation, whoever forwards it."""
    presentation = read_presentation(request.presentation, request.parcel, None)
    paid = for_this_payee(presentation, presented, coin_server)
    serials = retire(paid, "pay", coin_server, vault)
    mint = Mint(coin_server, vault)
    change = make_change(paid, mint, coin_server)
    debt = Debt(
        debtor=coin_server.id,
        creditor=sender,
        bank=coin_server.published.bank,
        amount=paid.order.amount,
        request=presented.request,
    )
    answer = Retired(sign_document(debt, coin_server.key), change)
    entry = msgspec.structs.replace(
        journal(paid, answer, change, coin_server, sender), presentation=request.presentation
    )
    return Change(serials, tuple(mint.made), presented.request, entry), answer


def may_retire_again(request: Retire, entry: Entry) -> bool:
    """Step F2 once more: until it is acknowledged, and only for the payee it was made for.

    Raises NotYours. Given to whoever forwards the parcel later, it would be another coin.
    """
    if entry.presentation is None:
        raise NotYours()
    payee = checked(Presentation, entry.presentation).payee
    if read_presentation(request.presentation, request.parcel, None).payee != payee:
        raise NotYours()
    return PRESENTER in entry.waiting


def complete(
    record: Forwarded, answer: Retired, home: PartyId, coin_server: CoinServer, vault: Vault
) -> tuple[Change, Accepted, Forwarded]:
    """Step F3, the coin server contacted: the merchant's coin, of its own. Raises WrongDebt.

    The answer stays until the home gives its own no more: one retirement is one coin, whoever
    presents the same parcel again.
    """
    presentation = checked(Presentation, record.presentation)
    debt = checked(Debt, answer.debt)
    if (debt.debtor, debt.creditor, debt.amount) != (home, coin_server.id, presentation.amount):
        raise WrongDebt()
    mint = Mint(coin_server, vault)
    coin = mint.coin(presentation.key, debt.amount)
    accepted = Accepted(coin, answer.change, presentation.parcel)
    entry = Entry(
        answer=codec.encode(accepted),
        change=answer.change,
        spend=None,
        presenter=presentation.payee,
        holder=None,
        waiting=(PRESENTER, HOME),
        until=coin_server.journal_until,
    )
    done = msgspec.structs.replace(record, debt=answer.debt)
    return Change(issued=tuple(mint.made), key=presentation.parcel, entry=entry), accepted, done


# Steps F4, F5


@dataclass(frozen=True)
class Books:
    """What clearing changes at the bank."""

    outstanding: Mapping[PartyId, Outstanding]
    debts: Mapping[bytes, KnownDebt]


def clear(
    debts: Sequence[Signed[Debt]], sender: PartyId, bank: PartyId, books: Books, guards: Guards
) -> tuple[Books, Cleared]:
    """Bank: move what is outstanding from debtors to the creditor, each debt once.

    A debt beyond what is outstanding at its debtor stays a debt, and holds up no other. Raises
    WrongDebt, and nothing has moved, where one is not the sender's; BeyondOutstanding where none
    could be cleared.
    """
    outstanding, known = dict(books.outstanding), dict(books.debts)
    cleared, void = [], []
    beyond: BeyondOutstanding | None = None
    for signed in debts:
        debt, name = _owed_to(signed, sender, bank), debt_digest(signed)
        fate = known.get(name)
        if fate is not None and fate.fate is DebtFate.VOID:
            void.append(name)
            continue
        if fate is None:
            try:
                _move(outstanding, debt, guards)
            except BeyondOutstanding as error:
                beyond = error
                continue
            known[name] = KnownDebt(DebtFate.CLEARED, debt.amount)
        cleared.append(name)
    if beyond is not None and not (cleared or void):
        raise beyond
    return Books(outstanding, known), Cleared(tuple(cleared), tuple(void))


def _owed_to(signed: Signed[Debt], creditor: PartyId, bank: PartyId) -> Debt:
    debt = checked(Debt, signed)
    if (debt.creditor, debt.bank) != (creditor, bank) or debt.debtor == creditor:
        raise WrongDebt()
    return debt


def _move(outstanding: dict[PartyId, Outstanding], debt: Debt, guards: Guards) -> None:
    debtor = outstanding.get(debt.debtor, Outstanding())
    creditor = outstanding.get(debt.creditor, Outstanding())
    left = debtor.amount - debtor.redeeming
    if left < debt.amount:
        guards.require(rules.outstanding_covers, left, debt.amount)
    outstanding[debt.debtor] = msgspec.structs.replace(debtor, amount=debtor.amount - debt.amount)
    outstanding[debt.creditor] = msgspec.structs.replace(
        creditor, amount=creditor.amount + debt.amount
    )


# Steps F6, F7: the coin server contacted is lost for good after F2


def declared_lost(outstanding: Outstanding) -> Outstanding:
    """Bank: by its owner's decision."""
    return msgspec.structs.replace(outstanding, lost=True)


def void_debt(
    message: VoidDebt,
    sender: PartyId,
    bank: PartyId,
    creditor: Outstanding,
    known: KnownDebt | None,
) -> KnownDebt:
    """Bank: a lost creditor's debt that it never cleared. Raises NotLost, DebtIsCleared."""
    debt = checked(Debt, message.debt)
    require_sender(sender, debt.debtor)
    if debt.bank != bank:
        raise WrongDebt()
    if not creditor.lost:
        raise NotLost()
    if known is not None and known.fate is DebtFate.CLEARED:
        raise DebtIsCleared()
    return KnownDebt(DebtFate.VOID, debt.amount)


def debt_of(entry: Entry) -> Signed[Debt] | None:
    """Home: what it signed for a forwarded payment, if this entry is one."""
    return codec.decode(entry.answer, Retired).debt if entry.presentation is not None else None


def serve_payee(
    entry: Entry, sender: PartyId, coin_server: CoinServer, vault: Vault
) -> tuple[Change, Accepted]:
    """Home: the debt is void, so the merchant gets its coin here. Raises NotYours."""
    if entry.presentation is None:
        raise NotYours()
    presentation = checked(Presentation, entry.presentation)
    require_sender(sender, presentation.payee)
    debt = debt_of(entry)
    assert debt is not None, "a forwarded payment has a debt"
    request = checked(Debt, debt).request
    mint = Mint(coin_server, vault)
    coin = mint.coin(presentation.key, presentation.amount)
    answer = Accepted(coin, entry.change, request)
    waiting = tuple(who for who in entry.waiting if who == HOLDER)
    served = msgspec.structs.replace(
        entry,
        answer=codec.encode(answer),
        presenter=sender,
        presentation=None,
        waiting=(*waiting, PRESENTER),
    )
    return Change(issued=tuple(mint.made), key=request, entry=served), answer
