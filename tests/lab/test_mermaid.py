"""The sequence in Mermaid's notation."""

import re

import msgspec

from scenarios.lab.mermaid import render_mermaid
from tests.lab.sample_run import empty_run, sample_run


def test_a_participant_a_line_and_a_message_a_line() -> None:
    run = sample_run()
    lines = render_mermaid(run).splitlines()
    assert lines[0] == "sequenceDiagram"
    assert sum(line.startswith("    participant ") for line in lines) == 7
    assert len(lines) == 1 + 7 + len(run.events)
    assert "    participant p0 as peer-01 (P_1)" in lines
    assert "    participant p6 as the ring" in lines


def test_each_kind_has_its_arrow() -> None:
    text = render_mermaid(sample_run())
    assert "    p0->>p3: W1 Withdraw\n" in text
    assert "    p3-->>p0: W2 Coins\n" in text
    assert "    p0-)p6: W3 Put\n" in text
    assert "    Note over p0: 4 Select\n" in text
    assert "    p1->>p5: 6a SellerDeposit (sealed)\n" in text
    assert "    p2-xp6: P3 Put (refused, dht/payee-is-not-you)\n" in text


def test_text_of_a_message_cannot_become_notation() -> None:
    run = sample_run()
    hostile = 'x; end\nNote over p0: "hacked" # %% <br> {}'
    run.events = [msgspec.structs.replace(run.events[0], message=hostile, sender=hostile)]
    text = render_mermaid(run)
    assert len(text.splitlines()) == 4
    for line in text.splitlines()[1:]:
        label = line.partition(" as ")[2] or line.partition(": ")[2]
        assert re.fullmatch(r"(?:[^;#\n\"<>{}%:]|#\d+;)+", label), label


def test_a_run_without_messages_is_an_empty_diagram() -> None:
    assert render_mermaid(empty_run()) == "sequenceDiagram\n"
