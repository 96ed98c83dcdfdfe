"""The setting `rsa`: whose numbers a bank, a broker and a game server sign with."""

from pathlib import Path
from typing import Literal

import pytest

from crypto.rsa_private import ENGINES
from nodes.bank_account_server.minting import Keys
from nodes.protocols.message import Role
from nodes.runtime.service import Service
from nodes.runtime.settings import Settings

pytestmark = pytest.mark.asyncio


def _keys(data: Path, rsa: Literal["fastest", "portable"]) -> Keys:
    (data / "secret").write_text("00" * 32)
    (data / "token").write_text("token")
    settings = Settings(name="bank", data=data, world=data, ca_url="http://127.0.0.1:1", rsa=rsa)
    return Keys(Service(Role.BANK_ACCOUNT_SERVER, settings, purpose="Has keys."))


async def test_a_bank_signs_with_the_engine_it_was_told_also_after_a_restart(
    tmp_path: Path,
) -> None:
    made = _keys(tmp_path, "portable")
    key = await made._load_or_make(1)
    await made._service.stop()
    read = _keys(tmp_path, "fastest")
    again = await read._load_or_make(1)
    await read._service.stop()

    assert again.public_key == key.public_key
    assert key.operation.name == "portable"
    assert again.operation.name == ENGINES["fastest"](key._key).name
