"""python -m nodes.runtime.new_world FOLDER: the world's secret and its owner's token, made once.

Both are readable by their user only. A world that is there already stays as it is.
"""

import base64
import os
import sys
from pathlib import Path

from crypto import randomness

SECRET_BYTES = 32
TOKEN_BYTES = 32


def make_world(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write_once(folder / "secret", randomness.octets(SECRET_BYTES).hex())
    _write_once(folder / "token", _url_safe(randomness.octets(TOKEN_BYTES)))


def _url_safe(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _write_once(path: Path, text: str) -> None:
    """Whole or not at all, and never over one that is there."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(descriptor, text.encode() + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    try:
        os.link(partial, path)
    except FileExistsError:
        pass
    finally:
        partial.unlink()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m nodes.runtime.new_world FOLDER")
    make_world(Path(sys.argv[1]))
