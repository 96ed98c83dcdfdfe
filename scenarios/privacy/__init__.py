"""Who learns what: one module a protocol, with its facts and what is expected of each.

A module declares `MEASUREMENTS`: which parties there are, what there is to know, who is expected
to know it (the smallest coalitions), what the paper claims, and how it is played so that there is
something to know. `jangteo privacy PROTOCOL` measures it.
"""
