"""Attacks on the DHT micropayment (DC): docs/protocols/dht_micropayment.md."""
