"""Parties that cheat. Each is a program of its own, started in place of an honest node.

It is built from the honest party's parts and speaks the same messages, with keys of its own that
are certified like everybody's; what it does differently stands in its own file. No honest module
knows that any of this exists.

    double_spender   pays one coin to two payees at once
    double_voter     votes for two records of one register, once it is bribed
    garbage_seller   sells one thing and delivers another, with the digest of what it delivers
    false_claimant   opens what it bought and says that it is not what was promised
    wrong_key_seller delivers what it sold, and deposits a key that does not open it
    one_key_seller   encrypts a content under one key, whoever buys it
    central_server   lists who it is told to, with the trust it is told to
"""
