"""Each step as its paper prints it, and as it is sent here where the two differ.

X{m} is m signed by X, E_X(m) is m sealed for X, X(m) is what the paper puts between brackets.
"""

from collections.abc import Iterable, Mapping

from scenarios.lab.run import Formula

ESCROW_COMMERCE: Mapping[str, Formula] = {
    "1": Formula("Register(ID, desc_P1)", "P_3{P_3, desc, H(C), size, price, until}"),
    "2": Formula("Query(desc)"),
    "3": Formula("Response(P_i, trust)", "the signed offers; trust with ES{sum, n} as proof"),
    "4": Formula("Select"),
    "5": Formula("Request(Content)", "P_1{P_1, P_3, ES, sale, offer, H(C), size, price, until}"),
    "5r": Formula("", "P_3 signs the same contract"),
    "6a": Formula(
        "Send(P_3, P_1, H(E_K(C)), K)", "E_ES(P_3{contract, H(E_K(C)), size, K}), K for one sale"
    ),
    "6b": Formula("Send(E_K(C))", "E_K(C) in pieces, each authenticated"),
    "7": Formula(
        "Send(P_1, P_3, H'(E_K(C)), pay_info_P1)",
        "E_ES(P_1{contract, H'(E_K(C)), coins signed over to ES})",
    ),
    "8": Formula("Compare(H, H')", "H = H', coins certified for ES, price right: one decision"),
    "8a": Formula("K to P_1", "E_P1(ES{K, dispute until})"),
    "8b": Formula("pay_P1 to P_3", "E_P3(ES{coins signed over to P_3}), after 9 or the dispute"),
    "8r": Formula("", "E_P1(ES{coins signed back to P_1})"),
    "8x": Formula("", "ES{why the sale is void}: no key, no payment"),
    "9": Formula("Send(P_3, trust)", "P_1{ES, sale, P_3, H(C), +1 or -1}"),
    "10": Formula("Update(trust)", "ES{sale, P_3, H(C), +1 or -1, sum, n} to CS"),
    "D1": Formula("", "P_1{what is wrong}, then E_K(C) to ES"),
    "D2": Formula("", "ES{upheld or denied, what was found}"),
    "Q1": Formula("", "either side asks where the sale stands"),
    "Q1r": Formula("", "E_x(ES{state, and what is x's by now})"),
}
"""Section 4. P_1 buys, P_3 sells."""

DHT_MICROPAYMENT: Mapping[str, Formula] = {
    "W1": Formula("U asks B for a coin", "U{n}"),
    "W2": Formula("C = {U, sn, E}SK_B", "C = B{U, sn, generation 0, E, V, window}"),
    "W3": Formula("<C+seq_0, T_BU = {T_B, B}SK_U>", "register (C, 0): open, B to U; k votes"),
    "Q1": Formula("", "U asks V for a quote"),
    "Q1r": Formula("", "V{U, order, n, until when, what is given back}"),
    "P0": Formula("", "U asks the k replicas of (C, i+1): does any show a record?"),
    "P1": Formula("T_U = {C, seq_{i+1}}SK_U", "T = U{C, i+1, pay, U, V, H(R_i), order}"),
    "P1r": Formula("", "V{receipt}, once q of k have voted for T"),
    "P2": Formula("look up C+seq_{i+1}"),
    "P3": Formula(
        "<C+seq_{i+1}, T_UV = {T_U, U}SK_V>", "register (C, i+1) := T, good with q of k votes"
    ),
    "R3": Formula("<C, {C, C'}SK_W>", "register (C, n+1) := W{reissue, H(C')}: the next step of C"),
    "R5": Formula("<C'+seq_0, {T_W, W}SK_W>", "register (C', 0): open, W to W"),
    "B1": Formula("", "V pays the coins back"),
    "D1": Formula("W redeems C at B", "T = W{C, i+1, redeem, W, B, H(R_i)}"),
    "D2": Formula("", "B{credited}"),
    "D3": Formula("", "register (C, i+1) := T, which ends the coin"),
    "F1": Formula("", "two records of one payer for one register: a proof of fraud"),
}
"""Section 3; (1) to (9) are the paper's numbers."""

FORMULAS: Mapping[str, Mapping[str, Formula]] = {
    "escrow_commerce": ESCROW_COMMERCE,
    "dht_micropayment": DHT_MICROPAYMENT,
}


def formulas_of(protocols: Iterable[str]) -> dict[str, Formula]:
    """By "protocol step"."""
    return {
        f"{protocol} {step}": formula
        for protocol in protocols
        for step, formula in FORMULAS.get(protocol, {}).items()
    }
