"""Trading the items of online games by certificates (IT, models 1 and 2).

Y. Jeong, J. Ki and J. H. Cheon, "Secure Electronic Trading System for Online Game-Items" (in
Korean), Journal of the Korea Institute of Information Security and Cryptology.

A game server certifies who owns an item, so items are bought and sold without a meeting in the
game, and owners get them back when the game loses its world. Two models: the market sells in the
owner's place (like a stock broker), or brings seller and buyer together (like an estate agent).

    S    game_server   certificates, reservations, registrations; says once how a trade ended
    M    market        the list; in model 1 it holds the certificate and sells
    C_1  peer          seller: owner of a certificate
    C_2  peer          buyer: the next one

    certificate.py      0          an item of the game world gets its certificate
    listing_proof.py    2.1, 2.2   the seller proves to own a signature that it does not show
    sale_by_market.py   1.1, 1.2   the market is handed the certificate
    unlisting.py        U1         the owner takes its item off the list again
    purchase.py         3, 1.4     an order; model 1: the item is reserved for it
    settlement.py       1.5, 1.6   model 1: money in, goods out
    direct_sale.py      2.4-2.8    model 2: certificate encrypted, money, key
    complaint.py        C1-C3      model 2: no key, or nothing behind it
    registration.py     7-9, V1    the item moves, or the trade is void: the commit point
    outcome.py          8-10, V2   what the word of the game server means to each
    recovery.py         R1         the world was lost, the certificates were not

Cyber money is e-cash that waits at its coin server for the word the game server signs anyway:
`payment.py` is all this protocol knows of it. `messages.py` is the table of contents,
`documents.py` what stays checkable, `guards.py` the mends, `state.py` and `players.py` what each
party remembers. Where the paper is silent or we differ, docs/protocols/item_trading.md says so.
"""
