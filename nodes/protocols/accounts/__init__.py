"""Accounts at the broker: opened once for each enrolled peer, debited by withdrawals, credited by
redemptions, frozen when their owner is proven to have spent a coin twice.

No paper has this; every paper with a broker takes it for granted. Opening is the only issue of
money in a world.

    account.py      the record and what may happen to it
    messages.py     A1, A2 opening; A3, A4 balance
"""

from nodes.protocols.accounts import refusals as refusals  # a peer that only asks reads them, too
