"""Rows of many nodes become messages in the order in which one could have caused the next."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from nodes.runtime.observer import Row
from scenarios.lab.costs import Counted, costs_between
from scenarios.lab.joining import join
from scenarios.lab.learned import what_each_learned
from scenarios.lab.run import Event


class Trace:
    """Writes rows as nodes do: each numbers its own, by a clock of its own."""

    def __init__(self, **ahead: int) -> None:
        self.rows: dict[str, list[Row]] = {}
        self.now = 1000
        self.ahead = ahead

    def row(self, node: str, direction: Any, envelope: str = "", **fields: Any) -> Row:
        self.now += 1
        own = self.rows.setdefault(node, [])
        row = Row(
            n=len(own) + 1,
            time=self.now + self.ahead.get(node.replace("-", "_"), 0),
            kind=fields.pop("kind", "request"),
            direction=direction,
            protocol="escrow_commerce",
            step=fields.pop("step", "1"),
            message=fields.pop("message", "Register"),
            transaction="aa",
            envelope=envelope,
            **fields,
        )
        own.append(row)
        return row

    def sent(self, sender: str, receiver: str, envelope: str, **fields: Any) -> None:
        """A message that arrives at once."""
        ends = {"sender": sender, "receiver": receiver}
        self.row(sender, "out", envelope, **ends, **fields)
        self.row(receiver, "in", envelope, **ends, **fields)

    def events(self) -> list[Event]:
        return join(self.rows, lambda node, row: row.time - 1000)


def test_a_message_seen_by_both_sides_is_one_event() -> None:
    trace = Trace()
    trace.sent("peer-01", "central-server", "e1", bytes=200, note={"words": "harbour"})
    (event,) = trace.events()
    assert (event.sender, event.receiver, event.bytes) == ("peer-01", "central-server", 200)
    assert event.fields == {"words": "harbour"}
    assert event.n == 1


def test_a_receiver_that_is_not_told_the_sender_learns_it_from_the_senders_row() -> None:
    trace = Trace()
    trace.row("peer-01", "out", "e1", sender="peer-01", receiver="broker")
    trace.row("broker", "in", "e1", sender="", receiver="broker")
    (event,) = trace.events()
    assert event.sender == "peer-01"


def test_a_message_that_nobody_received_is_an_event_all_the_same() -> None:
    trace = Trace()
    trace.row("peer-01", "out", "e1", sender="peer-01", receiver="broker")
    assert [(event.sender, event.receiver) for event in trace.events()] == [("peer-01", "broker")]


def test_sealed_fields_are_named_and_not_shown() -> None:
    trace = Trace()
    trace.sent("peer-01", "escrow-server", "e1", sealed=True, note={"key": "00ff", "size": 3})
    (event,) = trace.events()
    assert event.fields == {}
    assert event.sealed_fields == ["key", "size"]


def test_a_refusal_keeps_its_code() -> None:
    trace = Trace()
    trace.sent("peer-01", "broker", "e1")
    trace.row("peer-01", "in", kind="answer", sender="broker", receiver="peer-01", outcome="no")
    assert [event.outcome for event in trace.events()] == ["ok", "no"]


def test_content_is_an_event_beside_the_message_that_asked_for_it() -> None:
    trace = Trace()
    trace.sent("peer-01", "peer-03", "e1", step="6b")
    trace.sent("peer-03", "peer-01", "e1", step="6b", kind="content", bytes=188_000, sealed=True)
    asked, content = trace.events()
    assert (asked.kind, asked.sender) == ("request", "peer-01")
    assert (content.kind, content.sender, content.bytes) == ("content", "peer-03", 188_000)


def test_copies_that_arrive_again_are_counted() -> None:
    trace = Trace()
    trace.sent("peer-01", "broker", "e1")
    trace.row("broker", "in", "e1", sender="peer-01", receiver="broker")
    (event,) = trace.events()
    assert event.note == "arrived 2 times"


def test_an_answer_never_stands_before_its_question_whatever_the_clocks_say() -> None:
    trace = Trace(broker=-500)
    trace.sent("peer-01", "broker", "question", step="W1")
    trace.sent("broker", "peer-01", "answer", step="W2", kind="answer")
    trace.sent("peer-01", "broker", "next", step="D1")
    assert [event.step for event in trace.events()] == ["W1", "W2", "D1"]


def test_messages_that_cross_are_both_kept_in_the_order_they_were_sent() -> None:
    trace = Trace()
    trace.row("peer-01", "out", "x", sender="peer-01", receiver="peer-02", step="1")
    trace.row("peer-02", "out", "y", sender="peer-02", receiver="peer-01", step="2")
    trace.row("peer-02", "in", "x", sender="peer-01", receiver="peer-02", step="1")
    trace.row("peer-01", "in", "y", sender="peer-02", receiver="peer-01", step="2")
    assert [event.step for event in trace.events()] == ["1", "2"]


def test_a_register_operation_is_an_event_of_its_own() -> None:
    trace = Trace()
    trace.row("peer-01", "here", kind="register", sender="peer-01", receiver="peer-01", step="P3")
    (event,) = trace.events()
    assert (event.kind, event.sender, event.receiver) == ("register", "peer-01", "")


@given(
    messages=st.lists(
        st.tuples(st.integers(0, 4), st.integers(0, 4)).filter(lambda ends: ends[0] != ends[1]),
        max_size=40,
    ),
    clocks=st.lists(st.integers(-5000, 5000), min_size=5, max_size=5),
)
def test_whatever_the_clocks_each_node_and_each_message_keeps_its_order(
    messages: list[tuple[int, int]], clocks: list[int]
) -> None:
    trace = Trace(**{f"node_{i}": ahead for i, ahead in enumerate(clocks)})
    for number, (sender, receiver) in enumerate(messages):
        trace.sent(f"node-{sender}", f"node-{receiver}", f"e{number}", step=str(number))
    events = trace.events()
    assert [event.n for event in events] == list(range(1, len(messages) + 1))
    place = {int(event.step): event.n for event in events}
    for later, (sender, _) in enumerate(messages):
        for earlier, ends in enumerate(messages[:later]):
            if sender in ends:
                assert place[earlier] < place[later]


# costs


def counted(seconds: float, **nodes: dict[str, Any]) -> Counted:
    return Counted(
        {
            name: {"steps": [{"protocol": "p", "step": "1", **amounts}], "node": amounts}
            for name, amounts in nodes.items()
        },
        seconds,
    )


def test_costs_are_what_was_counted_between_start_and_end() -> None:
    before = counted(10.0, broker={"sign": 5, "cpu_seconds": 1.0})
    after = counted(12.5, broker={"sign": 8, "verify": 2, "cpu_seconds": 1.5})
    events = [Event(1, 0, "p", "1", "M", sender="peer-01", receiver="broker", bytes=70)]
    costs = costs_between(before, after, events)
    assert costs.wall_seconds == 2.5
    assert costs.cpu_seconds == 0.5
    (broker,) = costs.parties
    assert (broker.sign, broker.verify, broker.messages_in, broker.bytes_in) == (3, 2, 1, 70)


def test_a_node_that_was_started_again_counts_from_zero() -> None:
    before = counted(0.0, broker={"sign": 500, "cpu_seconds": 9.0})
    after = counted(1.0, broker={"sign": 4, "cpu_seconds": 0.25})
    costs = costs_between(before, after, [])
    assert costs.parties[0].sign == 4
    assert costs.cpu_seconds == 0.25


# what each learned


def read(step: str, **fields: Any) -> dict[str, Any]:
    return {
        "time": 1,
        "protocol": "escrow_commerce",
        "step": step,
        "transaction": "aa",
        "what": "message",
        "value": fields,
    }


KEY = "0123456789abcdef0123456789abcdef"
CONTENT = "fe" * 32


def test_the_key_is_known_to_who_made_it_and_who_was_given_it_and_to_nobody_else() -> None:
    views = {
        "peer-03": [],
        "escrow-server": [read("6a", key=KEY)],
        "peer-01": [read("8a", key=KEY)],
        "central-server": [read("2", words="harbour")],
    }
    events = [Event(1, 0, "escrow_commerce", "6a", "M", sender="peer-03", receiver="escrow-server")]
    learned = what_each_learned(events, views)
    how = {name: {item.what: item.how for item in items} for name, items in learned.items()}
    assert how["peer-03"]["the key K"] == "readable"
    assert how["escrow-server"]["the key K"] == "readable"
    assert how["peer-01"]["the key K"] == "readable"
    assert how["central-server"]["the key K"] == "never"


def test_who_holds_content_only_encrypted_saw_it_sealed() -> None:
    views = {"peer-03": [], "peer-01": [read("3", content_id=CONTENT)], "broker": []}
    events = [
        Event(1, 0, "escrow_commerce", "6a", "M", sender="peer-03", receiver="escrow-server"),
        Event(2, 0, "escrow_commerce", "6b", "M", sender="peer-01", receiver="peer-03"),
    ]
    learned = what_each_learned(events, views)
    how = {name: {item.what: item.how for item in items} for name, items in learned.items()}
    assert how["peer-03"]["the content C"] == "readable"
    assert how["peer-01"]["the content C"] == "sealed only"
    assert how["broker"]["the content C"] == "never"


def test_who_opened_the_content_could_read_it() -> None:
    views = {"peer-03": [], "peer-01": [read("content", digest=CONTENT)], "broker": []}
    events = [Event(1, 0, "escrow_commerce", "6a", "M", sender="peer-03", receiver="escrow-server")]
    learned = what_each_learned(events, views)
    assert learned["peer-01"][0].how == "readable"


def test_a_leak_is_found_wherever_it_stands() -> None:
    views = {
        "peer-01": [read("8a", key=KEY)],
        "central-server": [read("2", words=f"psst {KEY}")],
    }
    learned = what_each_learned([], views)
    how = {item.what: item.how for item in learned["central-server"]}
    assert how["the key K"] == "readable"


def test_without_views_nothing_is_said_of_what_was_learned() -> None:
    assert what_each_learned([], {"peer-01": [], "broker": []}) == {}


def test_who_signed_a_coin_blindly_carried_it_sealed_and_who_takes_it_back_can_read_it() -> None:
    coin = {"key": "ab" * 32, "signature": "cd" * 128}
    opened = {**read("W4"), "protocol": "electronic_cash", "what": "coins", "value": [coin]}
    order = {**read("X1", spend=f"92c5{'cd' * 128}"), "protocol": "electronic_cash"}
    views = {"peer-01": [opened], "bank-account-server": [], "coin-server-1": [order], "broker": []}
    bank = "bank-account-server"
    events = [
        Event(1, 0, "electronic_cash", "W3", "M", sender="coin-server-1", receiver=bank),
        Event(2, 0, "electronic_cash", "W4", "M", sender=bank, receiver="peer-01"),
    ]
    learned = what_each_learned(events, views)
    how = {name: {item.what: item.how for item in items} for name, items in learned.items()}
    coins = {name: items["the e-cash withdrawn"] for name, items in how.items()}
    assert coins == {
        "peer-01": "readable",
        "bank-account-server": "sealed only",
        "coin-server-1": "readable",
        "broker": "never",
    }
