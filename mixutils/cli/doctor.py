"""One screen about this machine: versions, device, precision, data sets, hub, disk."""

from __future__ import annotations

import os
import platform
import shutil
from typing import TextIO

import torch

from .. import paths
from ..encoder.load import EncoderError, minilm_folder
from ..runs import environment
from ..tasks import BUILTIN, CATALOGUE, at_hand
from ..tasks.folder import names
from ..tasks.hub import reachable

LIBRARIES = (
    "torch",
    "transformers",
    "datasets",
    "numpy",
    "scipy",
    "pandas",
    "scikit-learn",
    "statsmodels",
    "matplotlib",
    "seaborn",
    "jupyterlab",
    "papermill",
    "nbval",
    "accelerate",
)


def main(out: TextIO) -> int:
    """Print the screen; 0 if training is possible."""
    device = environment.pick_device("auto")

    def line(name: str, text: str) -> None:
        print(f"{name:<11} {text}", file=out)

    line("python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    line("libraries", ", ".join(f"{n} {environment.version(n)}" for n in LIBRARIES))
    line(
        "device",
        f"{torch.cuda.get_device_name(device) if device.type == 'cuda' else environment.cpu_name()} ({device.type}), {os.cpu_count()} cores",
    )
    line(
        "precision",
        f"{environment.pick_precision('auto', device)} (bfloat16 in hardware: "
        f"{'yes' if environment.pick_precision('auto', device) == 'bfloat16' else 'no'}); one thread per worker",
    )
    ok = True
    try:
        line("encoder", f"minilm in {minilm_folder()}")
    except EncoderError as error:
        line("encoder", f"MISSING: {error}")
        ok = False
    try:
        root = paths.data()
        if root is None:
            line("data", "no folder (--data or MIXUTILS_DATA); the built-in tasks need none")
    except FileNotFoundError as error:
        line("data", f"MISSING: {error}")
        root, ok = None, False
    if root is not None:
        found = [t for t in CATALOGUE if at_hand(t, False)[0]]
        own = [
            n for n in names(root) if not any(n in s for t in CATALOGUE.values() for p in t.parts.values() for s in p)
        ]
        line("data", f"{root}: {len(found)} of {len(CATALOGUE)} of the catalogue ({', '.join(found)})")
        reasons: dict[str, list[str]] = {}
        for task in CATALOGUE:
            if task not in found:
                reasons.setdefault(at_hand(task, False)[1], []).append(task)
        missing = [f"{', '.join(tasks)} ({reason})" for reason, tasks in reasons.items()]
        line("", f"missing: {'; '.join(missing)}" if missing else "nothing is missing")
        if own:
            line("own data", ", ".join(own))
    line("built-in", ", ".join(BUILTIN))
    line(
        "hub",
        "reachable"
        if reachable()
        else "not reachable (decided in seconds; everything but the full profile works without)",
    )
    work = paths.work()
    place = work if work.exists() else paths.ROOT
    size = sum(p.stat().st_size for p in work.rglob("*") if p.is_file()) / 1e6 if work.exists() else 0
    line("disk", f"{shutil.disk_usage(place).free / 1e9:.0f} GB free; {work} holds {size:.0f} MB")
    return 0 if ok else 1
