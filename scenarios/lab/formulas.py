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

ELECTRONIC_CASH: Mapping[str, Formula] = {
    "K1": Formula("", "B{a key for each denomination}"),
    "K2": Formula("", "CA{the list}, the same for everybody"),
    "A1": Formula("", "C{?}"),
    "A2": Formula("", "E_C(B{balance})"),
    "W1": Formula(
        "E'cb(Sid, Bid, Cid, Ecb(pwd, acc#, CA))",
        "E_B(C{Sid, hdl, amount, nonce, X}), X = E_S(SK, epk, hdl, pk_i)",
    ),
    "W1r": Formula("", "B{debited: C, hdl, amount, wid}"),
    "W2": Formula(
        "Ebs(Sid, Bid, Cid, CA, SDB(Cid), PEc(sn#), EC, SK)", "E_S(B{hdl, amount, wid, X})"
    ),
    "W3": Formula(
        "Esb(Sid, Bid, Cid, SDB(Cid), Scs(EC, PEc(sn#))",
        "E_B(S{wid, b_i}, E_epk(v_i)), sn_i = H(pk_i, v_i), b_i = PSS(sn_i) r_i^e",
    ),
    "W4": Formula(
        "Ebc(Bid, EC, Cid, sn#, SDB(x), Sid, SK, Ssc(EC, PEc(sn#))",
        "E_C(b_i^d, S{wid, b_i}, E_epk(v_i)); C takes r_i out again",
    ),
    "W5": Formula("", "E_B(C{nonce}): what became of it?"),
    "X1": Formula(
        "E'cs(Sid, Bid, EC, PEs(sn#), Scs(Sid, Cid, EC, sn#, SDB(x), SK, Cid)",
        "E_S(order), the order signed by each coin's pk, by nobody else",
    ),
    "X2": Formula(
        "Esc(Bid, EC, sn#, SDB(x), Sid, Ssc(EC, PE(sn#))", "E_epk'(new coins, S{carried out})"
    ),
    "P1": Formula(
        "E'cm(EC, SDB(c), Ecm(CA, PEs(sn#), SK)",
        "E_M(amount, reference, Z), Z = E_S(order for M, signed by each coin's pk)",
    ),
    "P2": Formula(
        "E'ms(Sid, Bid, Cid, EC, SDB(c), Ecm(PEs(sn#),)",
        "E_S(M{amount, reference, H(Z), pk_M}, Z); S checks the signature itself",
    ),
    "P3": Formula(
        "Esm(Bid, SDB(m), Sid, Ssc(EC, PE(sn#), Cid, Bid), Ssm(EC, PEm(sn#), Cid, Bid)",
        "E_M(S{coin under pk_M}, E_epk'(change, S{carried out}))",
    ),
    "P4": Formula(
        "Emc(Bid, SDB(c), Sid, Ssc(EC, PEc(sn#), Cid, SK)",
        "E_epk''(M{received: amount, reference, H(Z)}, E_epk'(change))",
    ),
    "P5": Formula("", "pk{what became of my order?}"),
    "P6": Formula("", "E_epk'(change, S{carried out})"),
    "D1": Formula(
        "Emb(Bid, Sid, Cid, pwd, acc#, CA, Emb(PEs(sn#))",
        "E_B(M{amount, dep, Z}), dep = H(B, M, nonce), Z = E_S(order for B and dep)",
    ),
    "D2": Formula("E'bs(Bid, Sid, PEs(sn#), Ack)", "E_S(B{dep, amount, Z})"),
    "D3": Formula("Esb(CA, Bid, Sid, Ack)", "E_B(S{dep, amount, gone})"),
    "D4": Formula("Ebm(result)", "E_M(B{credited: M, dep, amount})"),
    "J1": Formula("", "the answer is kept here: forget it"),
    "J2": Formula("", "pk{the change is kept here}"),
    "F1": Formula('"call the server that has the coin"', "E_S'(M{home, H(Z), pk_M}, Z)"),
    "F2": Formula("", "E_S(S'{I owe S this amount}, E_epk'(change))"),
    "F4": Formula("", "S{all that is owed to S}"),
    "F5": Formula("", "B{moved between their books}"),
    "C1": Formula("", "E_S(order with judge, transaction, two one-time keys)"),
    "C2": Formula("", "E_epk'(S{amount waits for the judge})"),
    "C3": Formula("", "judge{transaction, registered or void}"),
    "C4": Formula("", "under which key the coin circulates now"),
}
"""Sections 4.2 to 4.5, with the paper's own parentheses; CA is the paper's sign for the amount."""

ANONYMOUS_MICROPAYMENT: Mapping[str, Formula] = {
    "K1": Formula("", "E_CA(B{?})"),
    "K2": Formula("BCA_key", "E_B(CA{BCA_key})"),
    "1": Formula("ID", "E_CA(Cus{?}), what Cus is certified as"),
    "2": Formula("PID, h(PID || BCA_key)", "E_Cus(CA{PID, until, HMAC(BCA_key; PID, until)})"),
    "V3": Formula("", "Cus{b_i}: vouchers to be signed blindly"),
    "V4": Formula("", "b_i^d"),
    "3": Formula(
        "PID, h(PID || BCA_key), deposit",
        "E_B(PID, until, its HMAC, what is paid in, epk, nonce)",
    ),
    "4": Formula(
        "E_c(amount || BCus_key)", "E_epk(amount, balance, BCus_key, nonce, HMAC(certificate; ..))"
    ),
    "S1": Formula("", "E_B(Vend{Vend_ID})"),
    "S2": Formula("", "E_Vend(B{BVend_key})"),
    "5": Formula(
        "amount, PID, Vend_ID, S_N, h(amount || PID || Vend_ID || S_N || BCA_key)",
        "amount, PID, Vend_ID, S_N, H(goods), HMAC(BCus_key; the same)",
    ),
    "6": Formula("C_order, the vendor's account", "C_order, HMAC(BVend_key; C_order)"),
    "7": Formula(
        "accept or reject, h(accept or reject || S_N || BCus_key)",
        "accept or reject, HMAC(BCus_key; C_order, ..), HMAC(BVend_key; ..)",
    ),
    "8": Formula("B_respond, goods"),
    "Q1": Formula("", "PID, S_N, HMAC(BCus_key; ..): how does it stand?"),
    "Q2": Formula("", "PID, S_N, HMAC(BCus_key; ..): never take it"),
    "T0": Formula("", "Vend{C_order, what is wrong}"),
    "T1": Formula("PID", "E_CA(B{PID, Vend{C_order, what is wrong}})"),
    "T2": Formula("ID", "E_B(CA{ID})"),
}
"""Section 3. The key of step 5 is printed so; the mechanism's text has BCus_key."""

ITEM_TRADING: Mapping[str, Formula] = {
    "G1": Formula("", "which game is this?"),
    "G1r": Formula("", "S{name, n}: certificates are signed under (n, 65537)"),
    "G2": Formula("revocation list", "M{serial#}"),
    "G2r": Formula("", "S{current or revoked}"),
    "0": Formula("", "C_1{which item}"),
    "0r": Formula(
        "{Cert, H(Cert)SK_S}PK_C1",
        "E_C1(Cert, s), s = FDH(Cert)^d; Cert names the one it took the place of",
    ),
    "1.1": Formula(
        "{Cert, H(Cert)SK_S}PK_M",
        "E_M(Cert, s, C_1{M, serial#, H(Cert), price, pk_1, until, nonce})",
    ),
    "1.2": Formula(
        "{receipt, H(receipt)SK_M}PK_C1",
        "E_C1(M{C_1, item_info, date, serial#, H(Cert), price, listing})",
    ),
    "2.1": Formula("item information", "C_1{Cert, price, until}, without s"),
    "2.2a": Formula("ZKIP", "M{H(M, listing, H(Cert); c_1..c_8; nonce)}"),
    "2.2b": Formula("ZKIP", "C_1{T_j = k_j^e}"),
    "2.2c": Formula("ZKIP", "M{c_j, nonce}"),
    "2.2d": Formula(
        "ZKIP", "C_1{z_j = k_j s^c_j, C_1{M, listing, serial#, price, H(run)}}: z_j^e = T_j v^c_j"
    ),
    "2.2e": Formula("", "M{listed}"),
    "L1": Formula("", "C_2 looks at the list"),
    "U1": Formula("", "C_1 takes its item off the list"),
    "U1r": Formula("", "it is off, and not sold from it"),
    "3": Formula("", "C_2{listing, price, C_2{M, trade, listing, price}}"),
    "1.4": Formula("", "E_S(Cert, s, deal = M{serial#, C_1, C_2, price, until}, C_1's word)"),
    "1.4r": Formula("", "S{reserved for H(deal)}"),
    "1.4n": Formula("", "M{deal, pk_1, S{reserved}}"),
    "1.5": Formula(
        "{money, C2_ID, K_C2}PK_M", "E_M(coin server{price waits for H(deal), pk_1 or pk_2}, K_C2)"
    ),
    "1.6": Formula(
        "{Cert, H(Cert)SK_S, receipt, H(receipt)SK_M}K_C2",
        "E_K(Cert, s, M{C_2, item_info, date, serial#, H(Cert), price, H(deal)}, C_1's word)",
    ),
    "2.4": Formula("", "M{deal, C_2's order, C_2's certified key}"),
    "2.5": Formula(
        "{{Cert, H(Cert)SK_S}SK_C1}K_C1", "C = E_K(Cert, s, C_1{deal}), C_1{H(deal), pk_1, H(C)}"
    ),
    "2.6": Formula("", "C_2{coin server{price waits for H(deal), pk_1 or pk_2}, H(C)}"),
    "2.7": Formula("", "M{the same}"),
    "2.8": Formula("{K_C1}PK_C2", "C_1{E_C2(K)}, bound to the deal"),
    "C1": Formula("", "C_2{what is wrong, C, C_1's word on H(C)}"),
    "C2": Formula("", "M{show the key}"),
    "C2r": Formula("", "E_M(C_1{K})"),
    "C3": Formula("", "E_C2(M{K}), which opens C"),
    "7": Formula(
        "{Cert, H(Cert)SK_S, receipt, H(receipt)SK_M}PK_S",
        "E_S(C_2{deal, what 1.6 or 2.5 had in it})",
    ),
    "8": Formula("{Cert', H(Cert')SK_S}PK_C2", "E_C2(S{H(deal): registered}, Cert', s')"),
    "9": Formula("", "S{H(deal): registered or void}"),
    "10": Formula("money", "E_C1(M{deal, S{registered}, the coin server's receipt})"),
    "V1": Formula("", "M, or after the time C_1 or C_2: this trade shall not be"),
    "V1r": Formula("", "S{H(deal): registered or void}"),
    "V2": Formula("", "M{why, S{H(deal): void}}"),
    "R1": Formula("", "E_S(the owner{Cert, s})"),
    "R1r": Formula("", "S{the item is in the game again}"),
}
"""Sections 4.2 and 4.3, whose steps have no numbers of their own."""

FORMULAS: Mapping[str, Mapping[str, Formula]] = {
    "escrow_commerce": ESCROW_COMMERCE,
    "dht_micropayment": DHT_MICROPAYMENT,
    "electronic_cash": ELECTRONIC_CASH,
    "anonymous_micropayment": ANONYMOUS_MICROPAYMENT,
    "item_trading": ITEM_TRADING,
}


def formulas_of(protocols: Iterable[str]) -> dict[str, Formula]:
    """By "protocol step"."""
    return {
        f"{protocol} {step}": formula
        for protocol in protocols
        for step, formula in FORMULAS.get(protocol, {}).items()
    }
