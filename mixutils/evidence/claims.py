"""A paper's claims as cells, rival and kind, and what became of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from . import words
from .comparisons import Comparisons
from .unit import Unit, paired
from .units import Units
from .verdict import SHOWN, Verdict
from .weigh import Weighed, holm, weigh

KINDS = ("every", "most", "pooled", "equal", "inner", "slope", "steps", "measured", "illustration")


@dataclass(frozen=True)
class Illustration:
    """A number about one trained model, in words; never a verdict."""

    value: float
    words: str


class Evidence(Comparisons):
    """The claims of one paper, over its frame.

    Args:
        frame: see ``frame``. printed: published numbers, see ``printed``; None for none. curves: see ``curves``, for ``steps``.
        margin: smallest effect of interest in points.
        tasks: which pooled interval decides: "these" (what a paper claims) or "like these" (SPEC 9.3); the latter needs five.
        metric, policy, floor: read all cells differently from what their tables show, see ``diff``. metric may be a mapping
            from column or task.
        seed, draws: of permutations.
    """

    def __init__(
        self,
        frame: pd.DataFrame,
        printed: pd.DataFrame | None = None,
        *,
        curves: pd.DataFrame | None = None,
        margin: float = 0.5,
        tasks: str = "these",
        metric: str | Mapping[str, str] | None = None,
        policy: str | None = None,
        floor: bool | None = None,
        seed: int = 0,
        draws: int = 1999,
    ) -> None:
        if tasks not in ("these", "like these"):
            raise ValueError(f'tasks must be "these" or "like these", not {tasks!r}')
        super().__init__(frame, printed, curves, {"metric": metric, "policy": policy, "floor": floor}, seed, draws)
        self.margin, self._like = margin, tasks == "like these"
        self._claims: dict[str, dict[str, Any]] = {}
        self._verdicts: list[Verdict] | None = None  # of the claims so far

    def values(self, name: str, by_seed: Mapping[int, float], *, task: str = "", reported: float = math.nan) -> Units:
        """One unit from numbers of one's own, seed (or repeat) -> value; above 0 is the claim."""
        kept = {s: float(v) for s, v in sorted(by_seed.items()) if v is not None and not math.isnan(v)}
        unit = paired(list(kept), np.array(list(kept.values())), title=name, task=task or name, column=task or name)
        return Units([replace(unit, printed=reported)])

    def measured(self, name: str, numbers: float | Sequence[float], low: float, high: float) -> Units:
        """A unit for claims about a machine, not about seeds: numbers measured on one machine or several, and the range in
        which the claim puts them. Kind "measured": supported where all lie inside, contradicted where none does; no test."""
        found = [float(v) for v in ([numbers] if isinstance(numbers, int | float) else numbers) if not math.isnan(v)]
        inside = sum(low <= v <= high for v in found)
        listed = ", ".join(f"{v:.2f}" for v in found)
        note = f"{listed}; claimed between {low:g} and {high:g}"
        share = inside / len(found) if found else math.nan
        return Units([Unit(name, task=name, mean=share, note=note, void="" if found else "nothing is measured")])

    def illustration(self, value: float, words: str) -> Illustration:
        """A number about one trained model: shown, never a verdict."""
        return Illustration(value, words)

    def claim(
        self,
        key: str,
        text: str,
        units: Units | Illustration,
        *,
        kind: str,
        own: str = "",
        margin: float | None = None,
        reported: float | None = None,
        note: str = "",
    ) -> None:
        """Add a claim.

        Args:
            kind: every: on every data set. most, pooled: the mean over data sets, with signs beside. equal: no difference
                beyond the margin. inner, slope, steps, measured: of units made by those methods. illustration.
            own: what the paper's own tables say. margin: of this claim. reported: the printed effect, where it does not
                follow from printed cells. note: added to ``why``; why there are no units.

        Raises:
            ValueError: an unknown kind, or a key that is taken.
        """
        if kind not in KINDS:
            raise ValueError(f"claim {key}: no kind is called {kind!r}; there are {', '.join(KINDS)}")
        if key in self._claims:
            raise ValueError(f"there are two claims {key}")
        if isinstance(units, Illustration) and kind != "illustration":
            raise ValueError(f"claim {key}: a number about one trained model is an illustration, not {kind!r}")
        self._verdicts = None
        self._claims[key] = {
            "text": text,
            "units": units,
            "kind": kind,
            "own": own,
            "margin": self.margin if margin is None else margin,
            "reported": reported,
            "note": note,
        }

    def verdicts(self) -> list[Verdict]:
        """Holm's correction over the claims, then the words (SPEC 9.3)."""
        if self._verdicts is not None:
            return self._verdicts
        tested = {
            key: weigh(c["units"], c["kind"], c["margin"], self._like)
            for key, c in self._claims.items()
            if c["kind"] not in ("illustration", "measured")
        }
        values = holm([np.fmin(w.p_for, w.p_against) for w in tested.values()])
        corrected = dict(zip(tested, values, strict=True))
        self._verdicts = [
            _verdict(key, c, tested.get(key), corrected.get(key, math.nan)) for key, c in self._claims.items()
        ]
        return self._verdicts

    def table(self) -> pd.DataFrame:
        """One line per claim: everything of ``Verdict`` but the units."""
        return pd.DataFrame([{name: getattr(v, name) for name in SHOWN} for v in self.verdicts()], columns=list(SHOWN))


def _verdict(key: str, claim: dict[str, Any], weighed: Weighed | None, p_holm: float) -> Verdict:
    given, kind, w = claim["units"], claim["kind"], weighed or Weighed()
    units = Units() if isinstance(given, Illustration) else given
    # Where several parts must hold, the weakest one is compared with what is reported about it.
    about = [u for u in units if u.part == w.part] if w.tested else units
    printed = [u.printed for u in about if u.counts and not math.isnan(u.printed)]
    reported = claim["reported"]
    if reported is None:
        reported = sum(printed) / len(printed) if printed else math.nan
    if kind == "illustration":
        shown = given.words if isinstance(given, Illustration) else "; ".join(f"{u.name} {u.mean:.2f}" for u in units)
        word, why = "illustration", shown
    elif kind == "measured":
        word, why = words.measured(units)
    elif w.tested:
        word, why = words.word(w, kind, p_holm, reported)
    else:
        word, why = "not tested", words.untested(units)
    return Verdict(
        **vars(w),
        key=key,
        text=claim["text"],
        kind=kind,
        own=claim["own"],
        word=word,
        why="; ".join(filter(None, (why, claim["note"]))),
        units=units,
        margin=claim["margin"],
        p_holm=p_holm,
        reported=reported,
        reported_columns=len(printed),
    )
