"""Tidy frames without records: whatever numbers a test wants, in the shape of ``evidence.frame``."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

Key = tuple[str, str, str]  # table, row, column


def pack(right: np.ndarray) -> str:
    return np.packbits(right.astype(bool)).tobytes().hex()


def made(
    reported: Mapping[Key, np.ndarray],
    selecting: Mapping[Key, np.ndarray] | None = None,
    bits: Mapping[Key, np.ndarray] | None = None,
    **fields: object,
) -> pd.DataFrame:
    """A frame of cells with seeds 0, 1, ….

    Args:
        reported: cell -> (n,) numbers of the reported part "test"; the column's name is its task, unless it is "task@rows".
        selecting: the same of the part "validation", where there is one. bits: cell -> (n, R) bool, right or wrong rows.
        fields: columns in place of the usual ones; a function is called with (key, seed).
    """
    lines = []
    for key, values in reported.items():
        table, row, column = key
        task, _, rows = column.partition("@")
        for seed, value in enumerate(np.asarray(values, dtype=float)):
            line = {"paper": "p", "table": table, "row": row, "column": column, "title": column.upper(), "task": task}
            line |= {
                "method": row,
                "options": "",
                "encoder": "e",
                "seed": seed,
                "train_rows": int(rows or 250),
                "capped": False,
            }
            line |= {"select": "validation" if selecting else "", "report": "test", "policy": "best-on-validation"}
            line |= {"part": "test", "metric": "accuracy", "floor": False, "primary": True, "value": value, "step": 1}
            line |= {
                "predicted": 2.0,
                "bits": "",
                "rows": "",
                "size": 10_000,
                "classes": 2,
                "precision": "float32-highest",
            }
            line |= {"first": 1, "last": 1, "version": "0", "commit": "", "hash": f"{row}/{column}/{seed}"}
            if bits:
                line |= {"bits": pack(bits[key][seed]), "rows": f"rows of {task}", "size": bits[key].shape[1]}
            line |= {name: f(key, seed) if callable(f) else f for name, f in fields.items()}
            lines.append(line)
            if selecting:
                chosen = {"part": "validation", "primary": False, "value": selecting[key][seed], "bits": "", "rows": ""}
                lines.append(line | chosen)
    return pd.DataFrame(lines)


def noise(rng: np.random.Generator, kind: str, shape: tuple[int, ...]) -> np.ndarray:
    """Noise of variance 1: "normal", "heavy" (Student's t with 3 degrees of freedom) or "collapse": a difference of two methods
    of which each run falls far below with a probability of 0.1."""
    if kind == "heavy":
        return rng.standard_t(3, shape) / np.sqrt(3)
    x = rng.standard_normal(shape)
    if kind == "normal":
        return x
    fallen = (rng.random(shape) < 0.1).astype(float) - (rng.random(shape) < 0.1)
    return (x + 8 * fallen) / np.sqrt(1 + 64 * 0.18)
