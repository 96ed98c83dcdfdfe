"""What a party that holds DHT coins does, whatever its role: peers and the escrow server.

    trust.py       whom this node believes about coins; its witness's check for the DHT
    registers.py   probe, look up, write: each one row of the trace
    purse.py       the coins on disk, and which are spoken for
    follow.py      brings every coin to its certificate, across restarts
    wallet.py      choose, commit and sign; take in; how far a set of coins is
    books.py       rows for the ledger

A coin is saved before it is signed, and followed until its register is certified or shown to hold
another record.
"""
