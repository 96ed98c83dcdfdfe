"""A peer's side of the DHT micropayment: owner, payer, payee, holder.

withdrawing.py  W1-W3   coins from the broker
paying.py       Q1, P1  n coins to another peer, followed to their end
receiving.py    Q1r, P1-P3, B1   taking a payment in, deciding once, giving back
renewing.py     R1-R5   a coin near its expiry
redeeming.py    D1, D2  coins back to the broker
showing.py              records and rows for inspection
"""

from nodes.peer.accounts import AccountAtBroker
from nodes.peer.dht_micropayment.paying import Payer
from nodes.peer.dht_micropayment.receiving import Payee
from nodes.peer.dht_micropayment.redeeming import Redeemer
from nodes.peer.dht_micropayment.renewing import Renewer
from nodes.peer.dht_micropayment.showing import CoinRecords
from nodes.peer.dht_micropayment.withdrawing import Withdrawer
from nodes.ring import Ring
from nodes.runtime.service import Service
from nodes.wallet.books import coin_rows
from nodes.wallet.wallet import Wallet


def install(service: Service, ring: Ring) -> Wallet:
    """`ring` comes from `nodes.wallet.trust.coin_ring`; the wallet serves other protocols too."""
    wallet = Wallet(service, ring)
    withdrawer = Withdrawer(wallet, AccountAtBroker(service))
    payer = Payer(wallet)
    payee = Payee(wallet)
    renewer = Renewer(wallet)
    redeemer = Redeemer(wallet)
    service.shows(CoinRecords(withdrawer, payer, payee, renewer, redeemer))
    service.accounts_for(lambda: coin_rows(wallet.purse))
    return wallet
