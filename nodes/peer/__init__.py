"""A peer (P_i): buys and sells content, holds coins, and keeps a part of the ring's registers.

Takes part in escrow commerce as buyer and seller, and in the DHT micropayment as holder, payee and
witness.
"""
