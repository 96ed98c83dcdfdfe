"""python -m nodes.broker"""

import sys

from nodes.broker.service import build
from nodes.runtime.service import main

if __name__ == "__main__":
    sys.exit(main(build))
