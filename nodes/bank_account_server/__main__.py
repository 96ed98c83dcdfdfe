"""python -m nodes.bank_account_server"""

import sys

from nodes.bank_account_server.service import build
from nodes.runtime.process import main

if __name__ == "__main__":
    sys.exit(main(build))
