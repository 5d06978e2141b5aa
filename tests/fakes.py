"""Records without training: whatever accuracies a test wants, in the shape that ``execute`` writes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from mixutils.papers import Plan
from mixutils.records import Records
from mixutils.run import Run
from mixutils.tasks import spec
from tests import fakes_dmix

Accuracy = Callable[[Run], "float | Mapping[str, float]"]


def kind(run: Run) -> str:
    """ "stage 1" (no start), "control" (stage 2 without mixup), or the method."""
    if run.start is None:
        return "stage 1"
    return "control" if run.method == "none" else run.method


def done(run: Run, percent: float | Mapping[str, float], **cost: float) -> dict[str, Any]:
    """A done record.

    Args:
        percent: accuracy of every evaluated part, or part -> accuracy. cost: fields of the record's cost.
    """
    parts = run.evaluate or ("validation", "test")
    accuracy = {p: (percent[p] if isinstance(percent, Mapping) else percent) / 100 for p in parts}
    metrics = {
        p: {"accuracy": a, "f1_micro": a, "f1_macro": a, "f1_weighted": a, "loss": 1.0} for p, a in accuracy.items()
    }
    labels = ["no", "yes"]
    sizes = {"train": run.train_size or 5000} | dict.fromkeys(parts, 100)
    record = {
        "hash": run.hash,
        "status": "done",
        "run": run.to_dict(),
        "environment": {
            "device": "a fake CPU",
            "device_type": "cpu",
            "precision": "float32",
            "versions": {"torch": "2.0"},
        },
        "data": {
            "source": "builtin",
            "digest": "0" * 16,
            "labels": labels,
            "full": dict.fromkeys(sizes, 5000),
            "sizes": sizes,
            "mean_tokens": 20.0,
            "notes": [],
        },
        "curve": [{"step": s, "train_loss": 1 / s, "metrics": metrics} for s in (1, 2, 4)],
        "selected": {name: {"step": 4, "metrics": metrics} for name in ("last", *(f"best-on-{p}" for p in parts))},
        "mixer": {},
        "cost": {"steps": 4, "step_ms": 10.0, "passes": 1.0, "train_s": 4.0, "eval_s": 1.0, "total_s": 6.0} | cost,
        "date": "2026-01-31",
    }
    if run.probes:
        record["probes"] = {name: PROBES[name](run) for name in run.probes}
    return record


def failed(run: Run, error: str = "RuntimeError: broken") -> dict[str, Any]:
    """A failed record."""
    return {"hash": run.hash, "status": "failed", "run": run.to_dict(), "error": error, "traceback": error}


def filled(plan: Plan, percent: Accuracy, folder: Path, skip: Callable[[Run], bool] = lambda run: False) -> Records:
    """A store in which every run of the plan is done, except those that ``skip`` names."""
    return shipped((done(run, percent(run)) for run in plan.runs if not skip(run)), folder)


def shipped(records: Iterable[dict[str, Any]], folder: Path) -> Records:
    """A store with these records, read from one file: writing hundreds of single ones is slow."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "records.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in records), "utf-8")
    return Records(folder / "records", shipped=[path])


def data_folder(folder: Path, *tasks: str) -> Path:
    """A data folder in which these tasks of the catalogue, or own ones, seem to be at hand; the files are empty."""
    for task in tasks:
        entry = spec(task)
        parts = entry.parts.values() if entry else [(f"{task}/{part}",) for part in ("train", "test")]
        for source in (s for sources in parts for s in sources):
            path = folder / f"{source}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    return folder


def spans(parts: int, label: str = "yes", word: str = "word") -> dict[str, Any]:
    """What the probe "ssmix-spans" measures on one pair of texts with four words in each of their ``parts``."""
    words = [word, "b", "c", "d"]
    texts = [
        {
            "name": name,
            "label": label if name == "A" else "no",
            "predicted": "no",
            "parts": [{"tokens": words, "saliency": [0.1, 0.4, 0.2, 0.3]} for _ in range(parts)],
        }
        for name in "AB"
    ]
    mixture = {"w_b": 0.25, "parts": [{"tokens": words, "changed": [True, False, False, False]} for _ in range(parts)]}
    methods = ("ssmix", "ssmix-saliency", "ssmix-saliency-span", "unk")
    line = [[x / 10, x / 20] for x in range(9)]
    return {
        "part": "test",
        "ratio": 0.2,
        "examples": [
            {
                "texts": texts,
                "spans": [{"length": 1, "least_in_a": 0, "most_in_b": 1}] * parts,
                "mixtures": dict.fromkeys(methods, mixture),
            }
        ],
        "projection": {
            "A": [0.0, 0.0],
            "B": [1.0, 0.5],
            "off_line": {"level 0": 0.2, "level 2": 0.0, "ssmix": 0.4},
            "pairs": 16,
            "explained": 0.7,
            "level 0": line,
            "level 2": line,
            "ssmix": line,
        },
    }


#: Probe -> what it measures for a run.
PROBES: dict[str, Callable[[Run], dict[str, Any]]] = {
    "ssmix-spans": lambda run: spans(2 if "pair" in run.task else 1)
} | fakes_dmix.PROBES
