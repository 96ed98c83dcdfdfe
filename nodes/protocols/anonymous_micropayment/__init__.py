"""Prepaid micropayment under a pseudonym (PID).

H.-M. Kim and I.-Y. Lee, "A Study on Micro Payment System with Anonymity" (section 3).

A trusted authority gives a customer a pseudonym. Under it the customer deposits money with a broker
beforehand and agrees a secret with it; each purchase is then an order with a keyed hash, which the
vendor has the broker check and settle. No purchase takes an operation with a public key. Vendor and
broker do not know who buys; authority and broker together can find out.

    Cus   peer                     identity, PID and its certificate, BCus_key, next S_N
    Vend  peer                     goods, BVend_key; an account at the broker
    B     broker                   balances by PID, BCA_key, every BCus_key and BVend_key, used S_N
    CA    certificate_authority    identity <-> PID, BCA_key; never an order

    pseudonym.py    K1, K2, 1, 2   the authority names a customer
    voucher.py      V1-V6          money that does not say whose it was
    deposit.py      3, 4           prepay, and agree BCus_key
    shop.py         S1, S2, G1, G2 a vendor registers, and shows its goods
    order.py        5, 8           the customer orders; what comes back
    settlement.py   6, 7           the broker checks and pays: the commit point
    question.py     Q1, Q2, R1     how does my order stand; void it; give the rest back
    disposal.py     E1             a vendor gives an order's money back, or hands it on
    tracing.py      T0, T1         who is behind a pseudonym, on evidence only

    values.py       what messages are made of: certificate, order, response
    tags.py         the keyed hashes, as printed and as mended
    numbers.py      S_N: which are used, which may come; their aliases
    state.py        what each party remembers, and the moves its records may make

`messages.py` is the table of contents, `guards.py` the mends, each of which can be switched off.
Where the paper is silent or we differ, docs/protocols/anonymous_micropayment.md says so.
"""
