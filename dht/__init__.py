"""Kademlia with write-once, k-replicated registers, on the package `kademlia`.

`records.py` is the pure part: bodies, votes, certificates, rosters and quorum arithmetic.
"""
