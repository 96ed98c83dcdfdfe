"""A peer with a wallet of e-cash and nothing else, as a process."""

import sys

from nodes.peer import electronic_cash
from nodes.protocols.message import Role
from nodes.runtime.process import main
from nodes.runtime.service import Service
from nodes.runtime.settings import Settings


def build(settings: Settings) -> Service:
    service = Service(Role.PEER, settings, purpose="a wallet of e-cash")
    electronic_cash.install(service)
    return service


if __name__ == "__main__":
    sys.exit(main(build))
