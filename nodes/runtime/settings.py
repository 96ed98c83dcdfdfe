"""Settings of a node: read once from the environment, at the edge, into one typed object."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from nodes.protocols.membership.roster import FEWEST_PEERS

PREFIX = "JANGTEO_"
SERIAL_BITS = 256
"""Of a serial number of e-cash."""

Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]
Positive = Annotated[int, msgspec.Meta(ge=1)]
Duration = Annotated[float, msgspec.Meta(gt=0, le=10**9)]
LogLevel = Literal["debug", "info", "warning", "error", "critical"]
SWITCH = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


class InvalidSettings(ValueError):
    """A setting is missing or unreadable; the message says which and what was wanted."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Field NAME is read from the environment as JANGTEO_NAME; durations are in seconds."""

    name: str
    data: Path
    """Folder of this node's store: keys, records and votes."""
    world: Path
    """Folder with the world's `secret` and the owner's `token`."""
    ca_url: str
    host: str = "127.0.0.1"
    port: Port = 0
    udp_port: Port = 0
    url: str = ""
    """How others reach this node; made from host and port where empty."""
    lab: bool = False
    """View, clock and kill points are on."""
    without: tuple[str, ...] = ()
    """Guards switched off."""
    lifeline: int = -1
    """File descriptor whose end of file ends this node; -1 for none."""
    log_level: LogLevel = "info"

    late_peers: Annotated[int, msgspec.Meta(ge=0)] = 0
    """So many of the expected peers, the last by name, are not in the first roster: they wait."""
    membership: Literal["roster", "open"] = "roster"
    """Who votes on a register: the k closest of the signed roster, or (to see what comes of it) the
    k closest that can be reached."""
    repair_seconds: Annotated[float, msgspec.Meta(ge=0)] = 600.0
    """Between two comparisons of what a peer keeps with those who keep the same; 0 for none."""
    expected_peers: Annotated[int, msgspec.Meta(ge=FEWEST_PEERS)] = 16
    opening_balance: Annotated[int, msgspec.Meta(ge=0)] = 1000

    call_seconds: Duration = 5.0
    offer_seconds: Duration = 60.0
    dispute_seconds: Duration = 120.0
    clock_skew_seconds: Duration = 2.0
    quorum_write_seconds: Duration = 5.0
    coin_seconds: Duration = 86_400.0
    reissue_window_seconds: Duration = 3_600.0
    clearing_seconds: Duration = 2.0
    """How long what coin servers owe each other waits, to be cleared with more of it."""
    message_lifetime_seconds: Duration = 60.0

    serial_bits: Annotated[int, msgspec.Meta(ge=8, le=SERIAL_BITS)] = SERIAL_BITS
    """By how many bits of its serial number a coin server knows a coin of e-cash; fewer than all
    only in a lab, to see serial numbers meet."""

    rsa: Literal["fastest", "portable"] = "fastest"
    """What computes a blind signature or an item's. `fastest`: OpenSSL, where it is there and its
    numbers are Python's own. `portable`: Python's, to measure what that saves."""

    message_bytes: Positive = 1 << 20
    content_bytes: Positive = 1 << 34
    body_seconds: Duration = 10.0
    idle_seconds: Duration = 30.0
    work_in_hand: Positive = 256
    """Messages being served at once; beyond it the answer is 503 with Retry-After."""
    connections: Positive = 2048

    @property
    def secret(self) -> bytes:
        """Shared by all nodes of a world; admits to it."""
        path = self.world / "secret"
        text = _read(path)
        try:
            return bytes.fromhex(text)
        except ValueError as error:
            raise InvalidSettings(f"{path} is not hex") from error

    @property
    def token(self) -> str:
        """Bearer token of the owner of this world's nodes."""
        return _read(self.world / "token")


def _read(path: Path) -> str:
    try:
        text = path.read_text().strip()
    except OSError as error:
        raise InvalidSettings(f"cannot read {path}: {error.strerror}") from error
    if not text:
        raise InvalidSettings(f"{path} is empty: it would admit anybody")
    return text


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Raise InvalidSettings for a value that does not fit; unknown JANGTEO_ names are refused."""
    given = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in environment.items()
        if name.startswith(PREFIX) and value != ""
    }
    unknown = sorted(given.keys() - {field.name for field in msgspec.structs.fields(Settings)})
    if unknown:
        names = ", ".join(PREFIX + name.upper() for name in unknown)
        raise InvalidSettings(f"unknown settings: {names}")
    fields: dict[str, object] = dict(given)
    if "without" in given:
        fields["without"] = tuple(part for part in given["without"].split(",") if part)
    if "log_level" in given:
        fields["log_level"] = given["log_level"].lower()
    if "lab" in given:
        fields["lab"] = SWITCH.get(given["lab"].lower(), given["lab"])
    try:
        return msgspec.convert(fields, Settings, strict=False, dec_hook=_path)
    except msgspec.ValidationError as error:
        raise InvalidSettings(f"{error} (settings are {PREFIX}NAME)") from error


def _path(type_: type, value: object) -> object:
    if type_ is Path and isinstance(value, str):
        return Path(value)
    raise NotImplementedError(f"no reading of {type_} from {value!r}")


def to_environment(settings: Settings) -> dict[str, str]:
    """The environment that reads back as these settings."""
    out = {}
    for field in msgspec.structs.fields(Settings):
        value = getattr(settings, field.name)
        if isinstance(value, bool):
            value = int(value)
        out[PREFIX + field.name.upper()] = (
            ",".join(value) if isinstance(value, tuple) else str(value)
        )
    return {name: value for name, value in out.items() if value != ""}
