"""The coins' section: chains, standings, and runs of very many coins."""

import json

import msgspec

from scenarios.lab.coin_chains import DRAWN_COINS, OPEN_COINS, TABLED_COINS, coins_section
from scenarios.lab.run import CoinLife
from tests.lab.page_tree import by_id, classed, drawing_of, text_of
from tests.lab.sample_run import BUYER, RING, sample_coins


def many(count: int) -> list[CoinLife]:
    coin = sample_coins()[0]
    return [msgspec.structs.replace(coin, serial=serial) for serial in range(count)]


def test_each_register_tells_the_script_its_place_its_replicas_and_its_voters() -> None:
    coins = sample_coins()
    buttons = list(classed(drawing_of(coins_section(coins, RING)), "register"))
    steps = [step for coin in coins for step in coin.steps]
    assert len(buttons) == len(steps) == 9
    for button, step in zip(buttons, steps, strict=True):
        assert json.loads(button.get("data-replicas", "")) == step.replicas
        assert json.loads(button.get("data-voters", "")) == [v.voter for v in step.votes]
        assert len(button.get("data-key", "").split()) == 2
        assert f"register {step.index}" in button.get("data-says", "")


def test_a_chain_says_whose_the_coin_was_and_the_ring_starts_at_its_first_register() -> None:
    section = drawing_of(coins_section(sample_coins(), RING))
    assert text_of(next(classed(section, "life"))) == f"{BUYER} → escrow-server → peer-03"
    assert text_of(by_id(section, "ring-says")).startswith("Coin 101, register 0: 8 of 8 votes")


def test_a_register_without_a_quorum_is_pending_and_a_disputed_one_a_conflict() -> None:
    coin = sample_coins()[0]
    coin.steps[1].certified = False
    coin.steps[2].certified, coin.steps[2].conflict = False, True
    coin.steps[1].votes = []
    section = drawing_of(coins_section([coin], RING))
    assert text_of(next(classed(section, "life"))) == f"{BUYER} · pending · conflict"
    assert [text_of(s) for s in classed(section, "standing")] == [
        "certified",
        "pending",
        "conflict",
    ]
    assert "no votes" in text_of(section)


def test_a_coin_that_nobody_registered_and_a_run_without_a_ring() -> None:
    bare = msgspec.structs.replace(sample_coins()[0], steps=[])
    section = drawing_of(coins_section([bare], RING))
    assert "never held" in text_of(section)
    assert not list(classed(section, "ring-aside"))
    assert not list(classed(drawing_of(coins_section(sample_coins(), [])), "ring"))


def test_a_few_coins_are_open_some_folded_and_the_rest_a_table() -> None:
    section = drawing_of(coins_section(many(DRAWN_COINS + 7), RING))
    coins = list(classed(section, "coin"))
    assert len(coins) == DRAWN_COINS + 1
    assert sum(coin.get("open") is not None for coin in coins) == OPEN_COINS
    assert text_of(coins[-1]).startswith("7 more coins in a table")
    assert len(list(coins[-1].iter("tr"))) == 1 + 7


def test_ten_thousand_coins_do_not_make_the_page_grow_without_end() -> None:
    markup = coins_section(many(10_000), RING)
    assert len(markup) < 900_000
    left_out = 10_000 - DRAWN_COINS - TABLED_COINS
    assert f"{left_out} coins not listed." in markup
