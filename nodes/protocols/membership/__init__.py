"""Who belongs to a world, and where: enrolment, cards and the roster. This belongs to no paper.

The papers assume that every party is authenticated. Here the certificate authority (CA) certifies
each party's key once, to whoever shows the world's secret, and signs the roster of the peers that
vote in the DHT.

    CA  certificate_authority   certificates, the newest card of every party, the roster
    P   any party               its keys, its certificate

    enrolment.py   E1, E2   a key is admitted and certified
    directory.py   F1, F2   who is this key, where is it reached
    messages.py    N1, N2   the roster of an epoch
                   N3       the epoch has turned
"""
