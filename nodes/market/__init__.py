"""A market (M of the item trade): lists items, and brings them from their owners to buyers.

It may run several times. In model 1 it has the seller's certificate and sells in its place; in
model 2 it has none, lets the owner prove that it has one, and mediates. It holds no money in
either: what is paid waits at a coin server for the game server's word.

    books.py     listings and trades on disk
    listings.py  1.1 to 2.2, L1, U1   what sellers offer
    trades.py    3 to 10, V1, V2      what buyers order, until its end
    disputes.py  C1 to C3             model 2: no key, or nothing behind it
"""
