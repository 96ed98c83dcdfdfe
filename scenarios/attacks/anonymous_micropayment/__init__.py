"""Attacks on the anonymous micropayment (PID): docs/protocols/anonymous_micropayment.md."""
