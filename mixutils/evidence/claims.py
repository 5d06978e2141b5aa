"""A paper's claims as cells, rival and kind, and what became of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from .best import Row, Several, Side, best, name, places, rule_of
from .compare import Cells, compare, pairs
from .frame import apart, read_as
from .survival import arrival
from .unit import Unit, Units, paired, raced
from .verdict import SHOWN, Verdict, holm, said, weigh

KINDS = ("every", "most", "pooled", "equal", "inner", "slope", "rank", "steps", "measured", "illustration")
SELECTING = {"policy": "hold-out", "part": "select"}
SEEN = ["table", "row", "column", "seed", "precision", "value", "hash", "metric", "predicted", "bits", "rows", "size"]
SEEN += ["first", "last"]
Names = str | Sequence[str]
Curve = tuple[np.ndarray, np.ndarray]  # steps, values


class Evidence:
    """The claims of one paper, over its frame.

    Args:
        frame: see ``frame``. printed: published numbers, see ``printed``; None for none. curves: see ``curves``, for ``steps``.
        margin: smallest effect of interest in points.
        tasks: which pooled interval decides: "these" (what a paper claims) or "like these" (SPEC 9.3); the latter needs five.
        metric, policy, floor: read all cells differently from what their tables show, see ``read_as``.
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
    ) -> None:
        if tasks not in ("these", "like these"):
            raise ValueError(f'tasks must be "these" or "like these", not {tasks!r}')
        self.margin, self._like = margin, tasks == "like these"
        self._frame, self._rng = frame, np.random.default_rng(0)
        if curves is not None:
            chooses = curves["part"] == curves["select"].where(curves["select"] != "", curves["report"])
            curves = curves.loc[chooses, ["table", "row", "column", "metric", "hash", "step", "value"]]
        self._curves = curves
        self._reading = {"metric": metric, "policy": policy, "floor": floor}
        self._read: dict[str, Cells] = {}  # readings that were asked for
        self._printed = {} if printed is None else printed.set_index(["table", "row", "column"])["value"].to_dict()
        self._apart = {} if printed is None else apart(frame, printed)
        of_column = frame.drop_duplicates("column")[["column", "title", "task"]].to_dict("records")
        self._labels = {label["column"]: label for label in of_column}
        self._claims: dict[str, Verdict] = {}

    def diff(self, table: Names, a: Side, b: Side, *, columns: Names | None = None, name: str = "", **reading) -> Units:
        """a − b on every column that has both, paired by seed; that it is above 0 is the claim.

        Args:
            table: one table, or several ("2", "3"). a, b: a row; (table, row) for a row of another table; ``best`` or
                ``mean`` of rows.
            columns: only these; where one of them is not in the frame, its unit says so and is void. None: all that have
                both sides.
            name: of the pair, in place of "a − b".
            reading: policy, part, metric, floor in place of the cell's own, as in ``read_as``.

        Raises:
            ValueError: two sides chosen by different rules.
        """
        rule, cells, units = rule_of(a, b), self._cells(**reading), []
        selecting = self._cells(**reading | SELECTING) if rule == "hold-out" else {}
        for at in self._at(table, columns, cells, a, b):
            unit = compare(a, b, at, cells, selecting, rule, self._rng)
            rows = {self._apart[key]: None for side in (a, b) for key in places(side, *at) if key in self._apart}
            reported = {"printed": self._reported(at, a, b), "apart": "; ".join(rows)}
            units.append(replace(unit, **reported, **self._label(at, name, a, b)))
        return Units(units)

    def slope(
        self, table: Names, a: Side, b: Side, *, columns: Names | None = None, name: str = "", **reading
    ) -> Units:
        """How a − b changes with the training rows: per task and seed the least-squares slope over all sizes, in points per
        doubling. That it grows is the claim; ``-e.slope(...)`` for "larger with less data"."""
        found = read_as(self._frame, **self._reading | reading)
        found = found[found["primary"] & found["table"].isin(_several(table))].drop_duplicates("column")
        sizes = found.set_index("column")["train_rows"].to_dict()
        return self.diff(table, a, b, columns=columns, name=name, **reading).slope(sizes)

    def inner(self, table: Names, grid: Sequence[Row], *, columns: Names | None = None, **reading) -> Units:
        """An optimum inside a grid: the best inner row, chosen as in ``best(..., rule="hold-out")``, against both ends.

        Args:
            grid: rows in their order; where a column lacks some of them, its ends are the outermost that it has.
        """
        cells, out, whole = self._cells(**reading), [], Several(tuple(grid))
        for at in self._at(table, columns, cells, whole):
            have = [row for row, key in zip(grid, places(whole, *at), strict=True) if key in cells]
            if len(have) < 3:
                out.append(Unit(**self._label(at), void="fewer than three values"))
                continue
            for part, end in (("low end", have[0]), ("high end", have[-1])):
                how = {"columns": [at[1]], "name": f"best inner value − {name(end)}"} | reading
                out += self.diff(at[0], best(*have[1:-1]), end, **how).must(part)
        return Units(out)

    def steps(
        self,
        table: Names,
        a: Row,
        b: Row,
        *,
        goal: float | Mapping[str, float] = math.nan,
        share: float = 0.0,
        columns: Names | None = None,
    ) -> Units:
        """Steps until a goal is reached first, on the part that selects, by log-rank tests; that a is faster is the claim.

        Args:
            goal: in points; one number, or column -> number. share: of each run's own best value, in place of a goal.
        """
        cells, out = self._cells(), []
        for at in self._at(table, columns, cells, a, b):
            aim = goal.get(at[1], math.nan) if isinstance(goal, Mapping) else goal
            keys = [places(row, *at)[0] for row in (a, b)]
            matched, note = pairs([cells.get(key, {}) for key in keys])
            arrivals, every = [], []
            for i, key in enumerate(keys):
                found, runs = self._curves_of(key), [of_seed[i].hash for of_seed in matched.values()]
                every += runs
                known = [found[h] for h in runs if h in found and (share or not math.isnan(aim))]
                arrivals.append([arrival(x, y, share * y.max() if share else aim) for x, y in known])
            unit = raced(
                *arrivals, seeds=tuple(matched), runs=tuple(every), **self._label(at, f"{name(a)} before {name(b)}")
            )
            out.append(replace(unit, note="; ".join(filter(None, (unit.note, note)))))
        return Units(out)

    def last(self, table: str, row: str, column: str) -> float:
        """Mean of the last values of a cell's curves, in points; to say what a goal is relative to. NaN without curves."""
        found = [values[-1] for _, values in self._curves_of((table, row, column)).values()]
        return float(np.mean(found)) if found else math.nan

    def values(self, name: str, by_seed: Mapping[int, float], *, task: str = "", reported: float = math.nan) -> Units:
        """One unit from numbers of one's own, seed (or repeat) -> value; above 0 is the claim."""
        kept = {s: float(v) for s, v in sorted(by_seed.items()) if v is not None and not math.isnan(v)}
        unit = paired(list(kept), np.array(list(kept.values())), title=name, task=task or name, column=task or name)
        return Units([replace(unit, printed=reported)])

    def measured(self, name: str, numbers: float | Sequence[float], low: float, high: float) -> Units:
        """A unit for claims about a machine, not about seeds: numbers measured on one machine or several, and the range in
        which the claim puts them. Kind "measured": supported where all lie inside, contradicted where none does; no test."""
        found = [float(v) for v in np.atleast_1d(numbers) if not math.isnan(v)]
        share = float(np.mean([low <= v <= high for v in found])) if found else math.nan
        note = f"{', '.join(f'{v:.2f}' for v in found)}; claimed between {low:g} and {high:g}"
        return Units([Unit(name, task=name, mean=share, note=note, void="" if found else "nothing is measured")])

    def claim(
        self,
        key: str,
        text: str,
        units: Units | str,
        *,
        kind: str,
        own: str = "",
        margin: float | None = None,
        reported: float | None = None,
        note: str = "",
    ) -> None:
        """Add a claim.

        Args:
            units: or words, of an illustration, which is about one trained model and never a verdict.
            kind: every: on every data set. most, pooled: the mean over data sets, with signs beside. equal: no difference
                beyond the margin. inner, slope, steps, measured: of units made by those methods. rank: of a rank correlation.
                illustration.
            own: what the paper's own tables say. margin: of this claim. reported: the printed effect, where it does not
                follow from printed cells. note: added to ``why``; why there are no units.

        Raises:
            ValueError: an unknown kind, a key that is taken, or words of another kind.
        """
        if kind not in KINDS:
            raise ValueError(f"claim {key}: no kind is called {kind!r}; there are {', '.join(KINDS)}")
        if key in self._claims:
            raise ValueError(f"there are two claims {key}")
        if isinstance(units, str) != (kind == "illustration"):
            raise ValueError(f"claim {key}: words, and only words, are an illustration, not {kind!r}")
        what = {"units": Units(), "why": units} if isinstance(units, str) else {"units": units, "reported": reported}
        of = {"kind": kind, "own": own, "margin": self.margin if margin is None else margin, "note": note}
        self._claims[key] = Verdict(key=key, text=text, **of, **what)

    def verdicts(self) -> list[Verdict]:
        """Holm's correction over the claims, then the words (SPEC 9.3)."""
        weighed = [weigh(v, self._like) for v in self._claims.values()]
        corrected = holm([np.fmin(v.p_for, v.p_against) for v in weighed])
        return [said(replace(v, p_holm=p)) for v, p in zip(weighed, corrected, strict=True)]

    def table(self) -> pd.DataFrame:
        """One line per claim: what ``Verdict`` has but the units, one number a column."""
        return pd.DataFrame([v.line() for v in self.verdicts()], columns=list(SHOWN))

    def _cells(self, **reading: Any) -> Cells:
        """All cells under a reading, see ``read_as``; what it leaves open is the evidence's own."""
        asked = repr(sorted((self._reading | reading).items()))
        if asked not in self._read:
            found = read_as(self._frame, **self._reading | reading)
            cells = self._read[asked] = {}
            for x in found.loc[found["primary"], SEEN].itertuples(index=False):
                of_seed = cells.setdefault((x.table, x.row, x.column), {}).setdefault(x.seed, {})
                of_seed.setdefault(x.precision, x)
        return self._read[asked]

    def _label(self, at: tuple[str, str], pair: str = "", *sides: Side) -> dict[str, str]:
        _, column = at
        known = self._labels.get(column, {"column": column, "title": column, "task": column})
        return known | {"pair": pair or " − ".join(map(name, sides))}

    def _at(self, table: Names, columns: Names | None, cells: Cells, *sides: Side) -> list[tuple[str, str]]:
        """(table, column) of the units: those that have both sides, and wanted ones that do not."""
        tables = _several(table)
        places_of = ((t, column) for t in tables for column in self._labels)
        have = [at for at in places_of if all(cells.keys() & places(side, *at) for side in sides)]
        if columns is None:
            return have
        found = [[x for x in have if x[1] == column] or [(tables[0], column)] for column in _several(columns)]
        return [x for of_column in found for x in of_column]

    def _reported(self, at: tuple[str, str], a: Side, b: Side) -> float:
        """The printed difference; NaN where a side is not printed. The best of printed rows is the highest."""
        sides = []
        for side in (a, b):
            found = [self._printed.get(key, math.nan) for key in places(side, *at)]
            highest = isinstance(side, Several) and side.rule
            sides.append(np.fmax.reduce(found) if highest else sum(found) / len(found))
        return float(sides[0] - sides[1])

    def _curves_of(self, key: tuple[str, str, str]) -> dict[str, Curve]:
        """Hash of a run -> its curve on the selecting part, or the reported one where there is none, in the cell's metric."""
        if self._curves is None:
            raise ValueError("steps and last values need the curves: Evidence(..., curves=curves(plan, store))")
        own = (seen.metric for of_seed in self._cells().get(key, {}).values() for seen in of_seed.values())
        found = self._curves
        for column, value in zip(("table", "row", "column", "metric"), (*key, next(own, "accuracy")), strict=True):
            found = found[found[column] == value]
        return {h: (c["step"].to_numpy(), c["value"].to_numpy()) for h, c in found.groupby("hash", sort=False)}


def _several(names: Names) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)
