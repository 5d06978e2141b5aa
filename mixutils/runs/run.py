"""A *run*: one training of one method on one task under one setting with one seed.

``Run`` is the whole configuration. Its hash is the run's name, so that a finished run is found again whoever made it and
wherever. Data folder, output paths, device and worker count are not part of it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

from ..encoder.dropout import ABLATIONS
from ..training.loop import Recipe
from .environment import PRECISIONS

#: Part of every hash, and fixed: what changes numbers of existing runs is listed in ``generations``, by which
#: records are told apart under one name.
SALT = 1


@dataclass(frozen=True)
class Run:
    """The configuration of one run."""

    task: str  # id of the catalogue, of a built-in task or of a user's folder
    method: str  # key of mixers.REGISTRY
    seed: int  # fixes everything random (SPEC 1.6)
    options: tuple[tuple[str, Any], ...] = ()  # the mixer's, where they differ from the registered ones, by name
    encoder: str = "minilm"  # see encoders
    recipe: Recipe = field(default_factory=Recipe)
    policy: str = "official"  # how the parts are cut (tasks.POLICIES)
    train_size: int | None = None  # rows of train; None: all
    train_fraction: float = 1.0  # of the training part, before train_size cuts it (SPEC SA22)
    subset: str = "stratified"  # how they are chosen: stratified | balanced | random | fixed; always nested
    eval_size: int | None = None  # at most so many rows of every other part; None: all
    evaluate: tuple[str, ...] = ()  # parts that are evaluated; (): all but train
    max_length: int = 128  # tokens
    # A number replaces all dropout probabilities, a name of dropout.ABLATIONS one of them by 0; None leaves them.
    dropout: float | str | None = None
    precision: str = "auto"  # auto | bfloat16 | float32 | float32-highest | float32-medium (environment.PRECISIONS)
    attention: str = "auto"  # auto (packed on a CPU, sdpa on a GPU) | packed | plain | eager | sdpa
    start: Run | None = None  # the run whose weights this one starts from
    start_policy: str = ""  # which of its checkpoints
    probes: tuple[str, ...] = ()  # what notebooks measure on the trained model, which is kept for it (runs.trained)
    probe_policy: str = ""  # on which checkpoint they are taken
    final: tuple[str, ...] = ()  # parts that are evaluated once, at one checkpoint, and are in no curve
    final_policy: str = ""  # which checkpoint that is

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", tuple(sorted((k, _freeze(v)) for k, v in dict(self.options).items())))
        if isinstance(self.dropout, str) and self.dropout not in ABLATIONS:
            raise ValueError(f"dropout must be a number or one of {', '.join(ABLATIONS)}, not {self.dropout!r}")
        for one, other in (("start", "start_policy"), ("probes", "probe_policy"), ("final", "final_policy")):
            if bool(getattr(self, one)) != bool(getattr(self, other)):
                raise ValueError(f"{one} and {other} go together")
        if both := set(self.final) & set(self.evaluate):
            raise ValueError(f"{', '.join(sorted(both))} can be in evaluate or in final, not in both")
        if not 0 < self.train_fraction <= 1:
            raise ValueError(f"train_fraction must be above 0 and at most 1, not {self.train_fraction!r}")
        if self.precision not in PRECISIONS:
            raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, not {self.precision!r}")

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON types.

        Fields that are younger than the first records are left out at their default, so that old runs keep their names.
        """
        text = json.dumps(self, default=lambda of: {f.name: getattr(of, f.name) for f in fields(of)})
        return _without_young_defaults(json.loads(text))

    @classmethod
    def from_dict(cls, given: dict[str, Any]) -> Run:
        """The inverse of ``to_dict``.

        Raises:
            TypeError: an unknown field, as from a record of another version. ValueError: as when a run is made.
        """
        values = {name: _freeze(value) for name, value in given.items()}
        recipe = {name: _freeze(value) for name, value in given.get("recipe", {}).items()}
        if values.get("start"):
            values["start"] = cls.from_dict(values["start"])
        return cls(**values | {"recipe": Recipe(**recipe)})

    @cached_property
    def hash(self) -> str:
        """16 hex digits: the name of the run."""
        text = json.dumps([SALT, self.to_dict()], sort_keys=True, separators=(",", ":"))
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    def title(self) -> str:
        """One short line for logs."""
        size = "" if self.train_size is None else f" n={self.train_size}"
        options = "".join(f" {name}={value}" for name, value in self.options)
        return f"{self.task}{size} {self.method}{options} on {self.encoder.rsplit('/', 1)[-1]}, seed {self.seed}"

    def with_(self, **changes: Any) -> Run:
        """A copy with other fields; a field of the recipe is given as ``recipe__name``."""
        recipe = {k.removeprefix("recipe__"): v for k, v in changes.items() if k.startswith("recipe__")}
        rest = {k: v for k, v in changes.items() if not k.startswith("recipe__")}
        return replace(self, **({"recipe": replace(self.recipe, **recipe)} if recipe else {}), **rest)


#: Fields of run and recipe that came after the first records, with the value under which a run is the one that it was before.
_YOUNG = {
    "final": [],
    "final_policy": "",
    "carry": False,
    "eval_first": 0,
    "train_fraction": 1.0,
    "class_weights": "none",
}


def _without_young_defaults(given: dict[str, Any]) -> dict[str, Any]:
    out = {k: v for k, v in given.items() if k not in _YOUNG or v != _YOUNG[k]}
    return out | {k: _without_young_defaults(out[k]) for k in ("recipe", "start") if out.get(k)}


def _freeze(value: Any) -> Any:
    return tuple(_freeze(v) for v in value) if isinstance(value, list | tuple) else value
