"""The parties.

`protocols` is what they say to each other, `runtime` the shell they share; each role has a package.
"""
