"""What the probes of DMIX measure, made up: the shapes that reports draw, with numbers that are easy to check."""

from __future__ import annotations

from typing import Any

import numpy as np

from mixutils.runs.run import Run
from tests.notebook import measuring

TRAC = ["CAG", "NAG", "OAG"]


def geometry(run: Run) -> dict[str, Any]:
    """All of M at 0.8: thresholds up to 0.8 select everybody, higher ones the row's maximum only."""
    n, classes = 10, 2
    made = measuring("dmix_thresholds")
    share = [1.0 if t <= 0.8 else 1 / (n - 1) for t in made.GRID]
    histogram = [0] * made.BINS
    histogram[int(0.8 * made.BINS)] = n * (n - 1)
    matrix = {
        "share": {"mean": share, "min": share, "max": share},
        "histogram": histogram,
        "m": {"mean": 0.8, "min": 0.7},
        "partner": {
            "times": np.linspace(2, 0, 21).tolist(),
            "most": 2.0,
            "top_tenth": 0.2,
            "never": 0.1,
            "weight": 0.8,
            "partner_labels": [0.25, 0.75],
            "labels": [1 / classes] * classes,
        },
    }
    agreement = {"spearman": 0.5, "shared": 0.25}
    return {
        "n": n,
        "norm": {"mean": 7.0, "min": 6.0, "max": 8.0},
        "cosine": 0.7,
        "grid": list(made.GRID),
        "bins": np.linspace(0, 1, made.BINS + 1).tolist(),
        "kinds": {kind: dict.fromkeys(made.NORMS, matrix) for kind in made.DISTANCES},
        "order": {kind: agreement for kind in made.DISTANCES if kind != "hyperbolic"},
        "plane": {
            "xy": [[float(i), float(i % 3)] for i in range(n)],
            "labels": [i % 2 for i in range(n)],
            "explained": 0.3,
            "lines": [[0, 5], [1, 7]],
            "times": list(range(n)),
        },
    }


def attention(run: Run, word: str = "word", label: str = "no") -> dict[str, Any]:
    """Two words a sentence; every method predicts "yes", or NAG for TRAC's sentences."""
    look = {"words": [word, "b"], "attention": [0.1, 0.4], "confidence": 0.6}
    trac = run.task == "trac"
    return {
        "labels": TRAC if trac else ["no", "yes"],
        "printed": [look | {"predicted": "NAG", "label": "NAG"} for _ in measuring("dmix_attention").PRINTED]
        if trac
        else [],
        "real": [look | {"predicted": p, "label": label} for p in ("no", "yes")],
    }


def movement(run: Run) -> dict[str, Any]:
    """Ten entries moved by up to 0.1; three of four measured pairs towards the belief."""
    return {
        "n": 10,
        "visited": 10,
        "mean": 0.02,
        "max": 0.1,
        "up": 0.5,
        "edges": [-0.1, 0.0, 0.1],
        "histogram": [5, 5],
        "pairs": {"start": [0.9] * 4, "end": [0.8, 0.85, 0.87, 0.95], "belief": [0.1, 0.4, 0.5, 0.6], "towards": 0.75},
    }


PROBES = {"dmix-geometry": geometry, "dmix-attention": attention, "dmix-matrix": movement}
