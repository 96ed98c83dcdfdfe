"""What several roles do that trade in items: peers and markets, and in part game servers.

keys.py        which key a game server signs certificates with
certified.py   whether a party named in a document has the role it is named in
"""
