"""A unit from the cells of its two sides: pairs, choices, what makes it void, evaluated rows (SPEC 9.1, 9.2, 9.4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from .best import Chosen, Several, Side, maxima, name, places, spread
from .estimate import resolution
from .frame import FROM_BITS
from .unit import Unit, paired

CEILING = 99.0  # both sides above it are within a point of all right
Seen = Any  # one run under one reading: a row of ``frame``
Cell = dict[int, dict[str, Seen]]  # seed -> precision -> run
Cells = Mapping[tuple[str, str, str], Cell]  # (table, row, column) -> cell


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


def compare(
    a: Side, b: Side, at: tuple[str, str], cells: Cells, selecting: Cells, rule: str, rng: np.random.Generator
) -> Unit:
    """a − b, paired by seed. The unit's labels are the caller's.

    Args:
        at: table and column. cells, selecting: all cells, and the same on the part that selects. rule: as in ``best``.
    """
    keys = [places(side, *at) for side in (a, b)]
    kept = [[key for key in of_side if key in cells] for of_side in keys]
    if nothing := [name(side) for side, have in zip((a, b), kept, strict=True) if not have]:
        return Unit(void=f"no runs of {' and '.join(nothing)}")
    chooses = [isinstance(s, Several) and bool(s.rule) and len(have) > 1 for s, have in zip((a, b), kept, strict=True)]
    rule, every = rule if any(chooses) else "", kept[0] + kept[1]
    need = [cells[key] for key in every]
    if rule == "hold-out":
        need += [selecting.get(key, {}) for key in every]
    if not all(need):
        return Unit(void="no part beside the reported one can choose")
    matched, mixed = pairs(need)
    left = ", ".join(row for of_side in keys for _, row, column in of_side if (_, row, column) not in cells)
    notes = [note for note in (left and f"without {left}", mixed) if note]
    if not matched:
        return Unit(void="; ".join(["no pair of runs", *notes]))
    runs = list(zip(*matched.values(), strict=True))  # rows by seeds: a's, b's, and the same of the selecting part
    k, n = len(kept[0]), len(every)
    values = np.array([[x.value for x in row] for row in runs])
    by = values[-n:]
    chosen = Chosen(values[:k], by[:k], chooses[0]), Chosen(values[k:n], by[k:], chooses[1])
    parts = [(runs[:k], chosen[0].weights(rule)), (runs[k:n], chosen[1].weights(rule))]
    who = [_who(have, w) for have, chose, (_, w) in zip(kept, chooses, parts, strict=True) if chose]
    notes += [f"best: {', against '.join(who)}"] if who else []
    used = [_used(*part) for part in parts]
    given = {"note": "; ".join(notes), "void": void(*used), "spread": spread(*chosen) if rule else 1.0}
    given["runs"] = tuple(dict.fromkeys(x.hash for row in runs[:n] for x in row))
    given |= {"least": resolution(min(x.size for x in used[0] + used[1]))}
    if rule != "reported":
        given |= _evaluated(*parts)
    unit = paired(list(matched), chosen[0].reduced - chosen[1].reduced, **given)
    if rule == "reported" and unit.n > 1:
        difference, se, null = maxima(*chosen, rng)
        unit = replace(unit, mean=difference, se=se, null=null)
    return unit


def void(a: Sequence[Seen], b: Sequence[Seen]) -> str:
    """Why a comparison of these runs says nothing, or "" (SPEC 9.2)."""
    if [x.hash for x in a] == [x.hash for x in b]:
        return "a method compared with itself"
    return says_nothing(*([(x.predicted, x.value) for x in side] for side in (a, b)))


def says_nothing(*sides: Sequence[tuple[float, float]]) -> str:
    """Why runs with these numbers of predicted classes and these results tell no methods apart, or "" (SPEC 9.2)."""
    found = [np.array(side, dtype=float).T for side in sides]
    if any((predicted == 1).mean() > 0.5 for predicted, _ in found):
        return "more than half of the runs of a side predict one class"
    return "both sides are within a point of 100 %" if all(value.mean() > CEILING for _, value in found) else ""


def _used(runs: Sequence[Sequence[Seen]], shares: np.ndarray) -> list[Seen]:
    """The runs that have a share in a side's number, seed by seed."""
    return [row[s] for s, of_seed in enumerate(shares.T.tolist()) for row, w in zip(runs, of_seed, strict=True) if w]


def _who(keys: Sequence[tuple[str, str, str]], shares: np.ndarray) -> str:
    rows = [keys[i][1] for i in shares.argmax(0)]
    counted = Counter(rows).most_common()
    return ", ".join(row if len(counted) == 1 else f"{row} ({k} of {len(rows)} seeds)" for row, k in counted)


def _evaluated(*sides: tuple[Sequence[Sequence[Seen]], np.ndarray]) -> dict:
    """What the bits say: fields ``rows`` or ``rows_variance`` of the unit, or nothing where bits are missing or pairs have
    different rows.

    Args:
        sides: of each its runs, rows by seeds, and their shares in its number.
    """
    runs = [row for side, _ in sides for row in side]
    if any(not x.bits or not x.rows or x.metric not in FROM_BITS for row in runs for x in row):
        return {}
    by_seed = [{x.rows for x in of_seed} for of_seed in zip(*runs, strict=True)]
    if any(len(digests) > 1 for digests in by_seed):
        return {}
    if len(set.union(*by_seed)) > 1:
        return {"rows_variance": 0.0}
    numbers = []
    for side, shares in sides:
        bits = [
            [np.unpackbits(np.frombuffer(bytes.fromhex(x.bits), np.uint8), count=x.size) for x in row] for row in side
        ]
        numbers.append(100 * np.einsum("rn,rnk->nk", shares, np.array(bits, dtype=float)))
    return {"rows": (by_seed[0].pop(), numbers[0] - numbers[1])}
