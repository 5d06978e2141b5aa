"""A paper's claims as cells, rival and kind, and what became of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from . import read, words
from .best import Best, Mean, Row, Side, rule_of
from .compare import Found, compare, rows
from .compare import name as side_name
from .read import Reader
from .survival import LogRank
from .units import Unit, Units, combine, paired
from .verdict import SHOWN, Verdict
from .words import Weighed

KINDS = ("every", "most", "pooled", "equal", "inner", "slope", "steps", "measured", "illustration")
SELECTING = {"policy": "hold-out", "part": "select"}
Columns = str | Sequence[str] | None
Tables = str | Sequence[str]
Goal = float | Mapping[str, float] | Callable[[str, int], float]


@dataclass(frozen=True)
class Illustration:
    """A number about one trained model, in words; never a verdict."""

    value: float
    words: str


class Evidence:
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
        self.margin, self._like, self._draws = margin, tasks == "like these", draws
        self._reading = {"metric": metric, "policy": policy, "floor": floor}
        self._reader, self._curves, self._by_cell = Reader(frame), curves, None
        self._rng = np.random.default_rng(seed)
        self._printed = {} if printed is None else printed.set_index(["table", "row", "column"])["value"].to_dict()
        self._claims: dict[str, dict[str, Any]] = {}

    def diff(self, table: Tables, a: Side, b: Side, *, columns: Columns = None, name: str = "", **reading) -> Units:
        """a − b on every column that has both, paired by seed; that it is above 0 is the claim.

        Args:
            table: one table, or several ("2", "3"). a, b: a row; (table, row) for a row of another table; ``best`` or
                ``mean`` of rows.
            columns: only these; where one of them is not in the frame, its unit says so and is void. None: all that have
                both sides.
            name: of the pair, in place of "a − b".
            reading: policy, part, metric, floor in place of the cell's own. Policy "hold-out" is the checkpoint that the
                selecting part chooses.

        Raises:
            ValueError: two sides chosen by different rules.
        """
        rule, reading = rule_of(a, b), self._reading | reading
        cells = self._reader.cells(reading)
        selecting = self._reader.cells(reading | SELECTING) if rule == "hold-out" else cells
        units = []
        for at, column in self._columns(table, columns, cells, a, b):
            sides = [self._found(side, at, column, cells, selecting) for side in (a, b)]
            unit = compare(*sides, rule, self._rng, self._draws)
            labels = self._labels(column) | {"pair": name or f"{side_name(a)} − {side_name(b)}"}
            units.append(replace(unit, printed=self._reported(at, column, a, b), **labels))
        return Units(units)

    def slope(
        self,
        table: Tables,
        a: Side,
        b: Side,
        *,
        columns: Columns | Mapping[str, float] = None,
        name: str = "",
        **reading,
    ) -> Units:
        """How a − b changes with the training rows: per task and seed the least-squares slope over all sizes, in points per
        doubling. That it grows is the claim; ``-e.slope(...)`` for "larger with less data".

        Args:
            columns: which; a mapping gives the size of each, else it is the frame's ``train_rows``.
        """
        given = columns if isinstance(columns, Mapping) else {}
        found = self.diff(table, a, b, columns=list(given) or columns, name=name, **reading)
        tables = _several(table)
        size = {u.column: given.get(u.column) or self._reader.size(tables, u.column) for u in found}
        out = []
        for task in dict.fromkeys(u.task for u in found):
            units = [u for u in found if u.task == task and u.n and size[u.column]]
            x = np.log2([size[u.column] for u in units])
            if len(set(x)) < 2:
                continue
            weights = (x - x.mean()) / ((x - x.mean()) ** 2).sum()
            sizes = ", ".join(f"{2**v:,.0f}" for v in sorted(x))
            unit = combine(
                units,
                weights,
                title=units[0].title.rsplit(", ", 1)[0],
                pair=f"slope of {units[0].pair}, points per doubling",
                column=task,
                task=task,
                printed=math.nan,
            )
            out.append(replace(unit, note="; ".join(filter(None, (f"over {sizes} training rows", unit.note)))))
        return Units(out)

    def inner(self, table: Tables, grid: Sequence[Row], *, columns: Columns = None, name: str = "", **reading) -> Units:
        """An optimum inside a grid: the best inner row, chosen as in ``best(..., rule="hold-out")``, against both ends.

        Args:
            grid: rows in their order; where a column lacks some of them, its ends are the outermost that it has.
        """
        cells, out = self._reader.cells(self._reading | reading), []
        for at, column in self._columns(table, columns, cells, Mean(tuple(grid)), Mean(tuple(grid))):
            have = [row for row in grid if (*_at(row, at), column) in cells]
            if len(have) < 3:
                out.append(Unit(void="fewer than three values", **self._labels(column)))
                continue
            for part, end in (("low end", have[0]), ("high end", have[-1])):
                pair = name or f"best inner value − {side_name(end)}"
                units = self.diff(at, Best(tuple(have[1:-1]), "hold-out"), end, columns=[column], name=pair, **reading)
                out += [replace(u, part=part) for u in units]
        return Units(out)

    def steps(
        self,
        table: Tables,
        a: Row,
        b: Row,
        *,
        goal: Goal | None = None,
        share: float | None = None,
        columns: Columns = None,
        name: str = "",
        part: str | None = None,
        metric: str | None = None,
    ) -> Units:
        """Steps until a goal is reached first, by log-rank tests; that a is faster is the claim.

        Args:
            goal: in points; one number, column -> number, or a function of column and seed. share: in place of a goal, this
                share of each run's own best value.
            part: of the curve; None: the selecting part, or the reported one where there is none.

        Raises:
            ValueError: not one of goal and share.
        """
        if (goal is None) == (share is None):
            raise ValueError("steps needs either a goal in points or a share of each run's own best value")
        cells, out = self._reader.cells(self._reading), []
        for at, column in self._columns(table, columns, cells, a, b):
            sides = [cells.get((*_at(row, at), column), {}) for row in (a, b)]
            seeds, note = read.pairs(sides)
            runs = []
            for row, cell, of_a in zip((a, b), sides, (True, False), strict=True):
                curve = self._curve(*_at(row, at), column, part, metric)
                for seed, precision in seeds.items():
                    steps, values = curve.get(cell[seed][precision].hash, (np.empty(0), np.empty(0)))
                    aim = share * values.max() if share and len(values) else _goal(goal, column, seed)
                    there = np.flatnonzero(values >= aim - 1e-9)
                    if len(steps) and not math.isnan(aim):
                        time = steps[there[0]] if len(there) else steps[-1]
                        runs.append((time, len(there) > 0, len(there) > 0 and there[0] == 0, of_a))
            pair = name or f"{side_name(a)} before {side_name(b)}"
            unit = Unit(pair=pair, seeds=tuple(seeds), **self._labels(column))
            if len(runs) < 6:
                out.append(replace(unit, void="fewer than three runs a side with a curve and a goal"))
                continue
            test = LogRank(*(np.array(x) for x in zip(*runs, strict=True)))
            observed, variance = test.excess()
            ratio = observed / variance if variance > 0 else math.nan
            se = 1 / math.sqrt(variance) if variance > 0 else math.nan
            note = "; ".join(filter(None, (test.words(), note)))
            out.append(replace(unit, logrank=test, void=test.void, note=note, mean=ratio, se=se, df=math.inf))
        return Units(out)

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

    def chosen(self, table: Tables, rows: Sequence[Row], column: str, **reading) -> str:
        """The row with the highest mean on the selecting part, over the seeds that all have; "" where there is none."""
        cells = self._reader.cells(self._reading | reading | SELECTING)
        found = {row: cells[key] for t in _several(table) for row in rows if (key := (*_at(row, t), column)) in cells}
        seeds, _ = read.pairs(list(found.values()))
        means = {row: sum(c[s][p].value for s, p in seeds.items()) for row, c in found.items()} if seeds else {}
        return side_name(max(means, key=means.get)) if means else ""

    def last(self, table: str, row: str, column: str, *, part: str | None = None, metric: str | None = None) -> float:
        """Mean of the last values of a cell's curves, in points; to say what a goal is relative to. NaN without curves."""
        found = [values[-1] for _, values in self._curve(table, row, column, part, metric).values()]
        return float(np.mean(found)) if found else math.nan

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
        tested = {
            key: words.weigh(c["units"], c["kind"], c["margin"], self._like)
            for key, c in self._claims.items()
            if c["kind"] not in ("illustration", "measured")
        }
        corrected = words.holm([np.fmin(w.p_for, w.p_against) for w in tested.values()])
        holm = dict(zip(tested, corrected, strict=True))
        return [_verdict(key, c, tested.get(key), holm.get(key, math.nan)) for key, c in self._claims.items()]

    def table(self) -> pd.DataFrame:
        """One line per claim: everything of ``Verdict`` but the units."""
        return pd.DataFrame([{name: getattr(v, name) for name in SHOWN} for v in self.verdicts()], columns=list(SHOWN))

    # ------------------------------------------------------------------------------------------------------------------

    def _labels(self, column: str) -> dict[str, str]:
        of = self._reader
        return {"title": of.titles.get(column, column), "column": column, "task": of.tasks.get(column, column)}

    def _columns(self, table: Tables, columns: Columns, cells, a: Side, b: Side) -> list[tuple[str, str]]:
        """(table, column) of the units: those that have both sides, and wanted ones that do not."""
        tables = _several(table)
        have = [
            (t, column)
            for t in tables
            for column in self._reader.titles
            if all(any((*_at(row, t), column) in cells for row in rows(side)) for side in (a, b))
        ]
        if columns is None:
            return have
        wanted = _several(columns)
        found = {column: [x for x in have if x[1] == column] or [(tables[0], column)] for column in wanted}
        return [x for column in wanted for x in found[column]]

    def _found(self, side: Side, table: str, column: str, cells, selecting) -> Found:
        keys = [(*_at(row, table), column) for row in rows(side)]
        return Found(side, tuple(cells.get(k, {}) for k in keys), tuple(selecting.get(k, {}) for k in keys))

    def _reported(self, table: str, column: str, a: Side, b: Side) -> float:
        """The printed difference; NaN where a side is not printed. The best of printed rows is the highest."""
        sides = []
        for side in (a, b):
            found = [self._printed.get((*_at(row, table), column), math.nan) for row in rows(side)]
            known = [v for v in found if not math.isnan(v)]
            sides.append(math.nan if not known else max(known) if isinstance(side, Best) else sum(found) / len(found))
        return sides[0] - sides[1]

    def _curve(self, table: str, row: str, column: str, part: str | None, metric: Any) -> dict[str, tuple]:
        """Hash of a run -> its steps and values."""
        if self._curves is None:
            raise ValueError("steps and last values need the curves: Evidence(..., curves=curves(plan, store))")
        if self._by_cell is None:
            self._by_cell = self._curves.groupby(["table", "row", "column"], sort=False).indices
        found = self._curves.iloc[self._by_cell.get((table, row, column), [])]
        metric = metric or self._reader.metric(self._reading["metric"], column) or self._reader.own_metric(column)
        part_of = found["select"].where(found["select"] != "", found["report"]) if part is None else part
        found = found[(found["part"] == part_of) & (found["metric"] == metric)]
        return {h: (c["step"].to_numpy(), c["value"].to_numpy()) for h, c in found.groupby("hash", sort=False)}


def _several(names: str | Sequence[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)


def _at(row: Row, table: str) -> tuple[str, str]:
    return (table, row) if isinstance(row, str) else row


def _goal(goal: Goal, column: str, seed: int) -> float:
    if callable(goal):
        return goal(column, seed)
    return goal.get(column, math.nan) if isinstance(goal, Mapping) else goal


def _verdict(key: str, claim: dict[str, Any], weighed: Weighed | None, p_holm: float) -> Verdict:
    given = claim["units"]
    units = Units() if isinstance(given, Illustration) else given
    printed = [u.printed for u in units if u.counts and not math.isnan(u.printed)]
    reported = claim["reported"]
    if reported is None:
        reported = sum(printed) / len(printed) if printed else math.nan
    w = weighed or Weighed()
    if isinstance(given, Illustration):
        word, why = "illustration", given.words
    elif claim["kind"] == "illustration":
        word, why = "illustration", "; ".join(f"{u.name} {u.mean:.2f}" for u in units)
    elif claim["kind"] == "measured":
        word, why = words.measured(units)
    elif not w.tested:
        word, why = "not tested", words.untested(units)
    else:
        word, why = words.word(w, claim["kind"], p_holm, reported)
    used = [u for group in w.used for u in group]
    return Verdict(
        key,
        claim["text"],
        claim["kind"],
        claim["own"],
        word,
        "; ".join(filter(None, (why, claim["note"]))),
        units,
        w.pooled,
        w.interval if w.tested else "",
        w.covers,
        w.these.triple,
        w.like.triple,
        len(w.used),
        len(used),
        len(units) - len(used),
        (min((u.n for u in used), default=0), max((u.n for u in used), default=0)),
        w.p_for,
        w.p_against,
        p_holm,
        reported,
        len(printed),
        sum(u.mean > 0 for u in used),
        w.heterogeneity,
        w.without_one,
        claim["margin"],
    )
