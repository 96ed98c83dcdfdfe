"""python -m nodes.peer"""

import sys

from nodes.peer.service import build
from nodes.runtime.process import main

if __name__ == "__main__":
    sys.exit(main(build))
