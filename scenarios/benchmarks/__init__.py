"""One file per question about speed: `jangteo bench` lists them.

Each measures beside something: the least the same work could cost on the same machine in the same
minute, or what others have built. Compare the ratios; the absolute figures are the machine's.
"""
