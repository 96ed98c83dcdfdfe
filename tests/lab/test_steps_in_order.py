"""The auditor's rule that each transaction's steps come as its paper draws them."""

from scenarios.lab.run import Event
from scenarios.lab.sale_checks import steps_in_order


def said(*steps: str, sender: str = "peer-01", receiver: str = "escrow-server") -> list[Event]:
    return [
        Event(
            n=n,
            time_ms=n,
            protocol="escrow_commerce",
            step=step,
            message="",
            sender=sender,
            receiver=receiver,
            transaction="aa",
        )
        for n, step in enumerate(steps, 1)
    ]


def refusal_of(step: str) -> Event:
    """What the sender of a refused request wrote down."""
    return Event(
        n=99,
        time_ms=99,
        protocol="escrow_commerce",
        step=step,
        message="",
        sender="escrow-server",
        receiver="peer-01",
        transaction="aa",
        outcome="escrow_commerce/not-purchased",
        kind="answer",
    )


def test_a_purchase_in_the_papers_order_holds_with_6a_and_7_either_way() -> None:
    for steps in (("5", "5r", "6a", "7", "8", "8a"), ("5", "5r", "7", "6a", "8", "8a")):
        assert steps_in_order(said(*steps)).holds is True


def test_a_key_before_the_payment_does_not_hold() -> None:
    assert steps_in_order(said("5", "5r", "6a", "8a")).holds is False


def test_a_rating_of_nothing_does_not_hold() -> None:
    assert steps_in_order(said("9")).holds is False


def test_a_rating_of_nothing_that_was_refused_was_not_said() -> None:
    assert steps_in_order([*said("9"), refusal_of("9")]).holds is True


def test_one_refusal_takes_back_one_request_only() -> None:
    assert steps_in_order([*said("9", "9"), refusal_of("9")]).holds is False


def test_a_step_of_no_transaction_does_not_hold() -> None:
    assert steps_in_order(said("5", "77")).holds is False
