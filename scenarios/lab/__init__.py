"""What a run needs around it: launcher, world, recorder, auditor, report, command line.

`run.py` is a finished run as plain data. `report.py` makes of it one page that a person reads:
`sequence.py` draws the messages and `message_list.py` describes them, `coin_chains.py` and
`ring.py` show the coins and where their registers lie; `index.py` lists all runs.
"""
