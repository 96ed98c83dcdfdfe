"""python -m nodes.certificate_authority"""

import sys

from nodes.certificate_authority.service import build
from nodes.runtime.process import main

if __name__ == "__main__":
    sys.exit(main(build))
