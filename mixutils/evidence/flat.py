"""What records say, as lines of a tidy frame."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from ..runs.records import Record, Records

METRICS = ("accuracy", "f1_micro", "f1_macro", "f1_weighted", "f1_binary")
#: The mean of a row's bits is accuracy, and micro F1, which is the same for one label per row.
FROM_BITS = ("accuracy", "f1_micro")
OF_RUN = ("classes", "precision", "first", "last", "version", "commit", "hash")
OF_READING = ("policy", "part", "metric", "floor", "primary", "value", "step", "predicted", "bits", "rows", "size")
OF_POINT = ("part", "metric", "value", "step", "steps", "train_loss")


def of_run(record: Record) -> dict[str, Any]:
    """What is the same for all readings of a run, and what its mixer logged."""
    from ..runs.generations import same_numbers
    from ..runs.run import Run

    environment = record["environment"]
    precision = environment["precision"]
    if precision == "float32" and environment.get("matmul"):
        precision += f"-{environment['matmul']}"
    numbers = same_numbers(Run.from_dict(record["run"]), record.get("generation", 1))
    values = (len(record["data"]["labels"]), precision, numbers.start, numbers.stop - 1)
    values += (environment["versions"].get("mixutils", ""), record.get("commit", ""), record["hash"])
    return dict(zip(OF_RUN, values, strict=True)) | _logged(record["mixer"])


def _logged(mixer: Mapping[str, Any]) -> dict[str, Any]:
    return {f"mixer.{k}": v for k, v in mixer.items() if not isinstance(v, list | dict)}


def readings(records: Iterable[Record], store: Records) -> pd.DataFrame:
    """Every reading of the records, without a floor, then with it: the better of a run and of what it started from.

    A run without a start is its own floor; without the start's record there is none.
    """
    records = list(records)
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
        for policy, chosen in record["selected"].items():
            for part, metrics in chosen["metrics"].items():
                line = {"hash": record["hash"], "policy": policy, "part": part, "step": chosen["step"]}
                line |= {"rows": record["data"].get("rows", {}).get(part, ""), "size": record["data"]["sizes"][part]}
                line |= {"predicted": metrics.get("predicted_classes", math.nan)}
                for metric in METRICS:
                    value, bits = _value(metrics, metric), metrics.get("bits", "") if metric in FROM_BITS else ""
                    if not math.isnan(value):
                        yield line | {"metric": metric, "value": value, "bits": bits}


def _value(metrics: Mapping[str, Any], metric: str) -> float:
    """In points; F1 of the second class where there are two. NaN where the record does not say."""
    if metric == "f1_binary":
        per_class = metrics.get("f1_per_class", ())
        return 100 * per_class[1] if len(per_class) == 2 else math.nan
    return 100 * metrics.get(metric, math.nan)


def points(record: Record) -> Iterator[dict[str, Any]]:
    """The learning curve."""
    last = record["curve"][-1]["step"] if record["curve"] else 0
    for point in record["curve"]:
        line = {"hash": record["hash"], "step": point["step"], "steps": last, "train_loss": point["train_loss"]}
        line |= _logged(point.get("mixer", {}))
        for part, metrics in point["metrics"].items():
            for metric in (m for m in METRICS if m in metrics):  # F1 per class is of selected checkpoints only
                yield line | {"part": part, "metric": metric, "value": 100 * metrics[metric]}
