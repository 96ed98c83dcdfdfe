"""Every message of the e-cash, wrong in every way, at real nodes."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from nodes.cash_wallet.keys import PublishedKeys
from nodes.protocols.electronic_cash.refusals import NoKeysYet
from nodes.protocols.message import Message, Role, declarations
from tests.battery.battery import is_taken_once, refuses_whatever_is_wrong
from tests.battery.cash import Ready
from tests.battery.of_electronic_cash import SAMPLES
from tests.battery.players import Holder
from tests.battery.stage import PLAYERS, Kinds, stage_in

pytestmark = pytest.mark.asyncio(loop_scope="module")
PROTOCOL = "electronic_cash"
KINDS: Kinds = {**PLAYERS, "player-buyer": (Holder, Role.PEER)}
REQUESTS = [d.type for d in declarations(PROTOCOL) if d.answers is None]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ready(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ready]:
    folder: Path = tmp_path_factory.mktemp("players")
    async with stage_in(folder, KINDS, protocols=(PROTOCOL,)) as stage:
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


async def test_nobody_takes_a_coin_before_the_bank_s_keys_are_there(ready: Ready) -> None:
    keys = PublishedKeys(ready.stage.poor.party)
    with pytest.raises(NoKeysYet):
        _ = keys.list
    assert (await keys.load()).bank == ready.id(ready.bank)
    assert keys.list.keys
