"""What the benchmarks share: steps in turns, ratios of steps a moment apart, a record of what was printed.

Machines are noisy, and a ratio within one run is what can be carried elsewhere.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import numpy as np
import torch

from .. import paths
from ..runs import environment
from ..runs.records import compact, write_whole

Turn, Name = TypeVar("Turn"), TypeVar("Name", bound=Hashable)


def timed(work: Callable[[], Any], device: torch.device) -> tuple[Any, float]:
    """What some work returns, and its seconds, with what it leaves to the device."""
    wait(device)
    begin = time.perf_counter()
    out = work()
    wait(device)
    return out, time.perf_counter() - begin


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def in_turns(turns: Iterable[Turn], steps: Mapping[Name, Callable[[Turn], float]]) -> dict[Name, list[float]]:
    """Name -> seconds of its step in every turn. All take one turn before the next, so that a drift hits all alike."""
    out: dict[Name, list[float]] = {name: [] for name in steps}
    for turn in turns:
        for name, step in steps.items():
            out[name].append(step(turn))
    return out


def against(own: Sequence[float], other: Sequence[float], name: str) -> dict[str, float]:
    """Of seconds in the same turns: median ms of one's own, median of the ratio to the other's (``name``), its quartiles."""
    ratios = np.array(own) / np.array(other)
    low, ratio, high = (float(q) for q in np.quantile(ratios, (0.25, 0.5, 0.75)))
    return {"ms": 1e3 * float(np.median(own)), name: ratio, "low": low, "high": high}


def set_up(args: argparse.Namespace) -> torch.device:
    """The device that is measured."""
    device = environment.pick_device(args.device)
    environment.set_up(device, args.threads or environment.cores())
    return device


def write(name: str, device: torch.device, **found: Any) -> None:
    """Store a benchmark's record beside the figures."""
    record = {
        "environment": environment.describe(device, environment.pick_precision("auto", device)),
        "date": datetime.now(UTC).date().isoformat(),
        **found,
    }
    path = paths.figures("bench") / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(compact(record), indent=1).encode())
    print(f"written to {path}")
