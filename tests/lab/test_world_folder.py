"""A local world on disk: who may read it, what is replaced in one step, what is deleted."""

import asyncio
import os
import stat
from pathlib import Path

import pytest

from scenarios.lab.failures import NotAWorldFolder, NoWorld, WorldIsBusy
from scenarios.lab.plan import Plan, laid_out
from scenarios.lab.world_folder import WorldFolder


@pytest.fixture
def folder(tmp_path: Path) -> WorldFolder:
    made = WorldFolder(tmp_path / "world")
    made.make()
    made.write(laid_out(Plan(peers=5), made))
    return made


def test_secret_and_token_are_for_their_user_only(folder: WorldFolder) -> None:
    modes = {
        name: stat.S_IMODE(os.stat(folder.path / name).st_mode) for name in ("secret", "token", ".")
    }

    assert modes == {"secret": 0o600, "token": 0o600, ".": 0o700}
    assert len(bytes.fromhex((folder.path / "secret").read_text())) == 32
    assert folder.token != (folder.path / "secret").read_text().strip()


def test_making_a_world_again_keeps_its_secrets(folder: WorldFolder) -> None:
    before = folder.token

    assert not folder.make()
    assert folder.token == before


def test_no_two_worlds_share_a_secret(tmp_path: Path) -> None:
    worlds = [WorldFolder(tmp_path / name) for name in ("one", "two")]
    for world in worlds:
        world.make()

    assert worlds[0].token != worlds[1].token


def test_a_folder_with_other_things_is_not_made_a_world(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("mine")

    with pytest.raises(NotAWorldFolder, match="--world DIR"):
        WorldFolder(tmp_path).make()
    assert [entry.name for entry in tmp_path.iterdir()] == ["letters.txt"]


def test_the_record_reads_back_and_leaves_no_half_written_file(folder: WorldFolder) -> None:
    record = folder.read()
    record.settings["offer_seconds"] = "9"
    folder.write(record)

    assert folder.read() == record
    assert not [entry for entry in folder.path.iterdir() if entry.name.startswith(".")]


def test_where_no_world_is_the_next_command_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoWorld, match="jangteo up"):
        WorldFolder(tmp_path / "nowhere").read()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"peers": "many"}'])
def test_a_record_that_cannot_be_read_is_no_world(folder: WorldFolder, content: str) -> None:
    folder.record.write_text(content)

    with pytest.raises(NotAWorldFolder, match=r"world\.json cannot be read"):
        folder.read()


def test_a_record_of_another_version_is_no_world(folder: WorldFolder) -> None:
    record = folder.read()
    record.version = 2
    folder.write(record)

    with pytest.raises(NotAWorldFolder, match="version 2"):
        folder.read()


def test_forgetting_deletes_the_world_and_its_folder(folder: WorldFolder) -> None:
    folder.data("peer-01").mkdir()
    (folder.data("peer-01") / "node.db").write_bytes(b"coins")

    assert folder.forget() == []
    assert not folder.path.exists()


def test_forgetting_keeps_what_does_not_belong_to_the_world(folder: WorldFolder) -> None:
    (folder.path / "letters.txt").write_text("mine")

    assert folder.forget() == ["letters.txt"]
    assert [entry.name for entry in folder.path.iterdir()] == ["letters.txt"]


def test_forgetting_where_no_world_is_deletes_nothing(tmp_path: Path) -> None:
    (tmp_path / "nodes").mkdir()

    with pytest.raises(NotAWorldFolder, match="nothing was deleted"):
        WorldFolder(tmp_path).forget()
    assert (tmp_path / "nodes").exists()


async def take_turns(folder: WorldFolder) -> list[str]:
    seen: list[str] = []

    async def work(name: str) -> None:
        async with folder.locked():
            seen.append(f"{name} in")
            await asyncio.sleep(0)
            seen.append(f"{name} out")

    await asyncio.gather(work("a"), work("b"))
    return seen


def test_one_command_at_a_time_changes_a_world(folder: WorldFolder) -> None:
    seen = asyncio.run(take_turns(folder))

    assert [step.split()[1] for step in seen] == ["in", "out", "in", "out"]


def test_who_waits_too_long_for_another_command_is_told(
    folder: WorldFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scenarios.lab.world_folder.LOCK_SECONDS", 0.0)

    async def both() -> None:
        async with folder.locked(), folder.locked():
            raise AssertionError("two at once")

    with pytest.raises(WorldIsBusy, match="Another command"):
        asyncio.run(both())
