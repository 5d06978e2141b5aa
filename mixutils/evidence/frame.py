"""Tidy frames of records and of published numbers."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from .shuffle import CELL, READING, equal, own_readings, shuffled

if TYPE_CHECKING:
    from ..papers.base import Column, Plan
    from ..runs.records import Record, Records

METRICS, BINARY = ("accuracy", "f1_micro", "f1_macro", "f1_weighted"), "f1_binary"
#: The mean of a row's bits is accuracy, and micro F1, which is the same for one label per row.
FROM_BITS = ("accuracy", "f1_micro")
OF_RUN = ("classes", "capped", "precision", "first", "last", "version", "commit", "hash")
OF_READING = ("policy", "part", "metric", "floor", "primary", "value", "step", "predicted", "bits", "rows", "size")
OF_POINT = ("part", "metric", "value", "step", "steps", "train_loss")
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
            f1_weighted and, for two classes, f1_binary, of the positive class (SPEC 1.5). The policy chooses by the metric
            that is read; f1_binary, and parts that are evaluated once, are read where accuracy chooses. primary: whether it
            is the one that the cell's table shows.
        capped: whether it is trained on fewer rows than there are. value: in points, 0 to 100. step: of the checkpoint.
        predicted: number of classes that are predicted at all; 1 also where the numbers are a constant guess's, NaN where
            nothing says more. classes: of the task. bits: hex, one bit per row of the part (accuracy and f1_micro), or "".
            rows: digest of the part's row ids, or "". size: rows of the part.
        precision (one word), first, last: the generations whose numbers these are; version, commit, hash.
        mixer.NAME: what the mixer logged.
    """
    labels = list(_labels(plan, store))
    if not labels:
        # Boolean also where it is empty: ``frame[frame["primary"]]`` would else choose columns.
        return pd.DataFrame(columns=[*CELL, *OF_READING, *OF_RUN]).astype({"primary": bool, "floor": bool})
    records = {r["hash"]: r for _, r in labels}.values()
    cells = _cells(labels, records)
    out = cells.merge(_readings(records, store), on="hash", sort=False)
    out = out[out["floor_too"] | ~out["floor"]]
    out = out[~out["held"] | (out["policy"] == "best-on-" + out["select"])]
    out["primary"] = equal(out[READING], out[[f"own_{name}" for name in READING]])
    mixer = [c for c in cells.columns if c.startswith("mixer.")]
    out = out[[*CELL, *OF_READING, *OF_RUN, *mixer]].reset_index(drop=True)
    return out if shuffle is None else shuffled(out, shuffle)


def curves(plan: Plan, store: Records, shuffle: int | None = None) -> pd.DataFrame:
    """One row per cell, run, evaluation, part and metric.

    Returns:
        Columns: those of the cell and of the run as in ``frame``; part, metric; value in points; step, and steps of the whole
        run; train_loss since the evaluation before; mixer.NAME: what the mixer logged at this evaluation.
    """
    labels = [(label, record) for label, record in _labels(plan, store) if not label["held"]]
    records = {r["hash"]: r for _, r in labels}.values()
    evaluated = [point for record in records for point in _points(record)]
    if not evaluated:
        return pd.DataFrame(columns=[*CELL, *OF_POINT, *OF_RUN])
    cells = _cells(labels, records)[[*CELL, *OF_RUN]]
    out = cells.merge(pd.DataFrame(evaluated), on="hash", sort=False)
    mixer = [c for c in out.columns if c.startswith("mixer.")]
    out = out[[*CELL, *OF_POINT, *OF_RUN, *mixer]]
    return out if shuffle is None else shuffled(out, shuffle)


def read_as(
    frame: pd.DataFrame,
    *,
    policy: str | None = None,
    part: str | None = None,
    metric: str | Mapping[str, str] | None = None,
    floor: bool | None = None,
) -> pd.DataFrame:
    """The same frame with other readings marked as primary: those of each cell with these parts replaced.

    Args:
        frame: of readings. policy: of the checkpoint, or "hold-out" for the one that the selecting part chooses. part: or
            "select" for that part. metric: one, or column or task -> metric. floor: whether the start counts too.
    """
    asked = {"policy": policy, "part": part, "metric": metric, "floor": floor}
    if all(value is None for value in asked.values()):
        return frame
    # A run that belongs to no table has no reading of its own: its policy and part have to be asked for.
    missing = {"policy": "", "part": "", "metric": "accuracy", "floor": False}
    own = own_readings(frame, frame).set_axis(frame.index).fillna(missing)
    if policy == "hold-out":
        kind = own["policy"].str.extract("^(best-epoch)", expand=False).fillna("best")
        asked["policy"] = kind + "-on-" + frame["select"]
    if part == "select":
        asked["part"] = frame["select"]
    if isinstance(metric, Mapping):
        asked["metric"] = frame["column"].map(metric).fillna(frame["task"].map(metric)).fillna(own["metric"])
    wanted = own.assign(**{name: value for name, value in asked.items() if value is not None})
    return frame.assign(primary=equal(frame[READING], wanted))


def printed(paper: str) -> pd.DataFrame:
    """Published numbers: table, row, column, value, spread (NaN where none is printed), marker, train_rows (NaN: all); cells with
    a number only."""
    from ..papers.published import published

    cells = [c for c in published(paper).values() if c.number is not None]
    numbers = ((c.number, float(c.spread or "nan"), c.marker, float(c.train_rows or "nan")) for c in cells)
    lines = [(c.table, c.row, c.column, *own) for c, own in zip(cells, numbers, strict=True)]
    return pd.DataFrame(lines, columns=["table", "row", "column", "value", "spread", "marker", "train_rows"])


def apart(frame: pd.DataFrame, printed: pd.DataFrame) -> dict[tuple[str, str, str], str]:
    """(table, row, column) -> how many rows ours and the printed cell are trained on, for cells where these are not as many."""
    ours = frame.drop_duplicates(["table", "row", "column"])[["table", "row", "column", "train_rows", "capped"]]
    theirs = printed.reindex(columns=["table", "row", "column", "train_rows"])
    found = {}
    for *at, n, capped, m in ours.merge(theirs, on=["table", "row", "column"]).itertuples(index=False):
        if capped if math.isnan(m) else n != m:
            found[tuple(at)] = f"ours: {n:,} rows; reported: {'all' if math.isnan(m) else f'{m:,.0f}'}"
    return found


def _labels(plan: Plan, store: Records) -> Iterator[tuple[dict[str, Any], Record]]:
    """The label of every done run of every cell, then of the runs that belong to none."""
    columns = {c.key: c for c in plan.columns}
    titles = {c.task: c.title for c in reversed(plan.columns)}  # a task's first column
    places = []
    for cell in plan.cells:
        column, suffix = _column(columns, cell.column)
        title = cell.column if column is None else ", ".join(filter(None, (column.title, suffix)))
        own = (cell.reading.policy, cell.reading.split, cell.reading.metric, cell.reading.floor)
        at, both = (cell.table, cell.row, cell.column, title), ((False, cell.runs), (True, cell.held))
        places += [(run, at, own, column, held) for held, runs in both for run in runs]
    for run in plan.extra:
        at = EXTRA, run.method, run.task, titles.get(run.task, run.task)
        places.append((run, at, ("", "", "", False), None, False))
    for run, at, own, column, held in places:
        record = store.get(run)
        if record is None or record["status"] != "done":
            continue
        options, size = ", ".join(f"{k}={v}" for k, v in run.options), record["data"]["sizes"]["train"]
        select = "" if at[0] == EXTRA else _select(column, own[1], record)
        values = (plan.paper, *at, run.task, run.method, options, run.encoder, run.seed, size, own[1], select)
        label = dict(zip(CELL, values, strict=True)) | dict(zip((f"own_{k}" for k in READING), own, strict=True))
        yield label | {"held": held, "floor_too": run.start is not None if at[0] == EXTRA else own[3]}, record


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


def _cells(labels: Iterable[tuple[dict[str, Any], Record]], records: Iterable[Record]) -> pd.DataFrame:
    """One row per cell and run: its label, and what is the same for all readings of the run."""
    cells = pd.DataFrame([label | {"hash": record["hash"]} for label, record in labels])
    return cells.merge(pd.DataFrame(map(_of_run, records)), on="hash", sort=False)


def _of_run(record: Record) -> dict[str, Any]:
    """What is the same for all readings of a run, and what its mixer logged."""
    from ..runs.generations import same_numbers
    from ..runs.run import Run
    from ..runs.schema import generation, precision_word

    numbers = same_numbers(Run.from_dict(record["run"]), generation(record))
    data, asked = record["data"], record["run"]["train_size"]
    values = (len(data["labels"]), data["sizes"]["train"] == asked, precision_word(record))
    values += (numbers.start, numbers.stop - 1, record["environment"]["versions"].get("mixutils", ""))
    values += (record.get("commit", ""), record["hash"])
    return dict(zip(OF_RUN, values, strict=True)) | _logged(record["mixer"])


def _logged(mixer: Mapping[str, Any]) -> dict[str, Any]:
    return {f"mixer.{k}": v for k, v in mixer.items() if not isinstance(v, list | dict)}


def _readings(records: Collection[Record], store: Records) -> pd.DataFrame:
    """Every reading of the records, without a floor, then with it: the better of a run and of what it started from.

    A run without a start is its own floor; without the start's record there is none.
    """
    starts = {r["hash"]: store.start(r) if r["run"].get("start") else r for r in records}
    starts = {h: r for h, r in starts.items() if r is not None and r["status"] == "done"}
    plain = pd.DataFrame(_lines(records))
    first = pd.DataFrame(_lines({r["hash"]: r for r in starts.values()}.values()))
    if first.empty:
        return plain.assign(floor=False)
    own = plain.assign(start=plain["hash"].map({h: r["hash"] for h, r in starts.items()}))
    key, better = ["policy", "part", "metric"], ["value", "predicted", "bits"]
    first = first[["hash", *key, *better]].rename(columns={"hash": "start"})
    both = own.merge(first, on=["start", *key], suffixes=("", "_first"), sort=False)
    raised = both["value_first"] > both["value"]
    floored = {name: both[name].mask(raised, both[f"{name}_first"]) for name in better}
    return pd.concat([plain.assign(floor=False), both.assign(floor=True, **floored)[[*plain.columns, "floor"]]])


def _lines(records: Iterable[Record]) -> Iterator[dict[str, Any]]:
    for record in records:
        data, histogram = record["data"], record["data"].get("histogram", {})
        for policy, metric, step, parts in _chosen(record):
            for part, metrics in parts.items():
                value = _score(metric, metrics, record)
                if value is not None:
                    line = {"hash": record["hash"], "policy": policy, "part": part, "metric": metric, "value": value}
                    line |= {"step": step, "predicted": _predicted(metrics, histogram.get(part, ()))}
                    line |= {"bits": metrics.get("bits", "") if metric in FROM_BITS else ""}
                    yield line | {"rows": data.get("rows", {}).get(part, ""), "size": data["sizes"][part]}


def _chosen(record: Record) -> Iterator[tuple[str, str, int, dict[str, Any]]]:
    """Policy, metric, and what is read: step, and part -> metrics, with the details that records keep of some steps."""
    from ..runs.records import chosen

    selected = record["selected"]
    told, recipe = {of["step"]: of["metrics"] for of in selected.values()}, record["run"].get("recipe", {})
    epochs = not (recipe.get("steps") or recipe.get("carry"))
    ends = [f"best-epoch-on-{part}" for part in record["curve"][-1]["metrics"] if epochs]
    for policy in dict.fromkeys([*selected, *ends]):
        kept = selected.get(policy)
        for metric in (*METRICS, BINARY):
            if kept and metric in (*FROM_BITS, BINARY):
                yield policy, metric, kept["step"], kept["metrics"]
                continue
            point = chosen(record, policy, metric)
            step, watched = point["step"], point["metrics"]
            yield policy, metric, step, {k: v | told.get(step, {}).get(k, {}) for k, v in watched.items()}
            if kept:  # parts that are evaluated once, at this step
                yield policy, metric, kept["step"], {k: v for k, v in kept["metrics"].items() if k not in watched}


def _predicted(metrics: Mapping[str, Any], counts: Sequence[int]) -> float:
    """How many classes are predicted; without that, 1 where accuracy and macro F1 are those of a constant guess."""
    if "predicted_classes" in metrics:
        return metrics["predicted_classes"]
    accuracy, f1 = metrics["accuracy"], metrics["f1_macro"]
    shares = (n / sum(counts) for n in counts)
    constant = any(max(abs(p - accuracy), abs(2 * p / (1 + p) / len(counts) - f1)) < 1e-7 for p in shares)
    return 1 if constant else math.nan


def _score(metric: str, metrics: Mapping[str, Any], record: Record) -> float | None:
    """Points in a metric; binary F1 is that of the positive class (the second, where nothing names it) of two."""
    from ..tasks import spec

    if metric != BINARY:
        return 100 * metrics[metric] if metric in metrics else None
    labels, per_class = record["data"]["labels"], metrics.get("f1_per_class", ())  # of selected checkpoints only
    if len(per_class) != 2:
        return None
    positive = record["data"].get("positive") or getattr(spec(record["run"]["task"]), "positive", "")
    return 100 * per_class[labels.index(positive) if positive in labels else 1]


def _points(record: Record) -> Iterator[dict[str, Any]]:
    """The learning curve."""
    last = record["curve"][-1]["step"] if record["curve"] else 0
    for point in record["curve"]:
        line = {"hash": record["hash"], "step": point["step"], "steps": last, "train_loss": point["train_loss"]}
        line |= _logged(point.get("mixer", {}))
        for part, metrics in point["metrics"].items():
            for metric in (*METRICS, BINARY):
                if (value := _score(metric, metrics, record)) is not None:
                    yield line | {"part": part, "metric": metric, "value": value}
