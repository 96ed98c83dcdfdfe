"""Electronic cash with a bank account server and a coin server (BS).

C. Her, S.-J. Joo and H. Chung, "Danger Element Analysis and Protocol Design of Electronic Cash
Payment System" (in Korean).

The bank that knows its customers never sees a serial number; the server that makes the serial
numbers never learns a customer. A coin counts only while its coin server has it in circulation,
so a second spending finds it gone, and nobody keeps a list of spent coins.

    B   bank_account_server   accounts, the keys of the denominations, what is outstanding
    S   coin_server           the coins in circulation, and answers not yet acknowledged
    C   peer                  a wallet; everything in it follows from one seed
    M   peer                  a merchant: another wallet, and a name

    coin.py         serial, statement, signature; the bank's published keys
    withdrawal.py   W1-W6   the account pays, B signs, C unblinds
    issuing.py      W2, W3  S makes serials and blinds them
    exchange.py     X1, X2  old coins for new ones
    payment.py      P1-P6   coins to a merchant, with change
    deposit.py      D1-D4   coins become money in an account
    condition.py    C1-C4   a coin that waits for a judge's word
    clearing.py     F1-F7   several coin servers
    spending.py     Q, J    an order of coins: its holder's side
    circulation.py          an order of coins: all that its home checks and makes
    blinding.py             what all three of a withdrawal compute alike
    wallet.py               secrets from a seed, and which coins to take

`messages.py` is the table of contents, `guards.py` the mends, each of which can be switched off,
`state.py` and `holding.py` what each party remembers,
`documents.py` what they sign. Where the paper is silent or we differ,
docs/protocols/electronic_cash.md says so.
"""
