"""A unit from the cells of its two sides: pairs, choices, what makes it void, evaluated rows (SPEC 9.1, 9.2, 9.4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from .best import Chosen, Several, Side, maxima, name, place, rows, spread
from .estimate import resolution
from .flat import FROM_BITS
from .unit import Unit, paired

CEILING = 99.0  # both sides above it are within a point of all right


class Seen(NamedTuple):
    """One run under one reading; as in ``frame``."""

    value: float
    hash: str
    metric: str
    predicted: float
    bits: str
    rows: str
    size: int
    first: int
    last: int


Key = tuple[str, str, str]  # table, row, column
Cell = dict[int, dict[str, Seen]]  # seed -> precision -> run


def pairs(cells: Sequence[Cell]) -> tuple[dict[int, list[Seen]], str]:
    """Seed -> a run of every cell, in one precision and of comparable generations; a note on what is left out or mixed."""
    out, precisions, apart = {}, Counter(), 0
    for seed in sorted(set.intersection(*map(set, cells))) if cells else ():
        shared = sorted(set.intersection(*(set(c[seed]) for c in cells)))
        sets = {p: [c[seed][p] for c in cells] for p in shared}
        fits = [p for p, runs in sets.items() if max(x.first for x in runs) <= min(x.last for x in runs)]
        if fits:
            out[seed] = sets[fits[0]]
            precisions[fits[0]] += 1
        apart += not fits
    notes = [f"{apart} seed{'s'[: apart != 1]} left out: runs of different precision or generation"] if apart else []
    if len(precisions) > 1:
        notes.append("seeds in " + ", ".join(f"{p} ({k})" for p, k in sorted(precisions.items())))
    return out, "; ".join(notes)


@dataclass(frozen=True)
class Found:
    """A side's rows that have runs.

    Attributes:
        names, cells, selecting: of each row its name, its runs, and the same on the selecting part, empty where there are
            none. left: names of the rows without runs.
    """

    side: Side
    names: list[str]
    cells: list[Cell]
    selecting: list[Cell]
    left: list[str]

    @property
    def kind(self) -> str:
        several = isinstance(self.side, Several) and len(self.cells) > 1
        return "best" if several and self.side.rule else "mean"


def find(side: Side, table: str, column: str, cells: dict[Key, Cell], selecting: dict[Key, Cell]) -> Found:
    """A side on one column of a table."""
    keys = [(*place(row, table), column) for row in rows(side)]
    kept = [key for key in keys if key in cells]
    names, left = [row for _, row, _ in kept], [key[1] for key in keys if key not in cells]
    return Found(side, names, [cells[key] for key in kept], [selecting.get(key, {}) for key in kept], left)


def compare(a: Found, b: Found, rule: str, rng: np.random.Generator, draws: int) -> Unit:
    """a − b, paired by seed; ``rule`` as in ``best``. The unit's labels are the caller's."""
    if nothing := [name(side.side) for side in (a, b) if not side.cells]:
        return Unit(void=f"no runs of {' and '.join(nothing)}")
    rule = rule if "best" in (a.kind, b.kind) else ""
    need = [*a.cells, *b.cells, *(a.selecting + b.selecting if rule == "hold-out" else ())]
    if not all(need):
        return Unit(void="no part beside the reported one can choose")
    matched, mixed = pairs(need)
    left = ", ".join(a.left + b.left)
    notes = [note for note in (left and f"without {left}", mixed) if note]
    if not matched:
        return Unit(void="; ".join(["no pair of runs", *notes]))
    runs = list(zip(*matched.values(), strict=True))  # rows by seeds: a's, b's, and the selecting part's
    k, n = len(a.cells), len(a.cells) + len(b.cells)
    values = np.array([[x.value for x in row] for row in runs])
    by = values[-n:]
    chosen = Chosen(values[:k], by[:k], a.kind), Chosen(values[k:n], by[k:], b.kind)
    parts = [(runs[:k], chosen[0].weights(rule)), (runs[k:n], chosen[1].weights(rule))]
    who = [_who(side.names, w) for side, (_, w) in zip((a, b), parts, strict=True) if side.kind == "best"]
    notes += [f"best: {', against '.join(who)}"] if who else []
    used = [_used(*part) for part in parts]
    given = {"note": "; ".join(notes), "void": void(*used), "spread": spread(*chosen) if rule else 1.0}
    given |= {"least": resolution(min(x.size for x in used[0] + used[1]))}
    if rule != "reported":
        given |= _evaluated(*parts)
    unit = paired(list(matched), chosen[0].reduced - chosen[1].reduced, **given)
    if rule == "reported" and unit.n > 1:
        difference, se, null = maxima(*chosen, rng, draws)
        unit = replace(unit, mean=difference, se=se, null=null)
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


def _used(runs: Sequence[Sequence[Seen]], shares: np.ndarray) -> list[Seen]:
    """The runs that have a share in a side's number, seed by seed."""
    return [row[s] for s, of_seed in enumerate(shares.T.tolist()) for row, w in zip(runs, of_seed, strict=True) if w]


def _who(names: Sequence[str], shares: np.ndarray) -> str:
    seeds = [names[i] for i in shares.argmax(0)]
    counted = Counter(seeds).most_common()
    return ", ".join(n if len(counted) == 1 else f"{n} ({k} of {len(seeds)} seeds)" for n, k in counted)


def _evaluated(*sides: tuple[Sequence[Sequence[Seen]], np.ndarray]) -> dict:
    """What the bits say: fields ``rows`` or ``rows_variance`` of the unit, or nothing where bits are missing or pairs have
    different rows.

    Args:
        sides: of each its runs, rows by seeds, and their shares in its number.
    """
    runs = [row for side, _ in sides for row in side]
    if any(not x.bits or not x.rows or x.metric not in FROM_BITS for row in runs for x in row):
        return {}
    by_seed = [{x.rows for x in at_seed} for at_seed in zip(*runs, strict=True)]
    if any(len(digests) > 1 for digests in by_seed):
        return {}
    if len(set.union(*by_seed)) > 1:
        return {"rows_variance": 0.0}
    right = [np.einsum("rn,rnk->nk", w, [[100.0 * _bits(x) for x in row] for row in side]) for side, w in sides]
    return {"rows": (by_seed[0].pop(), right[0] - right[1])}


def _bits(x: Seen) -> np.ndarray:
    return np.unpackbits(np.frombuffer(bytes.fromhex(x.bits), np.uint8), count=x.size)
