"""A guard: a named rule that can be switched off to show the attack it prevents.

    @guard("payee-is-named", mends=("DC-A4",), refuses=PayeeIsNotYou)
    def payee_is_named(transfer: Transfer, me: PartyId) -> bool:
        \"\"\"A transfer names its payee, so nobody else can register it.\"\"\"
        return transfer.payee == me

    guards.require(payee_is_named, transfer, me)

All guards are on. A world can be started with some switched off; then `require` skips just that
rule, and every page that speaks of the world says so.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Generic, ParamSpec

from nodes.protocols.errors import Refused

P = ParamSpec("P")


@dataclass(frozen=True)
class Guard(Generic[P]):
    name: str
    mends: tuple[str, ...]
    refuses: type[Refused]
    holds: Callable[P, bool]
    sentence: str


_declared: dict[str, Guard[...]] = {}


def guard(
    name: str, *, mends: tuple[str, ...], refuses: type[Refused]
) -> Callable[[Callable[P, bool]], Guard[P]]:
    """Declare a rule: its name, the attacks it ends, and the refusal it raises when it fails."""

    def declare(holds: Callable[P, bool]) -> Guard[P]:
        if name in _declared:
            raise TypeError(f"two guards are named {name!r}")
        made = Guard(name, mends, refuses, holds, (holds.__doc__ or "").strip())
        _declared[name] = made
        return made

    return declare


def declared_guards() -> dict[str, Guard[...]]:
    """Every guard by name, as far as their modules are imported."""
    return dict(_declared)


def _declare_all() -> None:
    """Import every protocol, so that each of its guards is known."""
    import nodes.protocols

    for module in pkgutil.walk_packages(nodes.protocols.__path__, "nodes.protocols."):
        importlib.import_module(module.name)


@dataclass(frozen=True)
class Guards:
    """The guards of one world: all on, but for those named in `off`."""

    off: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def without(cls, names: Iterable[str]) -> "Guards":
        """Raises ValueError for a name that no guard has.

        A whole world is told the same names, so those of protocols that a party does not speak
        are looked for too.
        """
        off = frozenset(names)
        if off - _declared.keys():
            _declare_all()
        unknown = off - _declared.keys()
        if unknown:
            raise ValueError(f"there is no guard named {', '.join(sorted(unknown))}")
        return cls(off)

    def is_on(self, rule: Guard[...]) -> bool:
        return rule.name not in self.off

    def require(self, rule: Guard[P], *args: P.args, **kwargs: P.kwargs) -> None:
        """Raise the guard's refusal unless it holds or is switched off."""
        if rule.name not in self.off and not rule.holds(*args, **kwargs):
            raise rule.refuses()


ALL_ON = Guards()
