"""What the catalogue knows of a data set: ``TaskSpec``, its place on the hub, and rules that change labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


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
        rule: "" or the name of a change of the labels (``RULES``).
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
    metric: str = "accuracy"
    policy: str = "auto"
    rule: str = ""
    stand_in: str = "docs-coarse"
    licence: str = "none stated at the source"
    citation: str = ""
    note: str = ""


def _drop_coarse(label: str) -> str:
    """TREC's fine labels without the coarse prefix: 47 of 50 names remain (SPEC SA28)."""
    return label.split(":", 1)[1] if ":" in label else label


RULES = {"": lambda label: label, "drop_coarse": _drop_coarse}
