"""Who has which e-cash, and who signed what is not so: decided offline from signed papers.

The user shows its own secrets of a withdrawal, and anyone computes again what bank and coin server
should have made of them. A coin server keeps no list of spent coins: whether it denies a good one
can be told only where its holder's order is shown, or its own signed answers contradict each other.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

from crypto.blind_signature import Blinder, BlindSignatureError
from crypto.signing import InvalidSignature, verify
from nodes.protocols.electronic_cash.blinding import blind, commitment
from nodes.protocols.electronic_cash.circulation import read_spend
from nodes.protocols.electronic_cash.coin import KeyList, key_for, serial_of, statement
from nodes.protocols.electronic_cash.documents import (
    DepositReceipt,
    IssueReceipt,
    PaymentReceipt,
    PendingCoin,
    Redemption,
    Reference,
    Settlement,
    ShownSecrets,
    Spend,
    WithdrawalReceipt,
)
from nodes.protocols.electronic_cash.guards import SPEND
from nodes.protocols.electronic_cash.messages import CoinAnswer, CoinQuery, Deliver
from nodes.protocols.errors import Refused
from nodes.protocols.evidence import (
    Denial,
    Keys,
    Papers,
    Ruled,
    convicted,
    read_pieces,
    settled,
    undecidable,
)
from nodes.protocols.message import PartyId, Role

PROTOCOL = "electronic_cash"
DOCUMENTS = (
    KeyList,
    WithdrawalReceipt,
    IssueReceipt,
    Settlement,
    PaymentReceipt,
    PendingCoin,
    Redemption,
    DepositReceipt,
)
DEBITED = "the bank denies having debited the account"
SIGNED_WRONG = "the bank denies having signed wrongly"
BLINDED_WRONG = "the coin server denies having blinded wrongly"
PAID = "the merchant denies having been paid"
DEPOSIT = "the bank keeps a deposit"
VALID = "the coin server denies a coin"
WAITS = "the coin server denies money that waits"
DENIALS = (
    Denial(
        DEBITED,
        "the receipt of W1",
        "the bank",
    ),
    Denial(
        SIGNED_WRONG,
        "the user's secrets, the coin server's receipt, W4, the list of keys",
        "the bank",
    ),
    Denial(
        BLINDED_WRONG,
        "the user's secrets and the coin server's receipt",
        "the coin server",
    ),
    Denial(
        PAID,
        "the merchant's receipt, or the coin server's settlement",
        "the merchant (BS-A4)",
    ),
    Denial(
        DEPOSIT,
        "the coin server's settlement or redemption, and the bank's receipt",
        "the bank (BS-A10)",
    ),
    Denial(
        VALID,
        "Q2 by the coin server: there; or there, gone, there again",
        "the coin server; undecidable where it only says: gone (BS-A15)",
    ),
    Denial(
        WAITS,
        "the pending coin",
        "the coin server",
    ),
)


def judge(pieces: Iterable[bytes], keys: Keys) -> list[Ruled]:
    """Read the pieces of one transaction in any order."""
    papers = read_pieces(
        pieces,
        protocols=(PROTOCOL,),
        documents=DOCUMENTS,
        values=(ShownSecrets, Spend),
    )
    return [ruled for rule in RULES for ruled in rule(papers, keys)]


def _debited(papers: Papers, keys: Keys) -> Iterator[Ruled]:
    for receipt in papers.all(WithdrawalReceipt):
        yield convicted(DEBITED, receipt.bank, f"it signed that {receipt.amount} left the account")


# a withdrawal, computed again


def _made_wrong(papers: Papers, keys: Keys) -> Iterator[Ruled]:
    for secrets in papers.of(ShownSecrets):
        receipts = [r for r in papers.all(IssueReceipt) if r.withdrawal == secrets.withdrawal]
        if not receipts:
            yield undecidable(BLINDED_WRONG, "the coin server's receipt")
        for receipt in receipts:
            yield from _made_again(papers, keys, secrets, receipt)


def _made_again(
    papers: Papers, keys: Keys, secrets: ShownSecrets, receipt: IssueReceipt
) -> Iterator[Ruled]:
    """The coin server's receipt names the secrets that it was given; anything else proves none."""
    given = (secrets.denominations, secrets.keys, secrets.entropies)
    if receipt.entropies != commitment(secrets.secret, *given):
        yield undecidable(BLINDED_WRONG, "the secrets that the coin server signed for")
        return
    counts = {len(receipt.blinded), len(secrets.keys), len(secrets.entropies)}
    if counts != {len(secrets.denominations)}:
        yield convicted(BLINDED_WRONG, receipt.coin_server, "another number of coins than ordered")
        return
    yield _blinded(secrets, receipt)
    yield _signed(papers, keys, secrets, receipt)


def _blinders(secrets: ShownSecrets, receipt: IssueReceipt) -> list[Blinder]:
    made: list[Blinder] = []
    for place, (key, entropy, denomination) in enumerate(
        zip(secrets.keys, secrets.entropies, secrets.denominations, strict=True)
    ):
        used = key_for(receipt.keys, denomination)
        if used is None:
            return []
        message = statement(receipt.coin_server, serial_of(key, entropy), denomination)
        made.append(blind(used, secrets.secret, receipt.withdrawal, place, message))
    return made


def _blinded(secrets: ShownSecrets, receipt: IssueReceipt) -> Ruled:
    made = tuple(blinder.blinded_message for blinder in _blinders(secrets, receipt))
    if made == receipt.blinded:
        return settled(BLINDED_WRONG, "every b_i is as it should be")
    return convicted(BLINDED_WRONG, receipt.coin_server, "it signed for a b_i that is another")


def _signed(papers: Papers, keys: Keys, secrets: ShownSecrets, receipt: IssueReceipt) -> Ruled:
    """The bank signs what it is shown; each of its signatures is checked against its own list."""
    authorities = keys.get(Role.CERTIFICATE_AUTHORITY, frozenset())
    listed = {
        key
        for one in papers.all(KeyList)
        if one.authority in authorities and one.bank == receipt.bank
        for key in one.keys
    }
    delivered = [
        message
        for said, message in papers.messages(Deliver)
        if (said.signer, message.withdrawal) == (receipt.bank, receipt.withdrawal)
    ]
    if not delivered:
        return undecidable(SIGNED_WRONG, "the bank's delivery, signed")
    if not listed.issuperset(receipt.keys):
        return undecidable(SIGNED_WRONG, "the bank's list of keys, signed by the authority")
    for delivery in delivered:
        for blinder, signature in zip(
            _blinders(secrets, receipt), delivery.signatures, strict=False
        ):
            try:
                blinder.finalize(signature)
            except BlindSignatureError:
                return convicted(SIGNED_WRONG, receipt.bank, "it sent a signature that is none")
        if len(delivery.signatures) != len(secrets.keys):
            return convicted(SIGNED_WRONG, receipt.bank, "it sent too few signatures")
    return settled(SIGNED_WRONG, "every signature is good")


# payments and deposits


def _paid(papers: Papers, keys: Keys) -> Iterator[Ruled]:
    """BS-A4. The merchant's receipt, or its coin server's word that the coin became its own."""
    servers = keys.get(Role.COIN_SERVER, frozenset())
    proven: dict[tuple[PartyId, Reference | None], str] = {}
    for done in papers.all(Settlement):
        if done.kind == "pay" and done.payee is not None and done.coin_server in servers:
            what = f"its coin server signed that {done.amount} went to it"
            proven[done.payee, done.reference] = what
    for receipt in papers.all(PaymentReceipt):
        proven[receipt.payee, receipt.reference] = f"it signed a receipt for {receipt.amount}"
    for (payee, _), what in proven.items():
        yield convicted(PAID, payee, what)
    orders = (spend for spend in papers.of(Spend) if _kind(spend) == "pay")
    if not proven and any(orders):
        yield undecidable(PAID, "the merchant's receipt, or its coin server's word")


def _kind(spend: Spend) -> str:
    try:
        return read_spend(spend).order.kind
    except Refused:
        return ""


def _deposits(papers: Papers, keys: Keys) -> Iterator[Ruled]:
    """BS-A10. The coin server says for how much coins went out of circulation."""
    servers = keys.get(Role.COIN_SERVER, frozenset())
    brought: dict[tuple[PartyId, Reference], int] = {}
    for done in papers.all(Settlement):
        if done.kind == "deposit" and done.coin_server in servers:
            assert done.payee is None or isinstance(done.payee, bytes), "typed"
            if done.payee is not None and done.reference is not None:
                brought[done.payee, done.reference] = done.amount
    for redeemed in papers.all(Redemption):
        if redeemed.coin_server in servers:
            brought[redeemed.bank, redeemed.deposit] = redeemed.amount
    credited: dict[tuple[PartyId, Reference], int] = defaultdict(int)
    for receipt in papers.all(DepositReceipt):
        credited[receipt.bank, receipt.deposit] = receipt.amount
    for (bank, deposit), amount in brought.items():
        got = credited.pop((bank, deposit), 0)
        if got == amount:
            yield convicted(DEPOSIT, bank, f"it signed that it credited {amount}")
        else:
            yield convicted(DEPOSIT, bank, f"coins of {amount} are gone, and it credited {got}")
    for (bank, _), amount in credited.items():
        yield convicted(DEPOSIT, bank, f"it signed that it credited {amount}")
    if not brought and any(_kind(spend) == "deposit" for spend in papers.of(Spend)):
        yield undecidable(DEPOSIT, "a coin server's word that the coins are gone")


# coins


def _valid(papers: Papers, keys: Keys) -> Iterator[Ruled]:
    """BS-A15. A coin server's answers about one key: there, gone, there again is never true."""
    told: dict[tuple[PartyId, bytes], list[tuple[int, bool]]] = defaultdict(list)
    for said, answer in papers.messages(CoinAnswer):
        query = papers.asked.get(said.request)
        if isinstance(query, CoinQuery):
            told[said.signer, query.key].append((said.time, answer.entropy is not None))
    for (server, key), answers in told.items():
        there = [is_there for _, is_there in sorted(answers)]
        if all(there):
            yield convicted(VALID, server, "it signed that the coin circulates")
        elif any(_spends(spend, server, key) for spend in papers.of(Spend)):
            yield settled(VALID, "its holder signed an order that spends it")
        elif True in there and False in there[there.index(True) :] and there[-1]:
            yield convicted(VALID, server, "it signed: there, gone, and there again")
        else:
            yield undecidable(VALID, "its holder's order: a coin server keeps no spent coins")


def _spends(spend: Spend, server: PartyId, key: bytes) -> bool:
    """Whether the key of this coin signed this order."""
    try:
        coins = read_spend(spend).order.coins
        for coin, signature in zip(coins, spend.signatures, strict=False):
            if (coin.coin_server, coin.key) == (server, key):
                verify(key, SPEND, spend.order, signature)
                return True
    except (Refused, InvalidSignature):
        return False
    return False


def _waits(papers: Papers, keys: Keys) -> Iterator[Ruled]:
    servers = keys.get(Role.COIN_SERVER, frozenset())
    for coin in papers.all(PendingCoin):
        if coin.coin_server in servers:
            why = f"it signed that {coin.amount} wait for a word"
            yield convicted(WAITS, coin.coin_server, why)


Rule = Callable[[Papers, Keys], Iterator[Ruled]]
RULES: tuple[Rule, ...] = (_debited, _made_wrong, _paid, _deposits, _valid, _waits)
