"""Every message of the item trade, wrong in every way, at real nodes."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from nodes.protocols.message import Message, declarations
from tests.battery.battery import is_taken_once, refuses_whatever_is_wrong
from tests.battery.items import KINDS, Ready
from tests.battery.of_item_trading import SAMPLES
from tests.battery.stage import stage_in

pytestmark = pytest.mark.asyncio(loop_scope="module")
PROTOCOL = "item_trading"
REQUESTS = [d.type for d in declarations(PROTOCOL) if d.answers is None]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ready(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ready]:
    folder: Path = tmp_path_factory.mktemp("players")
    async with stage_in(folder, KINDS, protocols=(PROTOCOL, "electronic_cash")) as stage:
        yield await Ready(stage).make()


async def test_every_message_has_its_sample() -> None:
    assert set(SAMPLES) == set(REQUESTS)


@pytest.mark.parametrize("type_", REQUESTS, ids=lambda type_: type_.__name__)
async def test_whatever_is_wrong_is_refused_and_changes_nothing(
    ready: Ready, type_: type[Message]
) -> None:
    sample = await SAMPLES[type_](ready)
    assert await refuses_whatever_is_wrong(ready.stage, sample) > 50
    await is_taken_once(ready.stage, sample)
