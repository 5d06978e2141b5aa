"""DMIX at scale: the closed form against explicit Möbius sums, and the matrix of a whole data set beside its dense form.

``python -m mixutils bench --scale``. Times are of this machine under its present load; what carries over are ratios.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..encoder.load import load_tokenizer
from ..mixers.basematrix import BaseMatrix, Range
from ..mixers.geometry import Points
from ..mixers.pairmatrix import PairMatrix
from ..tasks import EncodedTask, at_hand, encode, load_task
from . import timing
from .steps import Stepper

TASK, BATCH_SIZE = "sst2-glue", 8
POINTS, WIDTH = 10_000, 768
BYTES = 256 * 2**20  # memory of one block of explicit sums


def explicit_rows(e: Tensor, rows: Tensor) -> Tensor:
    """Distances (R, N) from R × N × d Möbius sums, as printed; the form that the closed one replaces."""
    x, y = -e[None, :, :], e[rows][:, None, :]
    xy, xx, yy = (x * y).sum(-1), (x * x).sum(-1), (y * y).sum(-1)
    above = (1 + 2 * xy + yy)[..., None] * x + (1 - xx)[..., None] * y
    return 2 * torch.atan((above / (1 + 2 * xy + xx * yy)[..., None]).norm(dim=-1))


def closed_against_explicit(device: torch.device, blocks: int = 8) -> dict[str, Any]:
    """Seconds for all pairs of ``POINTS`` embeddings in both forms, by rows; explicit sums are timed on a few blocks."""
    rng = np.random.default_rng(0)
    e = torch.from_numpy(rng.normal(size=(POINTS, WIDTH)).astype(np.float32)).to(device) * 0.5
    size = max(1, BYTES // (POINTS * WIDTH * e.element_size()))
    ranges = [torch.arange(i * size, (i + 1) * size, device=device) for i in range(blocks)]
    took = [timing.timed(partial(explicit_rows, e, rows), device) for rows in ranges]
    per_row = median(seconds for _, seconds in took) / size

    def all_rows() -> Points:
        points = Points(e)
        for rows in points.blocks():
            points.between(rows)
        return points

    points, seconds = timing.timed(all_rows, device)
    explicit, rows = took[-1][0], ranges[-1]
    closed = points.between(rows)
    other = torch.arange(POINTS, device=device) != rows[:, None]
    return {
        "points": POINTS,
        "width": WIDTH,
        "explicit_s": per_row * POINTS,
        "closed_s": seconds,
        "speed_up": per_row * POINTS / seconds,
        "largest_relative_error": float(((closed - explicit) / explicit)[other].abs().max()),
    }


def scale_task(encoder: str) -> EncodedTask:
    """All phrases of SST-2, or as many built-in sentences as there are where it is missing."""
    name = TASK if at_hand(TASK, False)[0] else "docs-coarse"
    data = load_task(name, use_hub=False)
    return encode(data.with_splits({"train": data.splits["train"]}), load_tokenizer(encoder))


def steps(encoder: str, task: EncodedTask, device: torch.device, repeats: int) -> dict[str, Any]:
    """Set-up, memory and step time of DMIX on a whole data set, in turns with TMix with partners from the data set."""
    n = len(task.splits["train"])
    layers = (3, 4, 6, 7, 9, 12)
    tmix = Stepper("tmix", {"pairing": "dataset", "levels": layers}, encoder, task, device)
    dmix, setup = timing.timed(lambda: Stepper("dmix", {}, encoder, task, device), device)
    start = _reset_peak(device)
    base, matrix_s = timing.timed(dmix.mixer._base, device)
    peak = _peak(device) - start
    rng = np.random.default_rng(0)
    epoch, matrix_ms = one_epoch(base, n, rng)

    def step(stepper: Stepper, turn: tuple[Tensor, int]) -> float:
        rows, level = turn  # the same for both: what a level costs is not what is compared
        stepper.mixer.options = replace(stepper.mixer.options, levels=(level,))
        return stepper.step(rows)

    turns = (
        (torch.from_numpy(rng.permutation(n)[:BATCH_SIZE]).to(device), int(rng.choice(layers))) for _ in range(repeats)
    )
    took = timing.in_turns(turns, {"tmix": partial(step, tmix), "dmix": partial(step, dmix)})
    ratio = timing.against(took["dmix"], took["tmix"], "over_tmix")
    embeddings = sum(t.numel() * t.element_size() for t in (dmix.mixer.embeddings, dmix.mixer.points.vectors))
    return {
        "rows": n,
        "setup_s": setup,
        "of_it_matrix_s": matrix_s,
        "distances_peak_mb": peak,
        "matrix_mb": epoch.memory() / 1e6,
        "matrix_ms": matrix_ms,
        "embeddings_mb": embeddings / 1e6,
        "dense_mb": 12 * n * n / 1e6,
        "tmix_ms": 1e3 * median(took["tmix"]),
        "dmix_ms": ratio.pop("ms"),
        **ratio,
        "selected": dmix.mixer.log()["set_mean"],
    }


def _reset_peak(device: torch.device) -> float:
    """Megabytes in use; from here on ``_peak`` counts. NaN where the system does not say."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return torch.cuda.memory_allocated(device) / 1e6
    try:
        Path("/proc/self/clear_refs").write_text("5")  # Linux: forget the process's highest resident size
    except OSError:
        return math.nan
    return _status("VmRSS")


def _peak(device: torch.device) -> float:
    """Megabytes at most since ``_reset_peak``."""
    return torch.cuda.max_memory_allocated(device) / 1e6 if device.type == "cuda" else _status("VmHWM")


def _status(name: str) -> float:
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return math.nan
    return next((int(x.split()[1]) * 1024 / 1e6 for x in lines if x.startswith(name + ":")), math.nan)


def one_epoch(base: BaseMatrix, n: int, rng: np.random.Generator) -> tuple[PairMatrix, float]:
    """The matrix after every row was visited once, without a model; and the milliseconds of one of its steps."""
    matrix, device = PairMatrix(base, Range("clamp")), base.top.device
    batches = torch.from_numpy(rng.permutation(n)).to(device).split(BATCH_SIZE)

    def visit() -> None:
        for rows in batches:
            columns = (rows + 1 + torch.from_numpy(rng.integers(n - 1, size=len(rows))).to(device)) % n
            matrix.gather(rows, columns).sum().backward()
            matrix.after_step(2e-5)

    return matrix, 1e3 * timing.timed(visit, device)[1] / len(batches)


def main(args: argparse.Namespace) -> int:
    """Measure, print, write a record."""
    device = timing.set_up(args)
    geometry = closed_against_explicit(device)
    print(
        f"{POINTS} x {POINTS} distances in {WIDTH} dimensions: explicit sums {geometry['explicit_s']:.0f} s, closed form "
        f"{geometry['closed_s']:.1f} s, {geometry['speed_up']:.0f} times as fast; "
        f"relative difference at most {geometry['largest_relative_error']:.0e}"
    )
    encoder = args.encoders.split(",")[0]
    found = steps(encoder, scale_task(encoder), device, 20 * args.repeats)
    print(
        f"{found['rows']} texts, {encoder}: set-up {found['setup_s']:.0f} s, of it distances {found['of_it_matrix_s']:.0f} s "
        f"with {found['distances_peak_mb']:.0f} MB at most beside the embeddings; "
        f"matrix state after an epoch {found['matrix_mb']:.0f} MB beside {found['embeddings_mb']:.0f} MB of embeddings "
        f"(dense with Adam's moments {found['dense_mb'] / 1e3:.1f} GB)\n"
        f"step, batch {BATCH_SIZE}: TMix {found['tmix_ms']:.0f} ms, DMIX {found['dmix_ms']:.0f} ms, ratio "
        f"{found['over_tmix']:.2f} ({found['low']:.2f}-{found['high']:.2f})"
    )
    timing.write(f"scale-{device.type}", device, geometry=geometry, matrix=found)
    return 0
