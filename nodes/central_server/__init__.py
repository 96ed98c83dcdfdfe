"""The central server (CS): who sells what, and how far each seller is trusted.

Takes part in escrow commerce only, in steps 1-3 and 10. It sees offers and ratings; no content, no
key, no payment passes it, and a sale that is past step 4 goes on without it.
"""
