"""A game server (S of the item trade): its world, and the certificates of the items in it.

It may run several times, one for each game. It certifies who owns an item, keeps an item for a
deal, registers its new owner, and says once of each deal whether it is registered or void. The
world may be lost and brought back from an old copy; certificates and trades are never undone.

    ledger.py        certificates, trades and the world on disk
    item_trading.py  what players and markets ask
    world.py         what the owner of the game does: items found, copies of the world, the end
"""
