"""The bank's account server (B of the e-cash): accounts, and the keys that make coins money.

It signs coins it cannot read, takes coins back, and keeps for each coin server how much is
outstanding. It hears of no payment and sees no serial number.

    minting.py      K1, K2   a key for each denomination, published by the certificate authority
    ledger.py       A1, A2   accounts; what is outstanding at each coin server
    withdrawals.py  W1-W6    money becomes coins
    deposits.py     D1-D4    coins become money
    clearing.py     F4-F7    what coin servers owe each other
"""
