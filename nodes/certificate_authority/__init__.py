"""The certificate authority (CA): certifies keys, keeps the cards, signs the roster.

Takes part in the membership only. Nobody asks it during a purchase once the parties know each
other; it sees no message of any paper.
"""
