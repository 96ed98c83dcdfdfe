"""Two modules of one node may call their requests the same."""

from typing import Any

import pytest

from nodes.runtime.control import Request
from nodes.runtime.party import Party
from tests.runtime.test_pages import read, references
from tests.runtime.world import World

pytestmark = pytest.mark.asyncio


def asked(field: str) -> type[Request]:
    """A type of a name that others have, too."""
    return type("Asked", (Request,), {"__annotations__": {field: str}}, frozen=True)  # type: ignore[call-overload, no-any-return]


async def test_two_requests_of_one_name_are_described_apart(world: World) -> None:
    async def done(request: Request, party: Party) -> dict[str, Any]:
        return {}

    bob = await world.greeter("bob")
    one, other = asked("one"), asked("other")
    other.__module__ = "elsewhere"
    bob.service.operation("one", one, done, "Does one thing")
    bob.service.operation("other", other, done, "Does another")
    document = await read(world, bob, "/openapi.json")
    schemas = document["components"]["schemas"]
    for reference in references(document):
        assert reference.removeprefix("#/components/schemas/") in schemas, reference
    for name in ("one", "other"):
        body = document["paths"][f"/control/{name}"]["post"]["requestBody"]
        (reference,) = references(body)
        fields = schemas[reference.removeprefix("#/components/schemas/")]["properties"]
        assert list(fields) == [name]
