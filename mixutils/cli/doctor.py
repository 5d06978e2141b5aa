"""One screen about this machine: versions, device, precision, data sets, hub, disk."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
from collections import defaultdict

import torch

from .. import paths
from ..encoder.load import EncoderError, minilm_folder
from ..runs import environment
from ..tasks import BUILTIN, CATALOGUE, at_hand
from ..tasks.folder import names
from ..tasks.hub import reachable

LIBRARIES = "torch transformers datasets numpy scipy pandas scikit-learn statsmodels matplotlib seaborn jupyterlab papermill nbval accelerate sphinx"
MISSING = "MISSING: "


def screen(args: argparse.Namespace) -> int:
    """Print it; 0 if training is possible."""
    device = environment.pick_device("auto")
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else environment.cpu_name()
    precision = environment.pick_precision("auto", device)
    hardware = "yes" if precision == "bfloat16" else "no"
    away = "not reachable (decided in seconds; everything but the full profile works without)"
    lines = [
        ("python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        ("libraries", ", ".join(f"{n} {environment.version(n)}" for n in LIBRARIES.split())),
        ("device", f"{name} ({device.type}), {os.cpu_count()} cores"),
        ("precision", f"{precision} (bfloat16 in hardware: {hardware}); one thread per worker"),
        ("encoder", _encoder()),
        *_data(),
        ("built-in", ", ".join(BUILTIN)),
        ("hub", "reachable" if reachable() else away),
        ("disk", _disk()),
    ]
    for name, text in lines:
        print(f"{name:<11} {text}")
    return int(any(text.startswith(MISSING) for _, text in lines))


def _encoder() -> str:
    try:
        return f"minilm in {minilm_folder()}"
    except EncoderError as error:
        return f"{MISSING}{error}"


def _data() -> list[tuple[str, str]]:
    try:
        root = paths.data()
    except FileNotFoundError as error:
        return [("data", f"{MISSING}{error}")]
    if root is None:
        return [("data", "no folder (--data or MIXUTILS_DATA); the built-in tasks need none")]
    found, missing = [], defaultdict(list)
    for task in CATALOGUE:
        here, reason = at_hand(task, False)
        (found if here else missing[reason]).append(task)
    absent = "; ".join(f"{', '.join(tasks)} ({reason})" for reason, tasks in missing.items())
    of_catalogue = {s for task in CATALOGUE.values() for part in task.parts.values() for s in part}
    own = [n for n in names(root) if not any(n in s for s in of_catalogue)]
    lines = [
        ("data", f"{root}: {len(found)} of {len(CATALOGUE)} of the catalogue ({', '.join(found)})"),
        ("", f"missing: {absent}" if absent else "nothing is missing"),
    ]
    return [*lines, ("own data", ", ".join(own))] if own else lines


def _disk() -> str:
    work = paths.work()
    size = sum(p.stat().st_size for p in work.rglob("*") if p.is_file()) / 1e6  # of no folder: nothing
    free = shutil.disk_usage(work if work.exists() else paths.ROOT).free / 1e9
    return f"{free:.0f} GB free; {work} holds {size:.0f} MB"
