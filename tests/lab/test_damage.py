"""The auditor's own test: in a world that was really used one row of one store is damaged.

Whatever is damaged, the auditor does not call the world ok, and it names the row: whose it is,
which account, coin, sale or item, and how much it is about. Of the undamaged world it says nothing.
"""

import asyncio
import json
from pathlib import Path

import pytest

from scenarios.lab.auditor import audit, verdict_of
from scenarios.lab.books import Books
from scenarios.lab.offline import read_offline
from scenarios.lab.world_folder import WorldFolder
from tests.lab.commands import jangteo
from tests.lab.damages import of_cash, of_coins, of_items, of_prepaid, of_sales
from tests.lab.damages.damage import Damage, damaged
from tests.lab.played_world import play_and_stop

pytestmark = pytest.mark.timeout(120)

PROTOCOLS = {
    "coins": of_coins.DAMAGES,
    "sales": of_sales.DAMAGES,
    "e-cash": of_cash.DAMAGES,
    "pseudonyms": of_prepaid.DAMAGES,
    "items": of_items.DAMAGES,
}
DAMAGES = [(protocol, damage) for protocol, rows in PROTOCOLS.items() for damage in rows]
FEWEST = 24


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[WorldFolder, Books]:
    """The folder of a world that was used in every protocol, and its books."""
    folder = asyncio.run(play_and_stop(tmp_path_factory.mktemp("played") / "world"))
    return folder, asyncio.run(read_offline(folder))


def with_one_read_again(folder: WorldFolder, books: Books, party: str) -> Books:
    again = asyncio.run(read_offline(folder, [party]))
    return Books(
        {**books.ledgers, **again.ledgers},
        {**books.silent, **again.silent},
        {**books.entries, **again.entries},
        books.opening_balance,
    )


def test_of_the_undamaged_world_it_says_nothing(world: tuple[WorldFolder, Books]) -> None:
    _, books = world
    checks = audit(books)
    assert [check for check in checks if check.holds is not True] == []
    assert not books.silent
    assert verdict_of(checks) == "ok"


@pytest.mark.parametrize(
    "damage", [pytest.param(damage, id=f"{name}: {damage.what}") for name, damage in DAMAGES]
)
def test_a_damaged_row_is_named(world: tuple[WorldFolder, Books], damage: Damage) -> None:
    folder, books = world
    ids = {name: bytes.fromhex(ledger.party) for name, ledger in books.ledgers.items()}
    with damaged(folder, damage, ids) as row:
        checks = audit(with_one_read_again(folder, books, damage.at))
    found = {check.name: check.detail for check in checks if check.holds is not True}
    assert verdict_of(checks) != "ok"
    assert damage.check in found, found
    missing = [words for words in damage.says(row, ids) if words not in found[damage.check]]
    assert not missing, (missing, found)


def test_the_command_says_the_same(world: tuple[WorldFolder, Books], tmp_path: Path) -> None:
    folder, books = world
    ids = {name: bytes.fromhex(ledger.party) for name, ledger in books.ledgers.items()}
    damage = of_coins.DAMAGES[0]
    with damaged(folder, damage, ids) as row:
        done = jangteo("audit", "--offline", "--world", str(folder.path), "--json")
    assert done.code == 1, done.err
    said = {check["name"]: check["detail"] for check in json.loads(done.out)["checks"]}
    assert all(words in said[damage.check] for words in damage.says(row, ids))


def test_each_check_is_needed_by_a_damage(world: tuple[WorldFolder, Books]) -> None:
    _, books = world
    assert {damage.check for _, damage in DAMAGES} == {check.name for check in audit(books)}


def test_each_protocol_is_damaged_in_many_ways() -> None:
    assert all(len(rows) >= 12 for rows in PROTOCOLS.values())
    stores = {(damage.party, damage.as_one_of or damage.table) for _, damage in DAMAGES}
    assert len(stores) >= FEWEST
