"""Whole worlds in one process, on a virtual clock, from a seed: kills, cuts and lost messages.

No party is made anew for it: a simulated node is the node itself, on another event loop (`loop`)
and another network (`network`). `world` starts a world, `simulation` runs what plays in it.
"""
