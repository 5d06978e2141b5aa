"""Records without training: whatever accuracies a test wants, in the shape that ``execute`` writes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from mixutils.papers import Plan
from mixutils.runs.records import Records
from mixutils.runs.run import Run
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
    watched = run.evaluate or ("validation", "test")
    parts = (*watched, *run.final)
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
        "curve": [{"step": s, "train_loss": 1 / s, "metrics": _only(metrics, watched)} for s in (1, 2, 4)],
        "selected": {
            name: {"step": 4, "metrics": _only(metrics, parts if name == run.final_policy else watched)}
            for name in ("last", *(f"best-on-{p}" for p in watched))
        },
        "mixer": {},
        "cost": {
            "steps": 4,
            "step_ms": 10.0,
            "passes": 1.0,
            "train_s": 4.0,
            "eval_s": 1.0,
            "total_s": 6.0,
            "parameters": 1000,
            "mixer_parameters": 0,
        }
        | cost,
        "date": "2026-01-31",
    }
    if run.method.startswith("dnm"):
        record["mixer"] = {"partners": 10.0, "same_class": 0.5}
        for point in record["curve"]:
            point["mixer"] = policy(point["step"], run.recipe.mixer_lr or run.recipe.lr)
    if run.probes:
        record["probes"] = {name: PROBES[name](run) for name in run.probes}
    return record


def _only(metrics: dict[str, Any], parts: Iterable[str]) -> dict[str, Any]:
    return {part: metrics[part] for part in parts}


def accuracy(store: Records, run: Run) -> float:
    """What a record says of the test part at the end of training."""
    return store.get(run)["selected"]["last"]["metrics"]["test"]["accuracy"]


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
    """A data folder in which these tasks of the catalogue seem to be at hand, in empty files, or own ones are, with few rows."""
    for task in tasks:
        entry = spec(task)
        parts = entry.parts.values() if entry else [(f"{task}/{part}",) for part in ("train", "test")]
        for source in (s for sources in parts for s in sources):
            path = folder / f"{source}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            rows = [{"text": f"{source} {i}", "label": "yn"[i % 2]} for i in range(0 if entry else 30)]
            path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
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


def policy(step: int, rate: float) -> dict[str, float]:
    """What DNM says of itself at an evaluation: half of what Adam could have moved."""
    moved = {f"moved_{k}_{s}": step * rate / 2 for k in ("v1", "v2", "w", "m", "fc") for s in ("mean", "max")}
    weights = {"policy_mean": 0.5, "policy_low": 0.1, "policy_high": 0.9, "label_weight_mean": 0.5}
    spread = {"label_weight_over_pairs": 0.05, "label_weight_over_dims": 0.07}
    return moved | weights | spread | {"label_cosine": 0.01 * step, "label_cosine_max": 0.02 * step}


def mixtures(largest: float = 2.0, smallest: float = 1.0) -> dict[str, Any]:
    """What the probe "dnm-mixtures" measures; ``nearest`` as given, everything else the other way round."""
    kinds = {"original": 1.0, "largest": largest, "smallest": smallest, "random": 1.5}
    measured = {k: {"nearest": v, "class_mean": v, "centre": 3.0 - v} for k, v in kinds.items()}
    same = {"largest": 0.1, "smallest": 0.9, "random": 0.5}
    return measured | {
        "originals": 40,
        "units": dict.fromkeys(("nearest", "class_mean", "centre"), 1.0),
        "same_class": same,
    }


def features(silhouette: float = 0.4) -> dict[str, Any]:
    """What the probe "dnm-features" measures."""
    both = {"silhouette": silhouette, "silhouette_cosine": silhouette + 0.1}
    return {"rows": 100, "state": dict(both), "output": dict(both)}


def maps(mixed: bool) -> dict[str, Any]:
    """What the probe "dnm-maps" draws: a few points."""
    points = [[x / 3, x * x / 9] for x in range(6)]
    out: dict[str, Any] = {"features": {"tsne": points, "pca": points, "explained": 0.6, "label": [0, 1] * 3}}
    if mixed:
        out["mixtures"] = {"tsne": points, "pca": points, "explained": 0.5, "kind": [0, 0, 1, 1, 2, 2]}
    return out


def dropmix_masks(word: str = "affecting", of_paper: bool = True) -> dict[str, Any]:
    """What the probe "dropmix-masks" measures, with four positions of eight channels: [CLS] some honestly affecting."""
    share = {"general": [0.0, 0.125, 0.5, 0.75]}
    even = [0.25] * 4
    variants = ("unit", "channel", "word", "general", "channel, literal", "word, literal", "general, literal")
    masks = {
        name: {
            "units": [f"{255 >> 8 - round(8 * s) << 8 - round(8 * s) & 255:02x}" for s in share.get(name, even)],
            "share": share.get(name, even),
            "w_b": sum(share.get(name, even)) / 4,
        }
        for name in variants
    }
    example = {
        "words": ["some", "honestly", word],
        "word_of": [-1, 0, 1, 2],
        "tokens_a": ["[CLS]", "some", "honestly", word],
        "tokens_b": ["[CLS]", "dull", "film", ""],
        "texts": [f"some honestly {word}", "dull film"],
        "label": "yes",
        "predicted": "no",
        "width": 8,
        "saliency": [[100 * i + 10 * j for j in range(8)] for i in range(4)],
        "masks": masks,
        "marked": ["honestly", word],
    }
    return {"ratio": 0.2, "n": 2, "examples": [example | ({"of_paper": True} if of_paper else {})]}


def permuted(value: float, p_greater: float = 0.5, p_less: float = 0.5) -> dict[str, Any]:
    """A statistic with its permutation test, as probes store it."""
    return {"value": value, "null": [-0.1, 0.0, 0.1], "p_greater": p_greater, "p_less": p_less}


def dropmix_channels(beyond: tuple[int, int] = (1, 1), word: str = "good", **tests: dict[str, Any]) -> dict[str, Any]:
    """What the probe "dropmix-channels" measures, with eight channels; ``tests`` replace its statistics."""
    own, other = [0.9, 0.1, 0.2, 0.3, 0.1, 0.0, 0.2, 0.2], [0.1, 0.8, 0.2, 0.3, 0.2, 0.1, 0.1, 0.2]
    difference = [round(a - b, 5) for a, b in zip(own, other, strict=True)]
    fit = {"channels": [1.0, 0.5, 0.0], "mean": 0.4}
    words = [[word, 5, 3.0], ["film", 4, 0.1], ["bad", 1, -4.0]]
    return {
        "classes": ["positive", "negative"],
        "of": 2,
        "samples": [30, 20],
        "importance": [own, other],
        "difference": difference,
        "band": [[-0.1] * 8, [0.1] * 8],
        "edge": 0.4,
        "beyond": list(beyond),
        "correlation": tests.get("correlation", permuted(0.2)),
        "skewness": tests.get("skewness", permuted(0.3)),
        "spread": permuted(0.8),
        "lexicon": {"good": 3.0, "funny": 2.5, "bad": -4.0, "dull": -3.0},
        "channels": [[0, 6, 2], [1, 4, 5]],
        "words": [[words] * 3, [words] * 3],
        "fit": [permuted(0.5) | fit | tests.get(f"fit_{side}", {}) for side in ("first", "second")],
    }


#: Probe -> what it measures for a run.
PROBES: dict[str, Callable[[Run], dict[str, Any]]] = {
    "ssmix-spans": lambda run: spans(2 if "pair" in run.task else 1),
    "dnm-mixtures": lambda run: mixtures(),
    "dnm-features": lambda run: features(),
    "dnm-maps": lambda run: maps(run.method != "none"),
    "dropmix-masks": lambda run: dropmix_masks(),
    "dropmix-channels": lambda run: dropmix_channels(),
} | fakes_dmix.PROBES


def timed(figures: Path, encoder: str, ms: dict[str, float], rounds: dict[str, list[float]] | None = None) -> None:
    """Write a benchmark's record below ``figures``: method -> milliseconds, and those of its single repeats where they are kept."""
    kept = rounds or {}
    mixers = [
        {"encoder": encoder, "method": m, "ms": v, "passes": 2.0} | ({"rounds": kept[m]} if m in kept else {})
        for m, v in ms.items()
    ]
    (figures / "bench").mkdir(parents=True, exist_ok=True)
    record = {"mixers": mixers, "repeats": max([4, *map(len, kept.values())])}
    (figures / "bench" / "bench-cpu.json").write_text(json.dumps(record))
