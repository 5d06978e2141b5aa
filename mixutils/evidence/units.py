"""Lists of units, and what can be calculated with them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from .unit import Unit, combine


class Units(tuple[Unit, ...]):
    """Units of a claim.

    ``x + y``: the units of both. ``-x``: turned round. ``x - y``: differences of differences, paired by seed; units with
    the same column go together, or, where no column is in both, the first with the first and so on. ``x.mean(name)``: one
    unit, the mean over all units that count, seed by seed. ``x.shift(points)``: moved by a constant, for "at most a point
    worse".
    """

    def __add__(self, other: Units) -> Units:
        return Units((*self, *other))

    def __neg__(self) -> Units:
        turned = []
        for u in self:
            numbers = {"differences": -u.differences, "mean": -u.mean, "printed": -u.printed}
            numbers |= {"rows": u.rows and (u.rows[0], -u.rows[1]), "null": None if u.null is None else -u.null}
            logrank = u.logrank and replace(u.logrank, of_a=~u.logrank.of_a)
            turned.append(replace(u, **numbers, logrank=logrank, pair=f"−({u.pair})" if u.pair else ""))
        return Units(turned)

    def __sub__(self, other: Units) -> Units:
        theirs, out = {u.column: u for u in other}, []
        pairs = [(u, theirs[u.column]) for u in self if u.column in theirs]
        for a, b in pairs or zip(self, other, strict=False):
            rival = b.pair if a.title == b.title else b.name
            pair = f"({a.pair}) − ({rival})" if a.pair != b.pair else f"{a.pair}, against {b.title}"
            out.append(combine((a, b), (1, -1), title=a.title, pair=pair, column=a.column, task=a.task))
        return Units(out)

    def mean(self, name: str) -> Units:
        """One unit, the mean over all that count, seed by seed."""
        found = [u for u in self if not u.void]
        pairs = {u.pair for u in found or self}
        labels = {"title": name, "pair": pairs.pop() if len(pairs) == 1 else ""}
        if not found:
            why = "; ".join(dict.fromkeys(u.void for u in self)) or "no data set has both sides"
            return Units([Unit(**labels, void=why)])
        printed = [u.printed for u in found if not math.isnan(u.printed)]
        labels |= {"column": name, "task": ", ".join(dict.fromkeys(u.task for u in found))}
        labels |= {"printed": sum(printed) / len(printed) if printed else math.nan}
        unit = combine(found, [1 / len(found)] * len(found), **labels)
        left = [f"without {u.title} ({u.void})" for u in self if u.void]
        return Units([replace(unit, note="; ".join(filter(None, (unit.note, *left))))])

    def slope(self, sizes: Mapping[str, float]) -> Units:
        """One unit per data set: how its units change with the size of their column (column -> size), in points per
        doubling, by least squares over all sizes; none where there is only one."""
        out = []
        for task in dict.fromkeys(u.task for u in self):
            units = [u for u in self if u.task == task and u.n and sizes[u.column]]
            x = np.log2([sizes[u.column] for u in units])
            if len(set(x)) < 2:
                continue
            weights = (x - x.mean()) / ((x - x.mean()) ** 2).sum()
            labels = {"title": units[0].title.rsplit(", ", 1)[0], "column": ", ".join(u.column for u in units)}
            labels |= {"pair": f"slope of {units[0].pair}, points per doubling", "task": task, "printed": math.nan}
            unit = combine(units, weights, **labels)
            over = f"over {', '.join(f'{2**v:,.0f}' for v in sorted(x))} training rows"
            out.append(replace(unit, note="; ".join(filter(None, (over, unit.note)))))
        return Units(out)

    def shift(self, points: float) -> Units:
        """Moved by a constant; what is printed moves with it."""
        if any(u.logrank is not None for u in self):
            raise ValueError("log-rank tests have no differences by seed to calculate with")
        moved = []
        for u in self:
            numbers = {name: getattr(u, name) + points for name in ("differences", "mean", "printed")}
            pair = f"{u.pair} {'+' if points >= 0 else '−'} {abs(points):g}"
            moved.append(replace(u, **numbers, rows=u.rows and (u.rows[0], u.rows[1] + points), null=None, pair=pair))
        return Units(moved)

    def mark(self, void: Mapping[str, str] | str) -> Units:
        """Make units void for a reason of the caller's own: they are shown, and not counted.

        Args:
            void: why, for all; or column -> why, where a slope has the columns of all its sizes.
        """
        if isinstance(void, str):
            return Units(replace(u, void=u.void or void) for u in self)
        why = [next((void[c] for c in u.column.split(", ") if c in void), "") for u in self]
        return Units(replace(u, void=u.void or w) for u, w in zip(self, why, strict=True))

    def printed_as(self, other: Units) -> Units:
        """With the printed effects of other units, one by one."""
        return Units(replace(u, printed=o.printed) for u, o in zip(self, other, strict=True))

    def must(self, part: str) -> Units:
        """One of several parts of a claim, under this name: each part must hold in the mean over its units, and each can
        contradict the claim."""
        return Units(replace(u, part=part) for u in self)
