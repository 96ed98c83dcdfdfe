"""Cryptographic primitives, one file each, pure: no network, no clock, no word of any protocol.

Every operation is counted on the meter of whoever asked for it (`crypto.meter`).
"""
