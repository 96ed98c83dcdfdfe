"""A1, A2: a peer opens its account. A3, A4: it asks how it stands."""

from nodes.protocols.message import Amount, Message, Milliseconds, Role, answer, message


@message("A1", sender=Role.PEER, receiver=Role.BROKER)
class OpenAccount(Message, frozen=True):
    """A peer wants an account at the broker; it gets one, however often it asks."""


@answer("A2", to=OpenAccount)
class AccountOpened(Message, frozen=True):
    """The account is there, with the opening balance."""

    balance: Amount


@message("A3", sender=Role.PEER, receiver=Role.BROKER)
class AskBalance(Message, frozen=True):
    """A peer asks how its account stands."""

    asked_at: Milliseconds
    """Makes each question a new one."""


@answer("A4", to=AskBalance)
class Balance(Message, frozen=True):
    """What is in the account, and whether it may be taken out."""

    balance: Amount
    frozen: bool
