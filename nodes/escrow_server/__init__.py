"""The escrow server (ES, also called AS in the paper): sees to it that a sale is fair.

Takes part in escrow commerce: it holds the key and the payment of each sale until both can leave,
judges disputes by digests, and alone says who may rate. It pays and is paid in the instruments
installed here, and uses the ring as a client that never votes.
"""
