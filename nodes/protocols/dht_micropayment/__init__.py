"""DHT-based peer-to-peer micropayment with reissue by a peer (DC).

D. Seo, G. Song and S. Kim, "DHT Based Peer-to-Peer Micropayment System for Ubiquitous
Environment".

The broker issues coins and redeems them; no payment between peers needs it. Where a coin has been
stands in a distributed hash table: its i-th step is a register that is written once, so a second
payment with the same coin finds its place taken. Near its expiry a coin is renewed by whoever
holds it.

    B        broker        accounts, serials issued, (U, sn) redeemed
    U, V, W  peers         coins held; every peer is a node of the DHT
    DHT      peers         the registers (C, 0), (C, 1), ...; k of them are a register's witnesses

    coin.py         C, C'; the chain of registers of one generation; the windows of time
    genuine.py      is this a coin at all?
    step.py         one step of a coin's life: what its writer makes, what everyone checks
    validator.py    what a witness checks before it votes
    holding.py      what a holder remembers of a coin; signs each step once
    withdrawal.py   W1-W3   the broker issues, the owner opens
    transfer.py     P1      one coin from payer to payee
    payment.py      Q1, P1-P3, B1   n coins at once: all, or all given back
    reissue.py      R1-R5   a holder renews a coin
    redemption.py   D1, D2  the broker takes a coin back
    fraud.py        F1      a coin spent twice

`messages.py` is the table of contents, `guards.py` the mends, each of which can be switched off.
Where the paper is silent or we differ, docs/protocols/dht_micropayment.md says so.
"""
