"""A done record with every field there is, and ways to damage it."""

from __future__ import annotations

import functools
import json
from typing import Any

import numpy as np

from mixutils.runs.records import compact
from mixutils.runs.run import Run
from mixutils.training.metrics import score
from tests.fakes import done

RUN = Run(
    "docs-coarse",
    "ssmix",
    3,
    options=(("alpha", 0.2),),
    train_size=48,
    evaluate=("validation",),
    start=Run("docs-coarse", "none", 3, train_size=48),
    start_policy="last",
    final=("test",),
    final_policy="last",
)
ROWS = 10
LAST = "selected.last.metrics.test"


METRICS = ("accuracy", "f1_micro", "f1_macro", "f1_weighted", "loss")


def measured(right: np.ndarray) -> dict[str, Any]:
    """What is said of a part with two classes in turn, of which these rows are right."""
    labels = np.arange(len(right)) % 2
    scores = np.eye(2, dtype=np.float32)[np.where(right, labels, 1 - labels)]
    return compact(score(scores, labels) | {"f1_per_class": [0.5, 0.5], "predicted_classes": 2})


def full() -> dict[str, Any]:
    """A done record with every field there is: 6 of 10 rows right, and 8 of the part that is evaluated once."""
    return json.loads(_full())


@functools.cache
def _full() -> str:
    validation, test = measured(np.arange(ROWS) < 6), measured(np.arange(ROWS) < 8)
    seen = {k: validation[k] for k in METRICS}
    record = done(RUN, 60) | {
        "generation": 2,
        "commit": "0821882ab+",
        "curve": [{"step": s, "train_loss": 1 / s, "metrics": {"validation": dict(seen)}} for s in (1, 2, 4)],
        "selected": {
            "last": {"step": 4, "metrics": {"validation": dict(validation), "test": test}},
            "best-on-validation": {"step": 2, "metrics": {"validation": dict(validation)}},
        },
        "mixer": {"w_b": 0.5, "partners": 3, "nothing": None},
    }
    record["environment"] |= {
        "matmul": "highest",
        "threads": 1,
        "attention": "eager",
        "python": "3.11",
        "system": "Linux",
    }
    record["data"] |= {
        "sizes": {"train": 48, "validation": ROWS, "test": ROWS},
        "histogram": {"train": [24, 24], "validation": [5, 5], "test": [5, 5]},
        "subset": "0123456789abcdef",
        "rows": {"validation": "0" * 16, "test": "f" * 16},
        "language": "English",
        "vocabulary": 100,
    }
    return json.dumps(record)


GONE = object()


def damage(record: dict[str, Any], where: str, value: Any) -> dict[str, Any]:
    """The record with another value, or none, at a path as "curve.0.step"."""
    *way, name = where.split(".")
    inner: Any = record
    for step in way:
        inner = inner[int(step) if isinstance(inner, list) else step]
    key: Any = int(name) if isinstance(inner, list) else name
    if value is GONE:
        del inner[key]
    else:
        inner[key] = value
    return record
