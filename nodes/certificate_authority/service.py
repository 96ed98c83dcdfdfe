"""The certificate authority as a node."""

from nodes.certificate_authority import (
    anonymous_micropayment,
    electronic_cash,
    membership,
    turning,
)
from nodes.protocols.message import Role
from nodes.runtime.service import Service
from nodes.runtime.settings import Settings

PURPOSE = (
    "Certificate authority: says which key belongs to which party, "
    "and which peers vote in the ring."
)


def build(settings: Settings) -> Service:
    service = Service(Role.CERTIFICATE_AUTHORITY, settings, purpose=PURPOSE)
    turning.install(service, membership.install(service))
    electronic_cash.install(service)
    anonymous_micropayment.install(service)
    return service
