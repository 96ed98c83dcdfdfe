"""python -m nodes.game_server"""

import sys

from nodes.game_server.service import build
from nodes.runtime.process import main

if __name__ == "__main__":
    sys.exit(main(build))
