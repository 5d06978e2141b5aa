"""A paper's claims as cells, rival and kind, and what became of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from .best import Row, Side
from .units import Units
from .verdict import Verdict

KINDS = ("every", "most", "pooled", "equal", "inner", "slope", "steps", "illustration")
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
        tasks: which pooled interval decides: "these" (what a paper claims) or "like these" (SPEC 9.3).
        metric, policy, floor: read all cells differently from what their tables show, see ``diff``.
        seed: of permutations.
    """

    def __init__(
        self,
        frame: pd.DataFrame,
        printed: pd.DataFrame | None = None,
        *,
        curves: pd.DataFrame | None = None,
        margin: float = 0.5,
        tasks: str = "these",
        metric: str | None = None,
        policy: str | None = None,
        floor: bool | None = None,
        seed: int = 0,
    ) -> None:
        raise NotImplementedError

    def diff(
        self,
        table: str | Sequence[str],
        a: Side,
        b: Side,
        *,
        columns: str | Sequence[str] | None = None,
        name: str = "",
        metric: str | None = None,
        policy: str | None = None,
        part: str | None = None,
        floor: bool | None = None,
    ) -> Units:
        """a − b on every column that has both, paired by seed; that it is above 0 is the claim.

        Args:
            table: one table, or several ("2", "3"). a, b: a row; (table, row) for a row of another table; ``best`` or
                ``mean`` of rows.
            columns: only these; where one of them is not in the frame, its unit says so and is void. None: all that have
                both sides.
            name: of the pair, in place of "a − b".
            metric, policy, part, floor: another reading than the cell's own. policy "hold-out" reads the checkpoint that the
                selecting part chooses.

        Raises:
            ValueError: two sides chosen by different rules, or a row that no table has.
        """
        raise NotImplementedError

    def slope(
        self,
        table: str | Sequence[str],
        a: Side,
        b: Side,
        *,
        columns: str | Sequence[str] | Mapping[str, float] | None = None,
        name: str = "",
        **reading,
    ) -> Units:
        """How a − b changes with the training rows: per task and seed the least-squares slope over all sizes, in points per
        doubling. That it grows is the claim; ``-e.slope(...)`` for "larger with less data".

        Args:
            columns: which; a mapping gives the size of each, else it is the frame's ``train_rows``.
        """
        raise NotImplementedError

    def inner(
        self, table: str | Sequence[str], rows: Sequence[Row], *, columns=None, name: str = "", **reading
    ) -> Units:
        """An optimum inside a grid: the best inner row, chosen as in ``best(..., rule="hold-out")``, against both ends.

        Args:
            rows: the grid in its order, at least three.
        """
        raise NotImplementedError

    def steps(
        self,
        table: str | Sequence[str],
        a: Side,
        b: Side,
        *,
        goal: Goal | None = None,
        share: float | None = None,
        columns=None,
        name: str = "",
        part: str | None = None,
        metric: str | None = None,
    ) -> Units:
        """Steps until a goal is reached first, by log-rank tests; that a is faster is the claim.

        Args:
            goal: in points; one number, column -> number, or a function of column and seed.
            share: in place of a goal, this share of each run's own best value.
            part: of the curve; None: the selecting part, or the reported one where there is none.
        """
        raise NotImplementedError

    def values(
        self, name: str, by_seed: Mapping[int, float], *, task: str = "", reported: float = float("nan")
    ) -> Units:
        """One unit from numbers of one's own, seed (or repeat) -> value; above 0 is the claim."""
        raise NotImplementedError

    def illustration(self, value: float, words: str) -> Illustration:
        """A number about one trained model: shown, never a verdict."""
        raise NotImplementedError

    def chosen(self, table: str, rows: Sequence[str], column: str) -> str:
        """The row with the highest mean on the selecting part, over the seeds that all have; "" where there is none."""
        raise NotImplementedError

    def last(self, table: str, row: str, column: str, *, part: str | None = None, metric: str | None = None) -> float:
        """Mean of a curve's last values, in points; to say what a goal is relative to."""
        raise NotImplementedError

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
                beyond the margin. inner, slope, steps: of units made by those methods. illustration.
            own: what the paper's own tables say. margin: of this claim. reported: the printed effect, where it does not
                follow from printed cells. note: added to ``why``; why there are no units.

        Raises:
            ValueError: an unknown kind, or a key that is taken.
        """
        raise NotImplementedError

    def verdicts(self) -> list[Verdict]:
        """Holm's correction over the claims, then the words (SPEC 9.3)."""
        raise NotImplementedError

    def table(self) -> pd.DataFrame:
        """One line per claim: everything of ``Verdict`` but the units."""
        raise NotImplementedError
