"""The central server as a node."""

from nodes.central_server import escrow_commerce
from nodes.protocols.message import Role
from nodes.runtime.service import Service
from nodes.runtime.settings import Settings

PURPOSE = "Central server: lists who sells what, and how far each seller is trusted."


def build(settings: Settings) -> Service:
    service = Service(Role.CENTRAL_SERVER, settings, purpose=PURPOSE)
    escrow_commerce.install(service)
    return service
