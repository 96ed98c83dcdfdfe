"""Attacks on the e-cash (BS): docs/protocols/electronic_cash.md."""
