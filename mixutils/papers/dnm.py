"""DNM: the plans of its tables and figures (SPEC chapter 5; ids as in the SPEC and in FIGURES).

Tables 2 to 5 are one table per data set, methods down and training sizes across; their columns are named "subj/50". Tables 6 to
11 look at the smallest (50) and at the largest training part, data sets across. The same runs serve wherever the same
training is meant.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from ..encoder.shallow import KINDS
from ..runs.run import Run
from ..training.loop import Recipe
from .base import Cell, Column, Plan, Reading, choose_columns, column_run, opened, split_off
from .profiles import Setting

#: The best validation step chooses, test is reported (SPEC NA14).
_FACTS, PAPER, COLUMNS, scope = opened("dnm", select="validation", report="test")
MAIN: dict[str, str] = _FACTS["main"]
OWN_TABLE = "2-5"  # the same rows and sizes on tasks that the paper does not know
#: Row -> registered mixer, and whether its encoder is the shallow one (``shallow_encoder``).
ROWS: dict[str, tuple[str, bool]] = _FACTS["rows"]
PLAIN, RIVAL, OURS = "encoder (paper: BERT)", "encoder + NonlinearMixup", "DNM (proposed)"
SHALLOW_ROWS = tuple(row for row, (_, shallow) in ROWS.items() if shallow)
K_ROWS = {f"K={k}": k for k in (1, 3, 5, 7, 9)}
WEIGHT_ROWS: dict[str, dict[str, str]] = _FACTS["weights"]
ABLATION_ROWS: dict[str, str] = _FACTS["ablations"]
#: Not printed: row -> method and options.
CONTROL_ROWS: dict[str, tuple[str, dict[str, str]]] = split_off(_FACTS["controls"], "method")
#: Not printed: row -> learning rate of v1, v2, W and M, and the mixer's options.
POLICY_ROWS: dict[str, tuple[float, dict[str, str]]] = split_off(_FACTS["policies"], "lr")
POLICY_LRS = tuple(sorted({lr for lr, _ in POLICY_ROWS.values()}))  # the first is the printed rate
TABLES = {"k": ("6", "7"), "weights": ("8", "9"), "ablations": ("10", "11")}  # with little data, with all
CONTROLS, POLICY = "control", "policy"
#: Not printed: what changes with more updates than deviation P6 gives, where few are made; rows, and how many times as many.
LONG, LONG_ROWS, LONGER = "long", (PLAIN, RIVAL, OURS), 4
FIGURE_3, FIGURE_4 = ("subj",), ("subj", "sst2-sent")
READING = Reading("best-on-validation", "test")
LARGEST_PRINTED, PRINTED_STEPS = 8000, 4000


def steps(setting: Setting, raised: bool) -> int:
    """Updates of a run, by one rule for all settings and sizes (deviation P6; SPEC 5(b)).

    The paper makes 4,000 whatever the training size, which is one update for every two rows of its largest training parts
    (about 8,000 rows). A setting with at most N rows makes N/2, and N/4 where its learning rate is raised (deviation P1).
    """
    if not setting.train_size:
        return PRINTED_STEPS
    share = setting.train_size / LARGEST_PRINTED / (2 if raised else 1)
    return min(PRINTED_STEPS, max(1, math.ceil(PRINTED_STEPS * share)))


def recipe(setting: Setting, shallow: bool = False, policy_lr: float = 0.0, longer: int = 1) -> Recipe:
    """[P] Adam, 2e-5, batch 20, constant rate; CNN or LSTM: 1e-3, batch 50 (SPEC NA15, NA19).

    Args:
        policy_lr: of v1, v2, W and M, before the setting's factor; 0 for that of everything else.
        longer: how many times the updates of ``steps``.

    The batch keeps its size under every profile, unlike in deviation P1: K partners of each kind are chosen among the
    other 19 (SPEC NA7), and updates are counted, not epochs.
    """
    raised = not shallow and setting.lr_scale != 1
    total = longer * steps(setting, raised)
    return Recipe(
        lr=1e-3 if shallow else 2e-5 * setting.lr_scale,
        steps=total,
        batch_size=50 if shallow else 20,
        optimizer="adam",
        schedule="constant",
        mixer_lr=policy_lr * setting.lr_scale,
        eval_every=math.ceil(total / scope(setting).evaluations),
    )


def shallow_encoder(setting: Setting) -> str:
    """The encoder of the first three rows, "cnn" or "lstm:FILE": what ``shallow`` and ``vectors`` choose (SPEC NA19).

    Raises:
        ValueError: ``shallow`` is neither.
    """
    s = scope(setting)
    if s.shallow not in KINDS:
        raise ValueError(f"dnm.shallow is one of {', '.join(KINDS)}, not {s.shallow!r}")
    return s.shallow if s.vectors == "minilm" else f"{s.shallow}:{s.vectors}"


def sizes(setting: Setting) -> tuple[int, ...]:
    """Training sizes of Tables 2 to 5, growing; the setting's own is the last, 0 stands for all rows."""
    whole = setting.train_size or 0
    return (*(n for n in scope(setting).sizes if not whole or n < whole), whole)


def size_key(task: str, n: int) -> str:
    """Column of Tables 2 to 5."""
    return f"{task}/{n or 'all'}"


def main_table(task: str) -> str:
    return MAIN.get(task, OWN_TABLE)


def data_columns(plan: Plan) -> tuple[Column, ...]:
    """The plan's data sets, without their training sizes."""
    return tuple(c for c in plan.columns if "/" not in c.key)


def drawn(columns: tuple[Column, ...], wanted: tuple[str, ...]) -> tuple[Column, ...]:
    """The data sets of a figure: those that the paper draws, or as many others where none of them is there."""
    return tuple(c for c in columns if c.key in wanted) or columns[: len(wanted)]


def plan(setting: Setting) -> Plan:
    """All runs of Tables 2 to 11, the controls and the policy study; some are probed for Figures 3 and 4."""
    s = scope(setting)
    chosen, absent = choose_columns(COLUMNS, setting, s.tasks, s.stand_ins)
    # Whatever the task: the best validation step chooses, and test is reported.
    own = {"policy": "auto", "select": "validation", "report": "test", "evaluate": ("validation", "test")}
    columns = tuple(c if c.published else replace(c, **own) for c in chosen)
    planner = _Planner(setting, columns)
    cells = [*planner.main(), *planner.close_ups(), *planner.own_studies()]
    shown = [*columns, *(_sized(c, n) for c in columns for n in sizes(setting))]
    absent |= {
        size_key(c.key, n): absent.get(c.key)
        or f"the {setting.profile.name} setting trains on {_listed(sizes(setting))} rows"
        for c in COLUMNS
        for n in (*_FACTS["scope"]["sizes"], 0)
        if not any(x.key == size_key(c.key, n) for x in shown)
    }
    return Plan("dnm", setting, tuple(shown), tuple(cells), (), absent)


def _sized(column: Column, n: int) -> Column:
    return replace(column, key=size_key(column.key, n), title=f"{column.title}, {n:,}" if n else f"{column.title}, all")


def _listed(numbers: tuple[int, ...]) -> str:
    return ", ".join(f"{n:,}" if n else "all" for n in numbers)


class _Planner:
    """Makes the cells of a plan; a run that several tables show is one run."""

    def __init__(self, setting: Setting, columns: tuple[Column, ...]) -> None:
        self.setting, self.columns = setting, columns
        self.seeds = setting.seeds_for(PAPER.seeds)
        self.sizes = sizes(setting)
        self.scope, self.shallow = scope(setting), shallow_encoder(setting)
        self.ablated = tuple(c for c in columns if not c.published or c.key in self.scope.close_ups)
        # Figures 3 and 4 look at models with the largest training part: measured on every seed, drawn for the first.
        self.featured = {c.key for c in drawn(columns, FIGURE_4)}
        self.mapped = {c.key for c in drawn(columns, FIGURE_3)}

    def runs(
        self, column: Column, method: str, n: int, options: Any = None, shallow: bool = False, **how: Any
    ) -> tuple[Run, ...]:
        """One run per seed; ``how`` as in ``recipe``."""
        made = []
        for seed in self.seeds:
            probes = () if options or how or shallow else self._probes(column, method, n, seed)
            own = {"probes": probes, "probe_policy": READING.policy} if probes else {}
            own |= {"encoder": self.shallow} if shallow else {}
            # Class-balanced and nested, one draw per seed (SPEC NA18).
            own |= {"options": options or {}, "train_size": n or None, "subset": "balanced"}
            made.append(column_run(column, method, seed, self.setting, recipe(self.setting, shallow, **how), **own))
        return tuple(made)

    def _probes(self, column: Column, method: str, n: int, seed: int) -> tuple[str, ...]:
        if n != self.sizes[-1] or method not in ("none", "dnm"):
            return ()
        probes = []
        if column.key in self.featured:
            probes.append("dnm-features")
        if column.key in self.mapped and method == "dnm":
            probes.append("dnm-mixtures")
        return (*probes, "dnm-maps") if probes and seed == self.seeds[0] else tuple(probes)

    def main(self) -> list[Cell]:
        """Tables 2 to 5."""
        return [
            Cell(main_table(c.key), row, size_key(c.key, n), self.runs(c, method, n, shallow=shallow), READING)
            for c in self.columns
            for n in self.sizes
            for row, (method, shallow) in ROWS.items()
        ]

    def close_ups(self) -> list[Cell]:
        """Tables 6 to 11."""
        rows = {
            "k": {row: ("dnm", {"k": k} if k != 5 else {}) for row, k in K_ROWS.items() if k in self.scope.ks},
            "weights": {row: ("dnm", options) for row, options in WEIGHT_ROWS.items()},
            "ablations": {row: (method, {}) for row, method in ABLATION_ROWS.items()},
        }
        ends = (0, -1) if self.scope.large and len(self.sizes) > 1 else (0,)  # little data, all data
        return [
            Cell(TABLES[kind][end], row, c.key, self.runs(c, method, self.sizes[end], options), READING)
            for end in ends
            for c in self.ablated
            for kind, of_kind in rows.items()
            for row, (method, options) in of_kind.items()
        ]

    def own_studies(self) -> list[Cell]:
        """Controls of Table 10, with little data; more updates and the policy study, with the largest training part."""
        little, most = self.sizes[0], self.sizes[-1]
        cells = [
            Cell(CONTROLS, row, c.key, self.runs(c, method, little, options), READING)
            for c in self.ablated
            for row, (method, options) in CONTROL_ROWS.items()
            if row in self.scope.controls
        ]
        cells += [
            Cell(LONG, row, c.key, self.runs(c, ROWS[row][0], most, longer=LONGER), READING)
            for c in self.columns
            if c.key in self.scope.long
            for row in LONG_ROWS
        ]
        column = drawn(self.columns, FIGURE_3)[0]
        few = self.scope.policy_seeds if "seeds" not in self.setting.chosen else 0
        for row in self.scope.policies:
            lr, options = POLICY_ROWS[row]
            # The printed rate is the model's own: the run of Table 2.
            runs = self.runs(column, "dnm", most, options, **({} if lr == POLICY_LRS[0] else {"policy_lr": lr}))
            cells.append(Cell(POLICY, row, column.key, runs[: few or None], READING))
        return cells
