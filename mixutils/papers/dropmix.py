"""DropMix: the plans of its tables and figures (SPEC chapter 6; ids as in the SPEC and in FIGURES).

One stage [P]: 3 epochs without regularisation, more with it. Every number has two readings: as printed, and selected on a
hold-out (SPEC RA22, X8). A subset of the training rows is as large in both, and one run serves them; where all rows are
trained on, the printed reading has runs of its own, because a hold-out leaves fewer.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from ..runs.run import Run
from ..tasks import at_hand, spec
from . import ssmix
from .base import Cell, Column, Plan, Reading, choose_columns, column_run, opened, scaled, settle
from .options import differing
from .profiles import Setting
from .tuning import TUNING

_FACTS, PAPER, COLUMNS, scope = opened("dropmix", select="validation", report="test")
SENTENCES = ("trec-coarse", "sst1-sent", "subj", "mr", "cr", "mpqa")  # Table 4


class Row(NamedTuple):
    """How a printed row is trained: method, its options, all dropout probabilities (SPEC RA9), number of epochs."""

    method: str
    options: dict[str, Any] = {}
    dropout: float = 0.0
    regularised: bool = True


ROWS = {name: Row(**fields) for name, fields in _FACTS["rows"].items()}
VARIANTS = ("DropMix-U", "DropMix-C", "DropMix-W", "DropMix-G")
PLAIN = "encoder (paper: Bert)"  # without dropout
BASELINES = (PLAIN, "Dropout", "Mixup", "Dropout+Mixup", "SSMix")
CONTROL = "encoder at equal epochs"  # not printed: as many epochs as the regularised rows (SPEC RA12, X9)
TABLE_4 = ("Dropout", "Mixup", "Dropout+Mixup", "DropMix-C", "DropMix-G")
SPARSE_TABLE, MASK_TABLE = "sparse", "mask"
SPARSE_ROWS = (*BASELINES, "DropMix-C")
GRID: dict[str, tuple[str, ...]] = _FACTS["grid"]
GRID_VALUES: dict[str, tuple[float, ...]] = _FACTS["grid_values"]
MASK_ROWS = {name: Row(**fields) for name, fields in _FACTS["mask_rows"].items()}
ENCODERS: dict[str, tuple[str, str, str]] = _FACTS["encoders"]
UNTRAINED: dict[str, tuple[str, str, str]] = _FACTS["untrained"]
CHANNEL_TASK, CHANNEL_ROW = "sst2-glue", Row(**_FACTS["channel_row"])  # of Figure 3 and Table 5
#: SSMix as its own paper trains it, which RC2 compares with; in ``full`` these are the runs of the SSMix plan.
STAGES_TABLE, STAGES_ROW = "stages", "SSMix in two stages"


def encoders(setting: Setting) -> dict[str, tuple[str, str, str]]:
    """Table 4's encoders under a setting; see ``ENCODERS``."""
    key = scope(setting).untrained
    return {key: UNTRAINED[key]} if key else ENCODERS


def is_main(column: Column) -> bool:
    """Whether a column is of Table 3; Table 4's have an encoder before a slash."""
    return column.key.split("/")[0] not in {*ENCODERS, *UNTRAINED}


def training_rows(setting: Setting) -> int | None:
    """Training rows of a run: the setting's, or fewer where the user left the number to the profile."""
    return setting.capped(scope(setting).train)


def evaluated(setting: Setting) -> int | None:
    """Rows of each part that is evaluated."""
    return min(filter(None, (setting.eval_size, scope(setting).evaluated)), default=None)


def train_sizes(setting: Setting) -> set[int | None]:
    """All training sizes that make a record one of this setting's."""
    return {setting.train_size, _channel_rows(setting), training_rows(setting)}


def make_run(column: Column, row: Row, seed: int, setting: Setting, **changes: Any) -> Run:
    """One run of Table 3, or of another table with ``changes`` of the run's fields."""
    recipe = scaled(setting, epochs=scope(setting).epochs[row.regularised], **_FACTS["recipe"])
    nodrop = scope(setting).nodrop
    dropout = row.dropout if row.dropout or nodrop == "all" else f"no-{nodrop}"
    own = {"train_size": training_rows(setting), "eval_size": evaluated(setting), "dropout": dropout}
    return column_run(column, row.method, seed, setting, recipe, options=row.options, **own | changes)


def reading(column: Column) -> Reading:
    """As printed: the best epoch on the reported part itself (SPEC RA22)."""
    return Reading(f"best-on-{column.report}", column.report)


def on_all_rows(column: Column, rows: int | None) -> bool:
    """Whether a run has more training rows than a tenth that is held out would leave, so that its readings are two runs."""
    entry, holds = spec(column.task), column.published and column.policy in ("holdout", "official-held")
    whole = entry.counts.get("train", 0) if entry else 0
    return holds and (rows is None or rows > whole - round(whole / 10) > 0)


def beside_train(column: Column, setting: Setting) -> Column:
    """The column whose hold-out has a name of its own beside the reported part, where the readings are two runs."""
    if not on_all_rows(column, training_rows(setting)):
        return column
    named = column.policy == "official-held" or "test" in spec(column.task).parts
    report = column.report if named else "validation"  # "holdout" calls GLUE's development part "test"
    return replace(column, policy="official-held", select="held", report=report, evaluate=("held", report))


def plan(setting: Setting) -> Plan:
    """All runs of Tables 3 and 4, Figures 2 and 3, Table 5, the control row and the two other masks."""
    s = scope(setting)
    chosen, absent = choose_columns(COLUMNS, setting, s.tasks, s.stand_ins)
    chosen = tuple(folded(beside_train(settle(c), setting), setting) for c in chosen)

    def cell(table: str, name: str, row: Row, column: Column, key: str = "", **changes: Any) -> Cell:
        if name in GRID and table != MASK_TABLE:  # masks are compared with one α
            tuned = setting.tuned.get((column.key.rpartition("/")[2], row.method), {})
            row = row._replace(options=row.options | tuned)
        runs = tuple(make_run(column, row, seed, setting, **changes) for seed in seeds_of(column, setting))
        held = runs if on_all_rows(column, runs[0].train_size) else ()
        runs = tuple(r.with_(policy="official", evaluate=(column.report,)) for r in held) or runs
        return Cell(table, name, key or column.key, runs, reading(column), held)

    cells = [cell("3", name, row, c) for c in chosen for name, row in ROWS.items()]
    cells += [cell("control", CONTROL, Row("no-dropout"), c) for c in chosen]
    cells += [cell(MASK_TABLE, name, row, c) for c in _some(chosen, s.mask, setting) for name, row in MASK_ROWS.items()]
    fourth = []
    for key, (encoder, plain, title) in encoders(setting).items():
        rows = {plain: ROWS[PLAIN]} | {name: ROWS[name] for name in TABLE_4}
        for c in _some(chosen, s.fourth, setting):
            shown = c.published and key in ENCODERS
            fourth.append(replace(c, key=f"{key}/{c.key}", title=f"{title}, {c.title}", published=shown))
            cells += [cell("4", name, row, fourth[-1], encoder=encoder) for name, row in rows.items()]
    have = {c.key for c in fourth}
    for name in (f"{key}/{task}" for key in ENCODERS for task in SENTENCES):
        if name not in have:
            absent[name] = absent.get(name.split("/")[1], "") if encoders(setting) is ENCODERS else _NO_ENCODER
    cells += [
        cell(SPARSE_TABLE, name, ROWS[name], c, key=f"{c.key}@{share}", train_size=size)
        for c in _some(chosen, s.sparse, setting)
        for share, size in shares(c, setting).items()
        for name in SPARSE_ROWS
    ]
    cells += [two_stages(c, setting) for c in chosen if c.key in s.stages]
    grid = [tuning_cell(c, name, options, setting) for c in chosen if s.tune for name, options in grids()]
    extra, first = (channel_run(setting, chosen),), tuple(r for x in grid for r in x.runs)
    return Plan("dropmix", setting, (*chosen, *fourth), (*cells, *grid), extra, absent, first=first)


def folded(column: Column, setting: Setting) -> Column:
    """The column under the scope's ``cv`` (SPEC RA13)."""
    by_seed = column.policy == "tenths-by-seed"
    return replace(column, policy="tenfold") if by_seed and scope(setting).cv == "10fold" else column


def seeds_of(column: Column, setting: Setting) -> tuple[int, ...]:
    """The seeds of a column's runs; ten folds are ten seeds, unless the user names others."""
    ten = column.policy == "tenfold" and "seeds" not in setting.chosen
    return tuple(range(10)) if ten else setting.seeds_for(PAPER.seeds)


def grids() -> Iterator[tuple[str, dict[str, Any]]]:
    """Row and options of everything that α and n are chosen from (SPEC 6(c)); the options that differ from the row's own."""
    for name, over in GRID.items():
        for values in itertools.product(*(GRID_VALUES[option] for option in over)):
            yield name, differing(ROWS[name].method, dict(zip(over, values, strict=True)))


def tuning_cell(column: Column, name: str, options: dict[str, Any], setting: Setting) -> Cell:
    """One value of a grid: the first seeds, on rows that leave a part to choose on."""
    row = ROWS[name]._replace(options=ROWS[name].options | options)
    runs = tuple(make_run(column, row, s, setting) for s in seeds_of(column, setting)[: scope(setting).tune])
    values = ", ".join(f"{k} = {v:g}" for k, v in options.items()) or "default"
    return Cell(TUNING, f"{name}, {values}", column.key, runs, Reading(f"best-on-{column.select}", column.select))


_NO_ENCODER = "BERT-large and RoBERTa need the profile full"


def _some(chosen: tuple[Column, ...], wanted: tuple[str, ...], setting: Setting) -> list[Column]:
    """The chosen columns that a part of the plan is for; outside ``full`` the first single text where there is none."""
    found = [c for c in chosen if c.key in wanted]
    return found if found or setting.profile.name == "full" else _first_single(chosen)


def _first_single(chosen: tuple[Column, ...]) -> list[Column]:
    return [next((c for c in chosen if not c.pair), chosen[0])]


def shares(column: Column, setting: Setting) -> dict[int, int | None]:
    """Percent of the whole training part -> training rows for Figure 2; 100 is the setting's own number, None for all.

    Subsets are stratified, drawn with the run's seed and nested (SPEC RA27).
    """
    whole = training_rows(setting)
    entry = spec(column.task)
    full = (entry.counts.get("train") if entry else None) or 0
    # Where there is no official split, eight tenths are for training (SPEC RA13).
    full -= 2 * round(full / 10) if column.policy.startswith("tenths") else 0
    base = min(whole or full, full) if full else whole
    if not base:
        return {}
    out = {s: max(2, round(base * s / 100)) for s in scope(setting).shares if s < 100}
    return out | {100: whole}


def _channel_rows(setting: Setting) -> int | None:
    own = "train_size" in setting.chosen
    return setting.train_size if own else scope(setting).channel_rows or setting.train_size


def two_stages(column: Column, setting: Setting) -> Cell:
    """SSMix as its own paper trains it, on as many rows as this plan's runs and reported on the same part (claim RC2).

    It is read as that paper reads it: the better of both stages.
    """
    theirs = next(c for c in ssmix.COLUMNS if c.key == column.key)
    same = replace(setting, train_size=training_rows(setting), eval_size=evaluated(setting))
    own = ssmix.plan(setting).cell("2", "SSMix", theirs.key) if same == setting else None
    seeds = setting.seeds_for(ssmix.PAPER.seeds)
    runs = own.runs if own else tuple(ssmix.stage_2(theirs, "SSMix", seed, same) for seed in seeds)
    # MNLI: that paper reports the mismatched part, this one the matched part (SPEC RA23).
    part = column.report if column.key == "mnli" else theirs.report
    held = tuple(map(_held, runs)) if on_all_rows(column, runs[0].train_size) else ()
    return Cell(STAGES_TABLE, STAGES_ROW, column.key, runs, Reading(f"best-on-{part}", part, floor=True), held)


def _held(run: Run) -> Run:
    """The same run of two stages with a tenth of train held out, which selects in both."""
    own = {"policy": "official-held", "evaluate": (*run.evaluate, "held")}
    return run.with_(**own, start=run.start.with_(**own), start_policy="best-on-held")


def channel_run(setting: Setting, chosen: tuple[Column, ...]) -> Run:
    """The run behind Figure 3 and Table 5: DropMix-C with a fixed share on SST-2, or on the first single text there is."""
    column = next(c for c in COLUMNS if c.key == CHANNEL_TASK)
    free = setting.tasks is None and not setting.profile.builtin_only
    ready = CHANNEL_TASK in setting.recorded or at_hand(CHANNEL_TASK, setting.use_hub)[0]
    if not (free and ready) and column.task not in {c.task for c in chosen}:
        column = _first_single(chosen)[0]
    own = {"train_size": _channel_rows(setting), "probe_policy": f"best-on-{column.select}"}
    if on_all_rows(column, own["train_size"]):
        report = beside_train(column, setting).report
        own |= {"policy": "official", "evaluate": (report,), "probe_policy": f"best-on-{report}"}
    return make_run(
        column,
        CHANNEL_ROW,
        setting.seeds_for(PAPER.seeds)[0],
        setting,
        probes=("dropmix-masks", "dropmix-channels"),
        **own,
    )
