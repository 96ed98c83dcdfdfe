"""Steps X1, X2: old coins for new ones, at any time and by nobody in particular.

Also how a payment is taken back that nobody has presented: its coins are exchanged first.
"""

from nodes.protocols.electronic_cash.circulation import (
    CoinServer,
    Mint,
    Presented,
    journal,
    retire,
    seal_change,
    settlement,
)
from nodes.protocols.electronic_cash.documents import ChangeBlock
from nodes.protocols.electronic_cash.holding import Spending
from nodes.protocols.electronic_cash.messages import Exchange, Exchanged
from nodes.protocols.electronic_cash.refusals import ValueChanged
from nodes.protocols.electronic_cash.state import Change, Vault


def request_exchange(spending: Spending) -> Exchange:
    """Step X1, holder."""
    return Exchange(spending.spend)


def exchange(
    presented: Presented, coin_server: CoinServer, vault: Vault
) -> tuple[Change, Exchanged]:
    """Step X2, coin server: the old serials are gone and as much is new."""
    serials = retire(presented, "exchange", coin_server, vault)
    made = presented.order
    if made.amount:
        raise ValueChanged("an exchange pays nobody")
    mint = Mint(coin_server, vault)
    coins = tuple(mint.coin(output.key, output.amount) for output in made.outputs)
    block = ChangeBlock(coins, settlement(presented, coin_server))
    change = seal_change(presented, block)
    answer = Exchanged(presented.request, change)
    entry = journal(presented, answer, change, coin_server, None)
    return Change(serials, tuple(mint.made), presented.request, entry), answer
