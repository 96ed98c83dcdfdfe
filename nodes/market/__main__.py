"""python -m nodes.market"""

import sys

from nodes.market.service import build
from nodes.runtime.process import main

if __name__ == "__main__":
    sys.exit(main(build))
