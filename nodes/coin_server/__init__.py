"""A coin server (S of the e-cash): makes serial numbers, and knows which coins are in circulation.

It may run several times; each has its own coins. It keeps no list of spent coins: a coin that is
not in its database is not money. What it answered stays in a journal until those who need it have
acknowledged it. It never learns who a user is.

    vault.py            coins, journal and pending coins on disk
    electronic_cash.py  W2-W3, X1-X2, P2-P3, P5-P6, D2-D3, Q1-Q2, J1-J2, C1-C4
    forwarding.py       F1-F7   coins of another home, and what coin servers owe each other
"""
