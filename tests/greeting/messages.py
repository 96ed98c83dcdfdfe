"""Messages of the tests' own protocol."""

from nodes.protocols.message import ANYONE, Message, Name, Role, ShortText, answer, message


@message("1", sender=(Role.PEER, Role.BROKER), receiver=ANYONE)
class Greet(Message):
    """Somebody says hello."""

    words: ShortText
    name: Name = "nobody"


@answer("2", to=Greet)
class Greeting(Message):
    """The other says hello and counts."""

    words: ShortText
    count: int


@message("3", sender=ANYONE, receiver=ANYONE)
class Note(Message):
    """Something to be remembered; it is answered by nothing but its arrival."""

    text: ShortText


@message("4", sender=Role.PEER, receiver=ANYONE, sealed=True)
class Whisper(Message):
    """Something that only the receiver reads."""

    secret: bytes


@answer("5", to=Whisper, sealed=True)
class Hush(Message):
    """The secret, back under seal."""

    secret: bytes
