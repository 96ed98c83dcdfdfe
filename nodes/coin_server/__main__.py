"""python -m nodes.coin_server"""

import sys

from nodes.coin_server.service import build
from nodes.runtime.process import main

if __name__ == "__main__":
    sys.exit(main(build))
