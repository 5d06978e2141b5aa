"""How messages say numbers, and values and names that come from elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def counted(number: int, noun: str) -> str:
    """As in "1 run" and "2,000 runs"; of nouns whose plural ends with s."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def signed(value: float) -> str:
    """A difference in points, as in "+0.31".

    Rounded to four digits first: files keep so many, and a mean that is a tie at two digits reads alike from both.
    """
    return f"{round(float(value), 4):+.2f}"


def shortened(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest]}…"


def cut(value: Any, longest: int = 80) -> str:
    """A user's value as messages say it."""
    return shortened(repr(value), longest)


def shown(path: Path | str) -> str:
    """A path or name as messages say it: on one line, whatever is in it."""
    text = str(path)
    return text if text.isprintable() else ascii(text)
