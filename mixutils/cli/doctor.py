"""One screen about this machine: versions, device, precision, data sets, hub, disk."""

from __future__ import annotations

import argparse
import os
import shutil
from collections import defaultdict
from collections.abc import Callable

from .. import paths
from ..encoder.load import EncoderError, minilm_folder
from ..runs import environment
from ..tasks import BUILTIN, CATALOGUE, DataError, at_hand, load_task
from ..tasks.folder import names
from ..tasks.hub import reachable
from ..wording import shown

LIBRARIES = "torch transformers datasets numpy scipy pandas scikit-learn statsmodels matplotlib seaborn jupyterlab papermill nbval accelerate sphinx"
MISSING = "MISSING: "


def screen(args: argparse.Namespace) -> int:
    """Print it; 0 if training is possible."""
    device = environment.pick_device("auto")
    here = environment.describe(device, environment.pick_precision("auto", device))
    hardware = "yes" if here["precision"] == "bfloat16" else "no"
    away = "not reachable (decided in seconds; everything but the full profile works without)"
    lines = [
        ("python", f"{here['python']} on {here['system']}"),
        ("libraries", ", ".join(f"{n} {environment.version(n)}" for n in LIBRARIES.split())),
        ("device", f"{here['device']} ({device.type}), {os.cpu_count()} cores"),
        ("precision", f"{here['precision']} (bfloat16 in hardware: {hardware}); one thread per worker"),
        ("encoder", _or_missing(lambda: f"minilm in {minilm_folder()}")),
        ("data", _or_missing(_data)),
        ("built-in", ", ".join(BUILTIN)),
        ("hub", "reachable" if reachable() else away),
        ("disk", _disk()),
    ]
    for name, text in lines:
        print(f"{name:<11} {text}")
    return int(any(text.startswith(MISSING) for _, text in lines))


def _or_missing(find: Callable[[], str]) -> str:
    try:
        return find()
    except (EncoderError, FileNotFoundError) as error:
        return f"{MISSING}{error}"


def _data() -> str:
    """What is in the data folder; further lines begin below the first one's text."""
    if (root := paths.data()) is None:
        return "no folder (--data or MIXUTILS_DATA); the built-in tasks need none"
    tasks = defaultdict(list)  # by where they are, or by why not
    for task in CATALOGUE:
        try:
            here, reason = at_hand(task, False)
        except DataError as error:
            here, reason = False, str(error)
        tasks["" if here else reason].append(task)
    there = tasks.pop("", [])
    lines = [f"{root}: {len(there)} of {len(CATALOGUE)} of the catalogue" + f" ({', '.join(there)})" * bool(there)]
    lines += [f"{reason}: {', '.join(missing)}" for reason, missing in tasks.items()]
    of_catalogue = {s.split("/")[0] for task in CATALOGUE.values() for part in task.parts.values() for s in part}
    own, bad = [], []
    for task in (n for n in names(root) if n not in of_catalogue):
        try:
            load_task(task, False)  # all of it is read: what is listed can be trained on
        except DataError as error:
            bad.append(f"not readable, {shown(task)}: {error}")
        else:
            own.append(task)
    lines += [f"your own: {', '.join(own)}"] if own else []
    return f"\n{12 * ' '}".join(lines + bad)


def _disk() -> str:
    work = paths.work()
    size = sum(p.stat().st_size for p in work.rglob("*") if p.is_file()) / 1e6  # of no folder: nothing
    free = shutil.disk_usage(work if work.exists() else paths.ROOT).free / 1e9
    return f"{free:.0f} GB free; {work} holds {size:.0f} MB"
