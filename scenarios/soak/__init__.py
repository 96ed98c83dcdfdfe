"""A market that lives at random: honest trades, cheats, kills, cuts and bad weather, from a seed.

    history.py    what happens when to whom; drawn from a seed, kept as a file
    deeds.py      coins and sales, each brought to its end by owners who do not give up
    cash_deeds.py e-cash, prepaid purchases and items
    living.py     a history played in a world, and the auditor at every quiet point
    shrinking.py  the shortest part of a history that still fails
    markets.py    where it is played: on the simulator, or between processes

`jangteo soak --minutes M --seed S`.
"""
