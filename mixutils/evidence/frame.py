"""Tidy frames of records and of published numbers (DESIGN 5)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pandas as pd

from .flat import OF_POINT, OF_READING, OF_RUN, of_run, points, readings, with_floor
from .shuffle import CELL, shuffled

if TYPE_CHECKING:
    from ..papers.base import Column, Plan, Reading
    from ..runs.records import Record, Records
    from ..runs.run import Run

EXTRA = "extra"


def frame(plan: Plan, store: Records, shuffle: int | None = None) -> pd.DataFrame:
    """One row per cell, run and reading of what is done.

    Args:
        shuffle: a seed; names are permuted (see ``shuffled``), the negative control of SPEC 9.5.

    Returns:
        Columns:
        paper, table, row, column, title, task: the cell, as in ``published``; ``title`` names the column for people. Runs
            of the plan that belong to no cell have the table "extra", their method as row and their task as column.
        method, options (text), encoder, seed, train_rows (int), report (the part that the cell reports), select (another
            part that can choose; "" where there is none).
        policy, part, metric, floor: the reading (``papers.base.Reading``); metrics are accuracy, f1_micro, f1_macro,
            f1_weighted and, for two classes, f1_binary. primary: whether it is the one that the cell's table shows.
        value: in points, 0 to 100. step: of the checkpoint. predicted: number of classes that are predicted at all, NaN
            in records that do not say. classes: of the task. bits: hex, one bit per row of the part (accuracy and f1_micro),
            or "". rows: digest of the part's row ids, or "". size: rows of the part.
        precision (one word), first, last: the generations whose numbers these are; version, commit, hash.
        mixer.NAME: what the mixer logged.
    """
    seen: dict[str, set[bool]] = {}
    lines: list[dict] = []
    labels = list(_labels(plan, store))
    for line, record in labels:
        for floor in {False, line["floor_too"]} - seen.setdefault(record["hash"], set()):
            seen[record["hash"]].add(floor)
            lines += with_floor(record, store) if floor else readings(record, None)
    left = pd.DataFrame([line | of_run(record) for line, record in labels])
    if left.empty or not lines:
        return pd.DataFrame(columns=[*CELL, *OF_READING, *OF_RUN]).astype({"floor": bool, "primary": bool})
    out = left.merge(pd.DataFrame(lines), on="hash", sort=False)
    out = out[out["floor_too"] | ~out["floor"]]
    same = [out[f"own_{name}"] == out[name] for name in ("policy", "part", "metric", "floor")]
    out["primary"] = same[0] & same[1] & same[2] & same[3]
    mixer = [c for c in left.columns if c.startswith("mixer.")]
    out = out[[*CELL, *OF_READING, *OF_RUN, *mixer]].reset_index(drop=True)
    return out if shuffle is None else shuffled(out, shuffle)


def curves(plan: Plan, store: Records, shuffle: int | None = None) -> pd.DataFrame:
    """One row per cell, run, evaluation, part and metric.

    Returns:
        Columns: those of the cell and of the run as in ``frame``; part, metric; value in points; step, and steps of the whole
        run; train_loss since the evaluation before; mixer.NAME: what the mixer logged at this evaluation.
    """
    labels = list(_labels(plan, store))
    evaluated = [p for record in {r["hash"]: r for _, r in labels}.values() for p in points(record)]
    if not evaluated:
        return pd.DataFrame(columns=[*CELL, *OF_POINT, *OF_RUN])
    left = pd.DataFrame([line | of_run(record, mixer=False) for line, record in labels])
    out = left.merge(pd.DataFrame(evaluated), on="hash", sort=False)
    mixer = [c for c in out.columns if c.startswith("mixer.")]
    out = out[[*CELL, *OF_POINT, *OF_RUN, *mixer]]
    return out if shuffle is None else shuffled(out, shuffle)


def read_as(
    frame: pd.DataFrame, *, policy: str | None = None, metric: str | None = None, floor: bool | None = None
) -> pd.DataFrame:
    """The same frame with other readings marked as primary: those of each cell with these parts replaced.

    Args:
        frame: of readings. policy: of the checkpoint, or "hold-out" for the one that the selecting part chooses. metric,
            floor: in place of the cell's own.
    """
    cell = ["paper", "table", "row", "column"]
    own = frame.loc[frame["primary"], [*cell, "policy", "part", "metric", "floor"]].drop_duplicates(cell)
    wanted = frame[[*cell, "select"]].merge(own, on=cell, how="left")
    if policy is not None:
        wanted["policy"] = "best-on-" + wanted["select"] if policy == "hold-out" else policy
    for name, value in (("metric", metric), ("floor", floor)):
        if value is not None:
            wanted[name] = value
    same = [wanted[k].to_numpy() == frame[k].to_numpy() for k in ("policy", "part", "metric", "floor")]
    return frame.assign(primary=same[0] & same[1] & same[2] & same[3])


def printed(paper: str) -> pd.DataFrame:
    """Published numbers: table, row, column, value, spread (NaN where none is printed), marker; cells with a number only."""
    from ..papers.published import published

    cells = [
        {
            "table": c.table,
            "row": c.row,
            "column": c.column,
            "value": c.number,
            "spread": c.deviation,
            "marker": c.marker,
        }
        for c in published(paper).values()
        if c.number is not None
    ]
    return pd.DataFrame(cells, columns=["table", "row", "column", "value", "spread", "marker"])


def _labels(plan: Plan, store: Records) -> Iterator[tuple[dict[str, Any], Record]]:
    """The label of every done run of every cell, then of the runs that belong to none."""
    columns = {c.key: c for c in plan.columns}
    for cell in plan.cells:
        column, suffix = _column(columns, cell.column)
        for run in cell.runs:
            record = store.get(run)
            if record is None or record["status"] != "done":
                continue
            title = cell.column if column is None else ", ".join(filter(None, (column.title, suffix)))
            line = _label(plan, run, record, cell.table, cell.row, cell.column, title)
            own: Reading = cell.reading
            line |= {"own_policy": own.policy, "own_part": own.split, "own_metric": own.metric, "own_floor": own.floor}
            line |= {"report": own.split, "select": _select(column, own.split, record), "floor_too": own.floor}
            yield line, record
    for run in plan.extra:
        record = store.get(run)
        if record is not None and record["status"] == "done":
            line = _label(plan, run, record, EXTRA, run.method, run.task, run.task)
            line |= dict.fromkeys(("own_policy", "own_part", "own_metric", "report", "select"), "")
            yield line | {"own_floor": False, "floor_too": run.start is not None}, record


def _label(plan: Plan, run: Run, record: Record, table: str, row: str, column: str, title: str) -> dict[str, Any]:
    options = ", ".join(f"{k}={v}" for k, v in run.options)
    size = record["data"]["sizes"]["train"]
    values = (plan.paper, table, row, column, title, run.task, run.method, options, run.encoder, run.seed, size)
    return dict(zip(CELL, values, strict=False))


def _column(columns: dict[str, Column], key: str) -> tuple[Column | None, str]:
    """The plan's column behind a cell's key, and what the key adds: training rows ("@25") or a second axis ("/TMix")."""
    for base, suffix in ((key, ""), key.partition("@")[::2], key.rpartition("/")[::2]):
        if base in columns:
            return columns[base], suffix
    return None, ""


def _select(column: Column | None, report: str, record: Record) -> str:
    """A part that is not reported and can choose: the column's own, or rows that were held out beside a reported one."""
    parts = record["curve"][-1]["metrics"]
    own = column.select if column else ""
    return own if own != report and own in parts else "held" if "held" in parts and report != "held" else ""
