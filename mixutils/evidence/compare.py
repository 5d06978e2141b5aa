"""A unit from the cells of its two sides: pairs, choices, what makes it void, evaluated rows (SPEC 9.1, 9.2, 9.4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .best import Best, Chosen, Mean, Row, Side, maxima, spread
from .estimate import resolution
from .flat import FROM_BITS
from .read import Cell, Seen, pairs
from .unit import Unit, paired

CEILING = 99.0  # both sides above it are within a point of all right


def rows(side: Side) -> tuple[Row, ...]:
    return side.rows if isinstance(side, Best | Mean) else (side,)


def name(side: Side) -> str:
    """For people; the table of a row of another one is left out."""
    if isinstance(side, Best | Mean):
        kind = "best" if isinstance(side, Best) else "mean"
        return name(side.rows[0]) if len(side.rows) == 1 else f"{kind} of {', '.join(map(name, side.rows))}"
    return side if isinstance(side, str) else side[1]


@dataclass(frozen=True)
class Found:
    """A side's cells: of each of its rows the reported and the selecting reading; empty where there is none."""

    side: Side
    cells: tuple[Cell, ...]
    selecting: tuple[Cell, ...]

    @property
    def kept(self) -> list[int]:
        """Which rows have runs."""
        return [i for i, cell in enumerate(self.cells) if cell]

    @property
    def kind(self) -> str:
        several = len(self.kept) > 1
        return "best" if several and isinstance(self.side, Best) else "mean" if several else "row"

    def runs(self, seeds: dict[int, str], selecting: bool = False) -> list[list[Seen]]:
        """Runs of the kept rows in the order of the seeds (seed -> precision)."""
        source = self.selecting if selecting else self.cells
        return [[source[i][seed][precision] for seed, precision in seeds.items()] for i in self.kept]


def compare(a: Found, b: Found, rule: str, rng: np.random.Generator, draws: int) -> Unit:
    """a − b, paired by seed; ``rule`` as in ``best``. Name and column of the unit are the caller's."""
    sides = (a, b)
    if nothing := [name(f.side) for f in sides if not f.kept]:
        return Unit("", void=f"no runs of {' and '.join(nothing)}")
    choosing = rule if "best" in (a.kind, b.kind) else ""
    need = [f.cells[i] for f in sides for i in f.kept]
    if choosing == "hold-out":
        selecting = [f.selecting[i] for f in sides for i in f.kept]
        if not all(selecting):
            return Unit("", void="no part beside the reported one can choose")
        need += selecting
    seeds, mixed = pairs(need)
    left = [name(r) for f in sides for r, cell in zip(rows(f.side), f.cells, strict=True) if not cell]
    notes = [f"without {', '.join(left)}"] if left else []
    notes += [mixed] if mixed else []
    if not seeds:
        return Unit("", void="; ".join(["no pair of runs", *notes]))
    runs = [f.runs(seeds) for f in sides]
    values = [_values(r) for r in runs]
    by = [_values(f.runs(seeds, selecting=True)) for f in sides] if choosing == "hold-out" else values
    chosen = [Chosen(v, s, f.kind) for v, s, f in zip(values, by, sides, strict=True)]
    weights = [c.weights(rule) for c in chosen]
    who = [_who(f, w) for f, w in zip(sides, weights, strict=True) if f.kind == "best"]
    notes += [f"best: {', against '.join(who)}"] if who else []
    used = [_used(r, w) for r, w in zip(runs, weights, strict=True)]
    given = {"seeds": tuple(seeds), "note": "; ".join(notes), "void": void(*used)}
    least = resolution(min(x.size for x in used[0] + used[1]))
    wider = spread(*chosen) if choosing else 1.0
    if choosing != "reported":
        given |= _evaluated(runs, weights)
    unit = paired(given.pop("seeds"), chosen[0].reduced - chosen[1].reduced, least=least, spread=wider, **given)
    if choosing == "reported" and unit.n > 1:
        mean, se, null = maxima(*chosen, rng, draws)
        unit = replace(unit, mean=mean, se=se, null=null)
    return unit


def void(a: Sequence[Seen], b: Sequence[Seen]) -> str:
    """Why a comparison of these runs says nothing, or "" (SPEC 9.2)."""
    if [x.hash for x in a] == [x.hash for x in b]:
        return "a method compared with itself"
    if any(sum(x.predicted == 1 for x in side) > len(side) / 2 for side in (a, b)):
        return "more than half of the runs of a side predict one class"
    if all(np.mean([x.value for x in side]) > CEILING for side in (a, b)):
        return "both sides are within a point of 100 %"
    return ""


def _used(runs: list[list[Seen]], weights: np.ndarray) -> list[Seen]:
    """The runs that have a share in a side's number, seed by seed."""
    return [row[s] for s, shares in enumerate(weights.T.tolist()) for row, w in zip(runs, shares, strict=True) if w]


def _values(runs: list[list[Seen]]) -> np.ndarray:
    return np.array([[x.value for x in row] for row in runs])


def _who(found: Found, weights: np.ndarray) -> str:
    names = [name(rows(found.side)[found.kept[i]]) for i in weights.argmax(0)]
    counted = Counter(names).most_common()
    return ", ".join(n if len(counted) == 1 else f"{n} ({k} of {len(names)} seeds)" for n, k in counted)


def _evaluated(runs: list[list[list[Seen]]], weights: list[np.ndarray]) -> dict:
    """What the bits say: fields ``rows`` or ``rows_variance`` of the unit, or nothing where bits are missing or pairs have
    different rows."""
    seen = [x for side in runs for row in side for x in row]
    if any(not x.bits or not x.rows or x.metric not in FROM_BITS for x in seen):
        return {}
    by_seed = [{row[s].rows for side in runs for row in side} for s in range(len(runs[0][0]))]
    if any(len(digests) > 1 for digests in by_seed):
        return {}
    if len(set.union(*by_seed)) > 1:
        return {"rows_variance": 0.0}
    sides = []
    for side, w in zip(runs, weights, strict=True):
        right = [
            [100.0 * _bits(x) * share for x, share in zip(row, ws, strict=True)]
            for row, ws in zip(side, w, strict=True)
        ]
        sides.append(np.sum(right, axis=0))
    return {"rows": (by_seed[0].pop(), sides[0] - sides[1])}


def _bits(x: Seen) -> np.ndarray:
    return np.unpackbits(np.frombuffer(bytes.fromhex(x.bits), np.uint8), count=x.size)
