"""python -m nodes.broker"""

import sys

from nodes.broker.service import build
from nodes.runtime.process import main

if __name__ == "__main__":
    sys.exit(main(build))
