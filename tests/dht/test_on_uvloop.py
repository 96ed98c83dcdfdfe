"""What only the event loop of the running nodes does."""

import asyncio
from pathlib import Path

import pytest
import uvloop

from dht.records import node_id
from dht.wire import FindNode, Neighbour, Neighbours
from tests.dht.worlds import World, until, world


def on_uvloop(work: object) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work)  # type: ignore[arg-type]


def lie_about(made: World, liar: bytes, *victims: bytes) -> None:
    """Say that they are at an address of a family that nobody's socket here speaks."""

    def lying(address: object, request: FindNode) -> Neighbours:
        return Neighbours(tuple(Neighbour(victim, "::1", 7) for victim in victims))

    made.nodes[liar]._protocol.rpc_find_node = lying  # type: ignore[method-assign]


@pytest.mark.parametrize("what", ["lookup", "find"])
def test_an_address_there_is_no_way_to_fails_no_lookup(tmp_path: Path, what: str) -> None:
    async def run() -> None:
        async with world(tmp_path) as made:
            target, liar, wanted, *others = made.nodes
            lie_about(made, liar, wanted, others[0])
            protocol = made.nodes[target]._protocol
            if what == "lookup":
                found = await protocol.lookup(node_id(liar))
                assert liar in {candidate.key for candidate in found.nearest}
            else:
                assert (await protocol.find(wanted)).found is not None
            assert protocol._outstanding == {}

    on_uvloop(run())


def test_such_an_address_stops_no_turn_of_the_epoch(tmp_path: Path) -> None:
    async def run() -> None:
        async with world(tmp_path) as made:
            target, liar, *others = made.nodes
            lie_about(made, liar, *others[:3])
            made.next_roster(leaving=others[-1:])
            node = made.nodes[target]
            for member in others[:3]:
                if (contact := node._protocol.contact(member)) is not None:
                    node._protocol._drop(contact)
            await asyncio.gather(*(each.adopt(made.roster) for each in made.nodes.values()))
            await until(lambda: node._standing.is_settled)
            assert node.ready

    on_uvloop(run())
