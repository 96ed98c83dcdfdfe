"""What the scenarios sell: a picture of the project's own, and the program that draws it."""

from pathlib import Path

HARBOUR = Path(__file__).with_name("harbour.png")
