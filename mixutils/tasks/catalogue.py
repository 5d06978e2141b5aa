"""Every data set of the five papers and of the comparison, as ``catalogue.toml`` describes them, and the built-in ones."""

from __future__ import annotations

from typing import Any

from .. import paths
from .data import DataError
from .taskspec import Hub, TaskSpec

BUILTIN = {
    "docs-coarse": "which of six packages a sentence of documentation comes from",
    "docs-fine": "which of about fifty modules of them it comes from",
    "docs-pair": "whether two sentences come from one docstring",
}


def _parts(given: dict[str, str | tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Our part -> the source's parts; most have one, which stands alone."""
    return {part: (found,) if isinstance(found, str) else found for part, found in given.items()}


def _entry(name: str, given: dict[str, Any]) -> TaskSpec:
    hub = given.pop("hub", None)
    if hub is not None:
        hub = Hub(**hub | {"parts": _parts(hub["parts"])})
    return TaskSpec(name, **given | {"parts": _parts(given["parts"])}, hub=hub)


CATALOGUE: dict[str, TaskSpec] = {name: _entry(name, given) for name, given in paths.facts("tasks/catalogue").items()}


def spec(task: str) -> TaskSpec | None:
    """The catalogue's entry, or None for a user's own data set."""
    return CATALOGUE.get(task)


def unknown(task: str, here: list[str]) -> DataError:
    """The error for a name that nothing answers to; ``here`` are the names in the user's folder."""
    own = f"; in the data folder: {', '.join(here)}" if here else ""
    return DataError(
        f"no data set is called {task!r}; catalogue: {', '.join(CATALOGUE)}; built-in: {', '.join(BUILTIN)}{own}. "
        "Your own data is a folder NAME with train.jsonl|csv|tsv|parquet in the folder given by --data or MIXUTILS_DATA"
    )
