"""The broker (B): opens accounts, issues coins against them, takes coins back, freezes cheats.

Takes part in the DHT micropayment at both ends of a coin's life and in the accounts. No payment
between peers asks it anything.
"""
