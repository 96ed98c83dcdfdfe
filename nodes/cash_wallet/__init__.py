"""What a party does that holds e-cash or checks it, whatever its role.

    keys.py      the bank and its published keys
    numbers.py   which numbers of the wallet are used
    coins.py     the coins on disk, and in memory those that may still move
    purse.py     the orders signed with them, what they bring
    undecided.py how many payments may wait for their coin server
    taking.py    presenting a parcel to a coin server: what a merchant does, and an escrow server

An order is saved before it is sent, and followed until its coin server says what became of it.
"""
