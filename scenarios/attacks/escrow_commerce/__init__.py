"""Attacks on escrow commerce (PC): docs/protocols/escrow_commerce.md."""
