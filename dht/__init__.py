"""Kademlia with write-once, k-replicated registers, on the package `kademlia`.

Pure: `records.py` (bodies, votes, certificates, rosters, quorum arithmetic), `wire.py` (what
nodes say to each other), the rules in `registers.py`.

From the socket up: `rpc.py` (calls over datagrams), `routing.py` and `crawling.py` (Kademlia: who
is where), `protocol.py` (a node's remote methods), `server.py` (UDP, or `network_in_memory.py`).

What it is for: `rosters.py` (who may vote), `member.py` (what a replica answers), `rounds.py` and
`client.py` (putting and reading with a quorum), `outcomes.py` (what comes of it).

When members change: `turns.py` (what a new roster changes), `standing.py` (where a member may
vote), `handing.py` and `pulling.py` (what is shown and fetched of registers), `turning.py`
(following the epochs). And `node.py`, the whole.
"""
