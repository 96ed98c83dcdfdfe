"""What can go wrong between two parties.

    ProtocolError
      MalformedMessage    these bytes are no such message     nothing happened
      Refused             the rules forbid it                 nothing happened
      OutcomeUnknown      no answer came                      it may have happened: ask again

A refusal is a class of its own with a unique `code`; the first line of its docstring is the
sentence people read. Over HTTP it is a problem document (RFC 9457) and reaches the caller as the
same class again.
"""

from typing import ClassVar, Literal

Outcome = Literal["nothing-happened", "unknown"]


class ProtocolError(Exception):
    """Something went wrong between two parties."""

    code: ClassVar[str] = "protocol-error"
    status: ClassVar[int] = 500
    outcome: ClassVar[Outcome] = "unknown"

    def __init__(self, detail: str = "", *, evidence: bytes = b"") -> None:
        super().__init__(detail or self.sentence())
        self.detail = detail
        self.evidence = evidence

    @classmethod
    def sentence(cls) -> str:
        return (cls.__doc__ or cls.__name__).strip().splitlines()[0]


_known: dict[str, type[ProtocolError]] = {}


class _Coded(ProtocolError):
    """Registers each subclass by its code, which no other may have."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "code" in cls.__dict__ and _known.setdefault(cls.code, cls) is not cls:
            raise TypeError(f"two errors have the code {cls.code!r}")


class MalformedMessage(_Coded):
    """These bytes are no such message."""

    code = "message/malformed"
    status = 400
    outcome = "nothing-happened"


class Refused(_Coded):
    """The rules forbid it."""

    code = "message/refused"
    status = 409
    outcome = "nothing-happened"


class OutcomeUnknown(_Coded):
    """No answer came: it may have happened. Ask again with the same message."""

    code = "message/outcome-unknown"
    status = 500
    outcome = "unknown"


def known_errors() -> dict[str, type[ProtocolError]]:
    """Every code and its class, as far as their modules are imported."""
    return dict(_known)


def error_from(code: str, detail: str, outcome: str, evidence: bytes = b"") -> ProtocolError:
    """The class a peer's problem document names; an unknown code keeps its outcome."""
    found = _known.get(code)
    if found is not None and found.outcome == outcome:
        return found(detail, evidence=evidence)
    if outcome == "nothing-happened":
        return Refused(f"{code}: {detail}", evidence=evidence)
    return OutcomeUnknown(f"{code}: {detail}")
