"""A player with a wallet of e-cash and nothing else, as a process."""

import sys

from nodes.runtime.process import main
from tests.roles.item_trading.world import build_player

if __name__ == "__main__":
    sys.exit(main(build_player))
