"""P2P e-commerce with a central server, an escrow server and trust (PC).

S.-K. Wee and K.-H. Rhee, "The New e-Commerce Model using P2P System", Pukyong National University.

Two peers trade digital content directly. The central server (CS) only knows who offers what and
how far each is trusted; the escrow server (ES) sees to it that the buyer gets the key and the
seller the payment, or neither. The content itself passes neither server: the buyer holds it
encrypted before paying, and the escrow server holds the key.

    CS   central_server   <P_i, desc, trust> of every peer that sells
    ES   escrow_server    one sale: the digest and key from P_3, the digest and payment from P_1
    P_3  peer             seller: content C, key K, E_K(C)
    P_1  peer             buyer: E_K(C), payment; later K and C

    offer.py      1-4   register, query, response, select by trust
    sale_id.py    5     whose sale it is stands in its id
    contract.py   5     what both sides sign before anything moves
    sale.py       6, 7  deposit, deliver, pay in
    release.py    8     compare; the key and the payment, or neither
    receipt.py    8     what the peers do with what they get; asking again
    payment.py    7, 8b what a sale knows of its payment, whatever the instrument
    dispute.py          the content is not what was promised (the paper has no such step)
    rating.py     9,10  rate, update, recompute
    judge.py            who signed what, decided offline
    guards.py           each mend, by name

`messages.py` is the table of contents and `state.py` what each party remembers. Where the paper
is silent or we differ, docs/protocols/escrow_commerce.md says so.
"""
