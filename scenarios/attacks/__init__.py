"""Every attack of the protocols' tables, one file each, in a package a protocol.

An attack of a guarded row is run twice. With its guards off it must succeed, and who lost how much
to whom is asserted; with all guards on it must be refused with the guard's code, and nothing moves.
`jangteo attack NAME` runs one, `jangteo attack --all` prints the whole grid.
"""
