"""Which world a command speaks of: a local folder, the containers of compose, or an address.

`--world DIR` or JANGTEO_WORLD names a folder (`.jangteo` otherwise), `--compose` the containers.
JANGTEO_AT, the URL of a certificate authority, with JANGTEO_TOKEN_FILE names a world whose nodes
are reached by the addresses on their cards, as in the compose network.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scenarios.lab.failures import NotHere, NoWorld
from scenarios.lab.world_folder import WorldFolder

if TYPE_CHECKING:
    from scenarios.lab.world import World

USUAL_FOLDER = ".jangteo"

WorldOption = Annotated[
    Path | None,
    typer.Option(
        "--world",
        metavar="DIR",
        help="Folder of the world; .jangteo otherwise, or what JANGTEO_WORLD names.",
        show_default=False,
    ),
]
ComposeOption = Annotated[
    bool, typer.Option("--compose", help="The world that docker compose runs.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@dataclass(frozen=True)
class Choice:
    folder: WorldFolder
    compose: bool = False
    address: str = ""
    token_file: str = ""

    @classmethod
    def of(cls, world: Path | None, compose: bool = False) -> "Choice":
        """From a command's options and the environment; options win."""
        named = world or os.environ.get("JANGTEO_WORLD") or USUAL_FOLDER
        elsewhere = "" if world or compose else os.environ.get("JANGTEO_AT", "")
        return cls(
            WorldFolder(Path(named).expanduser().absolute()),
            compose,
            elsewhere,
            os.environ.get("JANGTEO_TOKEN_FILE", ""),
        )

    @property
    def local(self) -> bool:
        return not (self.compose or self.address)

    def require_local(self, command: str) -> WorldFolder:
        if not self.local:
            raise NotHere(f"jangteo {command} works on a local world only.")
        return self.folder

    def runs(self) -> bool:
        """Whether there is a world to open; one that is not local is taken to run."""
        from scenarios.lab.processes import is_running

        if not self.local:
            return True
        return self.folder.exists() and any(
            is_running(node.process) for node in self.folder.read().nodes
        )

    def _token(self) -> str:
        try:
            return Path(self.token_file).read_text().strip()
        except OSError as error:
            raise NoWorld(
                f"JANGTEO_AT is set, and JANGTEO_TOKEN_FILE cannot be read: {error}"
            ) from error

    @asynccontextmanager
    async def open(self) -> AsyncIterator["World"]:
        """The chosen world, running. Raises NoWorld, WorldIsDown or NoCompose."""
        from scenarios.lab.world import World

        if self.compose:
            opening = World.open_compose()
        elif self.address:
            opening = World.open_at(self.address, self._token())
        else:
            opening = World.open(self.folder)
        async with opening as world:
            yield world
