"""In what order a protocol's steps may come: what must have been said before a step is said.

A repeat of a step is no fault (a lost answer is asked for again), so a word is legal when each of
its steps has, somewhere before it, one step of every group it needs.
"""

from collections.abc import Iterable, Mapping

Needs = Mapping[str, tuple[frozenset[str], ...]]


def _after(*groups: str) -> tuple[frozenset[str], ...]:
    """Each group is alternatives apart by |."""
    return tuple(frozenset(group.split("|")) for group in groups)


ESCROW_COMMERCE: Needs = {
    "1": (),
    "2": (),
    "3": _after("2"),
    "4": (),
    "5": (),
    "5r": _after("5"),
    "6a": _after("5r"),
    "6b": _after("5r"),
    "7": _after("5r"),
    "8": _after("6a", "7"),
    "8a": _after("6a", "7"),
    "8b": _after("6a", "7"),
    "8r": _after("7"),
    "8x": _after("6a|7"),
    "9": _after("8a|Q1r"),
    "10": _after("7"),
    "D1": _after("8a|Q1r"),
    "D1u": _after("D1"),
    "D2": _after("D1"),
    "Q1": _after("5"),
    "Q1r": _after("Q1"),
}
"""Section 4 of the paper: 6a and 7 come in either order, the comparison after both."""

DHT_MICROPAYMENT: Needs = {
    "W1": (),
    "W2": _after("W1"),
    "W3": _after("W2"),
    "Q1": (),
    "Q1r": _after("Q1"),
    "P0": (),
    "P1": _after("Q1r"),
    "P1r": _after("P1"),
    "P2": (),
    "P3": (),
    "R1": (),
    "R2": (),
    "R3": (),
    "R5": _after("R3"),
    "D1": (),
    "D2": _after("D1"),
    "D3": _after("D1"),
    "B1": _after("P1"),
    "F1": (),
}
"""Section 3. Look-ups and writes of one payment may belong to a sale's transaction, whose messages
are another protocol's; a proof of fraud may come at any time."""

ANONYMOUS_MICROPAYMENT: Needs = {
    "K1": (),
    "K2": _after("K1"),
    "1": (),
    "2": _after("1"),
    "V1": (),
    "V2": _after("V1"),
    "V3": (),
    "V4": _after("V3"),
    "V5": (),
    "V6": _after("V5"),
    "3": (),
    "4": _after("3"),
    "S1": (),
    "S2": _after("S1"),
    "G1": (),
    "G2": _after("G1"),
    "5": (),
    "6": _after("5"),
    "7": _after("6"),
    "8": _after("5", "7"),
    "Q1": _after("5"),
    "Q1r": _after("Q1"),
    "Q2": _after("5"),
    "Q2r": _after("Q2"),
    "R1": (),
    "R2": _after("R1"),
    "E1": _after("7"),
    "E2": _after("E1"),
    "T0": _after("7"),
    "T1": (),
    "T2": _after("T1"),
}
"""Section 3: goods only after the broker's answer. Naming, prepayment and tracing are transactions
of their own."""

ELECTRONIC_CASH: Needs = {
    "K1": (),
    "K2": _after("K1"),
    "K3": (),
    "K4": _after("K3"),
    "A1": (),
    "A2": _after("A1"),
    "W1": (),
    "W1r": _after("W1"),
    "W2": (),
    "W3": _after("W2"),
    "W4": _after("W1"),
    "W5": (),
    "W6": _after("W5"),
    "X1": (),
    "X2": _after("X1"),
    "P1": (),
    "P2": (),
    "P3": _after("P2"),
    "P4": _after("P1", "P3"),
    "P5": (),
    "P6": _after("P5"),
    "D1": (),
    "D2": (),
    "D3": _after("D2"),
    "D4": _after("D1"),
    "Q1": (),
    "Q2": _after("Q1"),
    "J1": (),
    "J2": (),
    "F1": (),
    "F2": _after("F1"),
    "F4": (),
    "F5": _after("F4"),
    "F6": (),
    "F7": _after("F6"),
    "C1": (),
    "C2": _after("C1"),
    "C3": (),
    "C4": _after("C3"),
}
"""Sections 4.2 to 4.5. What a bank and a coin server, or two coin servers, say to each other is a
transaction of theirs: a withdrawal's or a deposit's id, which its owner's must not be joined to. A
sale brings its parcel in a message of its own, so P2 may stand without P1."""

ITEM_TRADING: Needs = {
    "G1": (),
    "G1r": _after("G1"),
    "G2": (),
    "G2r": _after("G2"),
    "0": (),
    "0r": _after("0"),
    "1.1": (),
    "1.2": _after("1.1"),
    "2.1": (),
    "2.2a": _after("2.1"),
    "2.2b": _after("2.2a"),
    "2.2c": _after("2.2b"),
    "2.2d": _after("2.2c"),
    "2.2e": _after("2.2d"),
    "L1": (),
    "L1r": _after("L1"),
    "U1": _after("1.1|2.1"),
    "U1r": _after("U1"),
    "3": (),
    "1.4": _after("3"),
    "1.4r": _after("1.4"),
    "1.4n": _after("1.4r"),
    "1.5": _after("1.4n"),
    "1.6": _after("1.5"),
    "2.4": _after("3"),
    "2.5": _after("2.4"),
    "2.6": _after("2.5"),
    "2.7": _after("2.5"),
    "2.8": _after("2.7"),
    "C1": _after("2.5"),
    "C2": _after("C1"),
    "C2r": _after("C2"),
    "C3": _after("C2r"),
    "7": _after("1.6|2.8|C3"),
    "8": _after("7"),
    "9": _after("3"),
    "10": _after("9|V1r"),
    "V1": _after("3"),
    "V1r": _after("V1"),
    "V2": _after("3"),
    "R1": (),
    "R1r": _after("R1"),
}
"""4.2 and 4.3: money before goods or key, which come before the item is registered, and that before
the seller is paid. Whoever has the word may bring it (9), as the end of a trade that was voided."""

GRAMMARS: dict[str, Needs] = {
    "escrow_commerce": ESCROW_COMMERCE,
    "dht_micropayment": DHT_MICROPAYMENT,
    "anonymous_micropayment": ANONYMOUS_MICROPAYMENT,
    "electronic_cash": ELECTRONIC_CASH,
    "item_trading": ITEM_TRADING,
}


def faults(protocol: str, steps: Iterable[str]) -> list[str]:
    """What is wrong with the steps of one transaction, in the order they were said."""
    needs = GRAMMARS.get(protocol)
    if needs is None:
        return []
    said: set[str] = set()
    found = []
    for step in steps:
        if step not in needs:
            found.append(f"step {step} belongs to no transaction of {protocol}")
        for group in needs.get(step, ()):
            if not group & said:
                found.append(f"step {step} before {' or '.join(sorted(group))}")
        said.add(step)
    return found
