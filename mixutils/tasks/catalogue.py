"""Every data set of the five papers and of the comparison, as ``catalogue.toml`` describes them, and the built-in ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .. import paths

#: Built-in tasks and what a table calls them; see ``builtin``.
BUILTIN = {"docs-coarse": "Docstrings, coarse", "docs-fine": "Docstrings, fine", "docs-pair": "Docstrings, pairs"}


@dataclass(frozen=True)
class Hub:
    """A data set on the Hugging Face hub.

    Attributes:
        path, config, revision: arguments of ``datasets.load_dataset``.
        parts: our part -> names of the hub's parts.
        text: one or two column names. label: column of the label.
        names: our names of the hub's labels in the order of their numbers; () where the hub's own names are ours.
    """

    path: str
    parts: Mapping[str, tuple[str, ...]]
    text: tuple[str, ...] = ("text",)
    label: str = "label"
    config: str | None = None
    revision: str | None = None
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class TaskSpec:
    """One entry of the catalogue.

    Attributes:
        id: our name. A published table's column is this id, so that SST-2's three versions never mix (SPEC 1.7, X7).
        parts: our part -> "folder/part" names in a user's data folder.
        policy: how the parts become train, validation and test where a paper does not say (see ``splits.POLICIES``).
        counts: rows that each of our parts must have to be this data set; a difference is reported, not hidden. {} if unknown.
        papers: that use it; () for the comparison's own.
        drop_coarse: labels lose what stands before a colon; 47 of TREC's 50 fine names remain (SPEC SA28).
        positive: of two classes the one whose F1 is "binary F1" (SPEC 1.5); "" where nobody knows its name.
        stand_in: the built-in task of the same shape.
        licence, citation, note: for the data card.
    """

    id: str
    title: str
    parts: Mapping[str, tuple[str, ...]]
    counts: Mapping[str, int] = field(default_factory=dict)
    papers: tuple[str, ...] = ()
    hub: Hub | None = None
    language: str = "English"
    pair: bool = False
    classes: int = 2
    positive: str = ""
    policy: str = "auto"
    drop_coarse: bool = False
    stand_in: str = "docs-coarse"
    licence: str = "none stated at the source"
    citation: str = ""
    note: str = ""

    def class_name(self, label: str) -> str:
        """The name of a class where the source calls it ``label``."""
        return label.split(":", 1)[-1] if self.drop_coarse else label


CATALOGUE: dict[str, TaskSpec] = {
    name: TaskSpec(name, hub=Hub(**given.pop("hub")) if "hub" in given else None, **given)
    for name, given in paths.facts("tasks/catalogue").items()
}


def spec(task: str) -> TaskSpec | None:
    """The catalogue's entry, or None for a user's own data set."""
    return CATALOGUE.get(task)
