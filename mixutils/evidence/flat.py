"""What one record says, as lines of a tidy frame."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..runs.records import Record, Records

METRICS = ("accuracy", "f1_micro", "f1_macro", "f1_weighted", "f1_binary")
#: The mean of a row's bits is accuracy, and micro F1, which is the same for one label per row.
FROM_BITS = ("accuracy", "f1_micro")
OF_RUN = ("classes", "precision", "first", "last", "version", "commit", "hash")
OF_READING = ("policy", "part", "metric", "floor", "primary", "value", "step", "predicted", "bits", "rows", "size")
OF_POINT = ("part", "metric", "value", "step", "steps", "train_loss")


def of_run(record: Record, mixer: bool = True) -> dict[str, Any]:
    from ..runs.generations import same_numbers
    from ..runs.run import Run

    environment = record["environment"]
    precision = environment["precision"]
    if precision == "float32" and environment.get("matmul"):
        precision += f"-{environment['matmul']}"
    numbers = same_numbers(Run.from_dict(record["run"]), record.get("generation", 1))
    values = (len(record["data"]["labels"]), precision, numbers.start, numbers.stop - 1)
    values += (environment["versions"].get("mixutils", ""), record.get("commit", ""), record["hash"])
    logged = {f"mixer.{k}": v for k, v in record["mixer"].items() if not isinstance(v, list | dict)} if mixer else {}
    return dict(zip(OF_RUN, values, strict=True)) | logged


def with_floor(record: Record, store: Records) -> list[dict[str, Any]]:
    """The readings with floor; of a run without a start they are its own, and without the start's record there are none."""
    if not record["run"].get("start"):
        return [line | {"floor": True} for line in readings(record, None)]
    start = store.start(record)
    return [] if start is None or start["status"] != "done" else list(readings(record, start))


def readings(record: Record, start: Record | None) -> Iterator[dict[str, Any]]:
    """Every reading of a record, or, with the record of its start, of the better of both (``Reading.floor``)."""
    for policy, chosen in record["selected"].items():
        for part, own in chosen["metrics"].items():
            line = {"hash": record["hash"], "policy": policy, "part": part, "step": chosen["step"]}
            line |= {"rows": record["data"].get("rows", {}).get(part, ""), "size": record["data"]["sizes"][part]}
            sides = [own]
            if start is not None:
                first = start["selected"].get(policy, {"metrics": {}})["metrics"].get(part)
                if first is None:
                    continue
                sides.append(first)
            for metric in (m for m in METRICS if not math.isnan(_value(own, m))):
                metrics = max(sides, key=lambda side, metric=metric: _value(side, metric))
                yield line | {
                    "metric": metric,
                    "floor": start is not None,
                    "value": _value(metrics, metric),
                    "predicted": metrics.get("predicted_classes", math.nan),
                    "bits": metrics.get("bits", "") if metric in FROM_BITS else "",
                }


def _value(metrics: dict[str, Any], metric: str) -> float:
    """In points; F1 of the second class where there are two. NaN where the record does not say."""
    if metric == "f1_binary":
        per_class = metrics.get("f1_per_class", ())
        return 100 * per_class[1] if len(per_class) == 2 else math.nan
    return 100 * metrics.get(metric, math.nan)


def points(record: Record) -> Iterator[dict[str, Any]]:
    for point in record["curve"]:
        logged = {f"mixer.{k}": v for k, v in point.get("mixer", {}).items() if not isinstance(v, list | dict)}
        for part, metrics in point["metrics"].items():
            for metric in METRICS:
                if metric in metrics:  # F1 per class is of selected checkpoints only
                    yield {
                        "hash": record["hash"],
                        "part": part,
                        "metric": metric,
                        "value": 100 * metrics[metric],
                        "step": point["step"],
                        "steps": record["curve"][-1]["step"],
                        "train_loss": point["train_loss"],
                        **logged,
                    }
