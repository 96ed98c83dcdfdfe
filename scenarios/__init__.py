"""Whole transactions, one file each; a scenario reads like the paper's figure.

A scenario sees only the protocols' words and the lab's world. `adversaries/` holds parties that
cheat, `benchmarks/` questions about speed, `lab/` what starts, watches, judges and reports a run.
"""
