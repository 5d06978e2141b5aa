"""SSMix: the plans of its tables and figures (SPEC chapter 4; ids as in the SPEC and in FIGURES).

Two stages [P]: stage 1 trains without mixup and is a run of its own, shared by every method with the same task and seed;
stage 2 starts from its best checkpoint, with a new optimiser and schedule.
"""

from __future__ import annotations

from dataclasses import replace

from ..runs.run import Run
from .base import Cell, Column, Plan, Reading, choose_columns, column_run, columns_of, opened, scaled, split_off
from .profiles import Setting

_FACTS, PAPER, COLUMNS, scope = opened("ssmix", policy="official")
_ANLI = _FACTS["anli"]
COLUMNS += columns_of(_ANLI["columns"], policy="official", task="anli", evaluate=_ANLI["evaluate"])
#: Printed row -> method and options.
ROWS: dict[str, tuple[str, dict]] = split_off(_FACTS["rows"], "method")
TABLES: dict[str, tuple[str, ...]] = _FACTS["tables"]
CONTROL = TABLES["control"][0]
SIZE_TABLE, SIZE_ROWS = "size", ("EmbedMix", "TMix", "SSMix")


def stage_1(column: Column, seed: int, setting: Setting) -> Run:
    """Training without mixup."""
    if scope(setting).held_out and column.policy == "official" and setting.train_size:
        column = replace(column, policy="official-held", evaluate=(*column.evaluate, "held"))
    return column_run(column, "none", seed, setting, scaled(setting, **_FACTS["recipe"]))


def stage_2(column: Column, row: str, seed: int, setting: Setting) -> Run:
    """Training with a mixup from stage 1's best checkpoint."""
    method, options = ROWS.get(row, ("none", {}))  # the control too
    first = stage_1(column, seed, setting)
    return replace(
        first,
        method=method,
        options=tuple(options.items()),
        recipe=scaled(setting, **_FACTS["recipe"] | _FACTS["stage_2"]),
        start=first,
        start_policy=f"best-on-{column.select}",
    )


def reading(column: Column) -> Reading:
    """Best accuracy among both stages on the reported part [P]."""
    return Reading(f"best-on-{column.select}", column.report, floor=True)


def plan(setting: Setting) -> Plan:
    """All runs of Tables 2, A.1 and B.1 and the control row; two of them are probed for Figures 1 to 5."""
    mnli = dict.fromkeys(("select", "report"), f"validation_{scope(setting).mnli}")
    columns = [replace(c, title=f"MNLI-{scope(setting).mnli}", **mnli) if c.key == "mnli" else c for c in COLUMNS]
    chosen, absent = choose_columns(columns, setting, scope(setting).tasks, scope(setting).stand_ins)
    seeds = setting.seeds_for(PAPER.seeds)
    # One trained model per kind of task draws the figures: SSMix with the first seed on the first such column.
    # Named by task and selection, because ANLI's validation and test columns of a round read the same runs.
    drawn = {next(((c.task, c.select) for c in chosen if c.pair == pair), None) for pair in (False, True)}

    def runs(row: str, column: Column) -> tuple[Run, ...]:
        if row == "No mixup":
            return tuple(stage_1(column, s, setting) for s in seeds)
        made = [stage_2(column, row, s, setting) for s in seeds]
        if row == "SSMix" and (column.task, column.select) in drawn:
            made[0] = replace(made[0], probes=("ssmix-spans",), probe_policy=made[0].start_policy)
        return tuple(made)

    cells = [
        Cell(table, row, column.key, runs(row, column), reading(column))
        for table, rows in TABLES.items()
        for column in chosen
        for row in rows
    ]
    cells += _size_curve(chosen, setting, seeds, cells)
    # Seed by seed: where training stops early, all rows are there with the same seeds.
    order = sorted((run for cell in cells for run in cell.runs), key=lambda run: run.seed)
    return Plan("ssmix", setting, chosen, tuple(cells), (), absent, tuple(order))


def sizes(setting: Setting) -> tuple[int, ...]:
    """Training sizes of the size curve, growing, the setting's own size last (0 stands for all rows); () for no curve."""
    whole = setting.train_size or 0
    small = tuple(n for n in scope(setting).sizes if not whole or n < whole)
    return (*small, whole) if small else ()


def _size_curve(chosen: tuple[Column, ...], setting: Setting, seeds: tuple[int, ...], main: list[Cell]) -> list[Cell]:
    """SSMix and the hidden mixers over training sizes; column "task@rows". The largest size is Table 2's own runs."""
    whole = {(c.row, c.column): c.runs for c in main if c.table == "2"}

    def runs(column: Column, row: str, n: int) -> tuple[Run, ...]:
        if n == (setting.train_size or 0):
            return whole[row, column.key]
        return tuple(stage_2(column, row, s, replace(setting, train_size=n)) for s in seeds)

    return [
        Cell(SIZE_TABLE, row, f"{column.key}@{n}", runs(column, row, n), reading(column))
        for column in chosen
        if column.key in scope(setting).size_columns
        for n in sizes(setting)
        for row in SIZE_ROWS
    ]
