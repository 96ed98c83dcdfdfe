"""Attacks on item trading (IT): docs/protocols/item_trading.md."""
