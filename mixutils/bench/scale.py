"""DMIX at scale: the closed form against explicit Möbius sums, and the matrix of a whole data set beside its dense form.

``python -m mixutils bench --scale``. Times are of this machine under its present load; what carries over are ratios.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .. import paths
from ..encoder.load import load_tokenizer
from ..mixers.basematrix import BaseMatrix, Range
from ..mixers.geometry import Points
from ..mixers.pairmatrix import PairMatrix
from ..runs import environment
from ..runs.records import compact, write_whole
from ..tasks import EncodedTask, at_hand, encode, load_task
from .steps import Stepper, _wait

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
    per_row = []
    for i in range(blocks):
        rows = torch.arange(i * size, (i + 1) * size, device=device)
        _wait(device)
        begin = time.perf_counter()
        explicit = explicit_rows(e, rows)
        _wait(device)
        per_row.append((time.perf_counter() - begin) / size)
    begin = time.perf_counter()
    points = Points(e)
    for rows in points.blocks():
        closed = points.between(rows)
    _wait(device)
    seconds = time.perf_counter() - begin
    rows = torch.arange((blocks - 1) * size, blocks * size, device=device)
    closed = points.between(rows)
    other = torch.arange(POINTS, device=device) != rows[:, None]
    return {
        "points": POINTS,
        "width": WIDTH,
        "explicit_s": median(per_row) * POINTS,
        "closed_s": seconds,
        "speed_up": median(per_row) * POINTS / seconds,
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
    begin = time.perf_counter()
    dmix = Stepper("dmix", {}, encoder, task, device)
    _wait(device)
    setup = time.perf_counter() - begin
    start, begin = _reset_peak(device), time.perf_counter()
    base = dmix.mixer._base()
    _wait(device)
    matrix_s = time.perf_counter() - begin
    peak = _peak(device) - start
    rng = np.random.default_rng(0)
    epoch, matrix_ms = one_epoch(base, n, rng)
    seconds: dict[str, list[float]] = {"tmix": [], "dmix": []}
    for _ in range(repeats):
        rows = torch.from_numpy(rng.permutation(n)[:BATCH_SIZE]).to(device)
        level = int(rng.choice(layers))  # the same for both: what a level costs is not what is compared
        for name, stepper in (("tmix", tmix), ("dmix", dmix)):
            stepper.mixer.options = replace(stepper.mixer.options, levels=(level,))
            seconds[name].append(stepper.step(rows))
    ratios = np.array(seconds["dmix"]) / np.array(seconds["tmix"])
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
        "tmix_ms": 1e3 * median(seconds["tmix"]),
        "dmix_ms": 1e3 * median(seconds["dmix"]),
        "over_tmix": float(np.median(ratios)),
        "low": float(np.quantile(ratios, 0.25)),
        "high": float(np.quantile(ratios, 0.75)),
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
    begin, batches = time.perf_counter(), torch.from_numpy(rng.permutation(n)).to(device).split(BATCH_SIZE)
    for rows in batches:
        columns = (rows + 1 + torch.from_numpy(rng.integers(n - 1, size=len(rows))).to(device)) % n
        matrix.gather(rows, columns).sum().backward()
        matrix.after_step(2e-5)
    _wait(device)
    return matrix, 1e3 * (time.perf_counter() - begin) / len(batches)


def main(args: argparse.Namespace) -> int:
    """Measure, print, write a record."""
    device = environment.pick_device(args.device)
    environment.set_up(device, args.threads or environment.cores())
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
    record = {
        "environment": environment.describe(device, environment.pick_precision("auto", device)),
        "date": datetime.now(UTC).date().isoformat(),
        "geometry": geometry,
        "matrix": found,
    }
    path = paths.figures("bench") / f"scale-{device.type}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(compact(record), indent=1).encode())
    print(f"written to {path}")
    return 0
