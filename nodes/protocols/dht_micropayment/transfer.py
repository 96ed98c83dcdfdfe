"""Step P1: a payment of one coin, what its payer makes and what its payee and witnesses check.

Equation (4). The transfer names its payee, the step before and the order it pays, and travels
with what proves the payer to be the holder, so a payee needs no walk through the coin's history.
"""
