"""Claims as data: what a paper says, how it is tested, unit by unit, and the verdict (SPEC 1.6)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from ..records import Records
from ..stats import CONFIRMED, CONTRADICTED, UNDECIDED, Comparison, compare, corrected
from .base import Cell, Plan, Reading

NOT_TESTED = "not tested"
Series = Mapping[int, float]  # seed -> value


@dataclass(frozen=True)
class Unit:
    """One test of a claim, usually one data set.

    Attributes:
        name: the data set. comparison: the test, or None for a measured number without one. sign: of the claim.
        verdict: about this unit. note: in words, where numbers need them.
        aside: shown for comparison; it has no part in the claim's verdict, counts and Holm correction.
    """

    name: str
    comparison: Comparison | None
    sign: int
    verdict: str
    note: str = ""
    aside: bool = False


@dataclass(frozen=True)
class Claim:
    """A claim and what became of it.

    Attributes:
        key: as in the SPEC. text: the claim. test: how it is decided. own: what the paper's own tables say.
        units: the tests. verdict: over all units. note: why, where it is not tested.
    """

    key: str
    text: str
    test: str
    own: str
    units: tuple[Unit, ...]
    verdict: str
    note: str = ""

    @property
    def counts(self) -> dict[str, int]:
        """Units per verdict, without those shown aside."""
        found = Counter(u.verdict for u in self.units if not u.aside)
        return {v: found[v] for v in (CONFIRMED, CONTRADICTED, UNDECIDED, NOT_TESTED) if found[v]}

    @property
    def count(self) -> str:
        """The same in words: "2 confirmed, 3 undecided"."""
        return ", ".join(f"{n} {verdict}" for verdict, n in self.counts.items())


def decide(key: str, text: str, test: str, own: str, units: Sequence[Unit], note: str = "") -> Claim:
    """A claim from its units; Holm's correction runs over them.

    The verdict over all tested units is *confirmed* if every one is, *contradicted* if one is contradicted and none
    confirmed, *mixed* if some are confirmed and some contradicted, *undecided* otherwise.
    """
    tested = [i for i, u in enumerate(units) if u.comparison is not None and u.comparison.n and not u.aside]
    units = list(units)
    for i, p in zip(tested, corrected([units[i].comparison for i in tested]), strict=True):
        units[i] = replace(units[i], comparison=replace(units[i].comparison, p_holm=p))
    seen = {u.verdict for u in units if not u.aside} - {NOT_TESTED}
    if not seen:
        verdict = NOT_TESTED
        note = note or ("no seed has all the runs that a test needs" if units else "no data for any unit")
    elif seen == {CONFIRMED}:
        verdict = CONFIRMED
    elif {CONFIRMED, CONTRADICTED} <= seen:
        verdict = "mixed"
    elif CONTRADICTED in seen:
        verdict = CONTRADICTED
    else:
        verdict = UNDECIDED
    return Claim(key, text, test, own, tuple(units), verdict, note)


def unit(name: str, left: Series, right: Series, sign: int = 1, note: str = "", aside: bool = False) -> Unit:
    """The test that left - right has this sign, paired by seed."""
    result = compare(left, right)
    if not result.n:
        return Unit(name, result, sign, NOT_TESTED, note or "runs are missing", aside)
    return Unit(name, result, sign, result.verdict(sign), note, aside)


def mean_of(series: Sequence[Series]) -> dict[int, float]:
    """Mean over cells, seed by seed, for seeds that all of them have."""
    if not series:
        return {}
    seeds = set.intersection(*(set(s) for s in series))
    return {seed: sum(s[seed] for s in series) / len(series) for seed in sorted(seeds)}


def minus(left: Series, right: Series) -> dict[int, float]:
    """left - right, seed by seed."""
    return {seed: left[seed] - right[seed] for seed in sorted(set(left) & set(right))}


def best_of(named: Mapping[str, Series]) -> tuple[str, Series]:
    """The series with the highest mean over the seeds that all have, and its name; ("", {}) if there is no such seed."""
    seeds = set.intersection(*(set(s) for s in named.values())) if named else set()
    if not seeds:
        return "", {}
    name = max(named, key=lambda k: sum(named[k][seed] for seed in seeds))
    return name, {seed: named[name][seed] for seed in sorted(seeds)}


def reader(
    plan: Plan, store: Records, change: Callable[[Reading], Reading] | None = None
) -> Callable[[str, str, str], dict[int, float]]:
    """A function (table, row, column) -> series; empty where the plan has no such cell or nothing is done yet."""

    def read(table: str, row: str, column: str) -> dict[int, float]:
        cell: Cell | None = plan.cell(table, row, column)
        return {} if cell is None else cell.values(store, change(cell.reading) if change else None)

    return read


def measured(name: str, value: float, low: float, high: float, note: str) -> Unit:
    """A unit without seeds to test over: confirmed if the number lies in [low, high]."""
    if math.isnan(value):
        return Unit(name, None, 1, NOT_TESTED, note)
    return Unit(name, None, 1, CONFIRMED if low <= value <= high else CONTRADICTED, note)
