"""Trained classifiers kept as plain Hugging Face folders (``train --save DIR``).

What is kept is the best checkpoint on validation where a run is evaluated on a part of that name, and the last one
otherwise; the test part never chooses. Weights come out of a run as a checkpoint; a finished run without one is repeated, which
gives the same bits.
"""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections.abc import Collection, Iterable
from pathlib import Path

import torch

from ..encoder.export import as_transformers
from ..encoder.load import load_encoder
from ..encoder.model import Classifier
from ..mixers import REGISTRY, build
from ..mixers.base import Mixer
from . import checkpoints
from .estimate import megabytes
from .execute import build_model, cached_task, tokenizer
from .run import Run
from .schema import Record


def policy(run: Run) -> str:
    """Which checkpoint is kept, see the module."""
    return "best-on-validation" if "validation" in run.evaluate else "last"


def folder_of(run: Run, into: Path) -> Path:
    """TASK-METHOD-SEED-HASH, with eight digits of the hash."""
    task = re.sub(r"[^\w.-]+", "-", run.task)
    return into / f"{task}-{run.method}-{run.seed}-{run.hash[:8]}"


def wanted(runs: Iterable[Run], into: Path, again: Collection[str] = ()) -> dict[str, set[str]]:
    """Hash -> checkpoints to keep, of the runs that have no folder yet, or will be trained again."""
    return {r.hash: {policy(r)} for r in runs if r.hash in again or not (folder_of(r, into) / "config.json").is_file()}


def check(runs: Iterable[Run], into: Path) -> None:
    """Refuse what cannot be kept, before anything is trained.

    Raises:
        ValueError: methods that predict by something else than a linear layer, by name; an encoder without an equal head in
            transformers; a place that is no folder. RuntimeError: too little disk.
    """
    runs = list(runs)
    kinds = {(r.method, r.options) for r in runs}
    other = sorted({m for m, options in kinds if type(build(m, **dict(options))).predict is not Mixer.predict})
    if other:
        raise ValueError(
            f"--save is not for {', '.join(other)}: they predict in ways of their own (as by label embeddings), for which transformers has no head; "
            "leave them out, as with --only compare --methods NAME,NAME"
        )
    with torch.random.fork_rng(devices=[]):
        for name in dict.fromkeys(r.encoder for r in runs):
            as_transformers(Classifier(load_encoder(name), 2), ("a", "b"))
    try:
        into.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"--save takes a folder, which {str(into)[:200]!r} cannot be ({error.strerror})") from None
    missing = wanted(runs, into)
    need = 2 * sum(megabytes(r) for r in runs if r.hash in missing)  # a checkpoint, until its folder is there
    if need > (free := shutil.disk_usage(into).free / 1e6):
        raise RuntimeError(f"not enough disk for --save: {need:.0f} MB needed in {into}, {free:.0f} MB free")


def save(run: Run, record: Record, into: Path, command: str, use_hub: bool = True) -> Path:
    """Write the folder of a finished run whose checkpoint is there, and delete the checkpoint if nothing else needs it.

    The embedding has its full vocabulary again; rows that the data do not use are as pretrained.

    Returns:
        The folder; it appears as a whole or not at all.
    """
    kept, labels = policy(run), record["data"]["labels"]
    model = build_model(run.with_(start=None, start_policy=""), len(labels), torch.device("cpu"))
    checkpoints.load_weights(model, run.hash, kept)
    whole, words = as_transformers(model.eval(), labels), tokenizer(run.encoder)
    words.model_max_length = model.fits(run.max_length)
    # What ``predict`` has to know beside.
    pair = cached_task(run.task, use_hub)[0].pair
    whole.config.mixutils = {"task": run.task, "run": run.hash, "pair": pair, "max_length": words.model_max_length}
    place = folder_of(run, into)
    temporary = into / f".{place.name}.{uuid.uuid4().hex}.tmp"
    whole.save_pretrained(temporary)
    words.save_pretrained(temporary)
    (temporary / "README.md").write_text(_readme(run, record, kept, command), "utf-8")
    shutil.rmtree(place, ignore_errors=True)
    os.replace(temporary, place)
    if kept != run.probe_policy:
        checkpoints.checkpoint_path(run.hash, kept).unlink(missing_ok=True)
    return place


def _readme(run: Run, record: Record, kept: str, command: str) -> str:
    chosen = record["selected"][kept]
    lines = [
        f"# {run.task}: {REGISTRY[run.method].title}, seed {run.seed}",
        "",
        f"Classes: {', '.join(record['data']['labels'])}. Checkpoint: {kept}, after {chosen['step']} updates.",
        "",
        "| part | rows | accuracy | macro F1 |",
        "|---|---|---|---|",
    ]
    for part, m in chosen["metrics"].items():
        rows = record["data"]["sizes"][part]
        lines.append(f"| {part} | {rows} | {100 * m['accuracy']:.2f} | {100 * m['f1_macro']:.2f} |")
    lines += [
        "",
        f"- method: {run.title()}",
        f"- training rows: {record['data']['sizes']['train']}; digest of the data: {record['data']['digest']}",
        f"- encoder: {run.encoder}; digest: {record.get('encoder', {}).get('digest', 'unknown')}",
        f"- run: {run.hash}, of {record['date']}, commit {record.get('commit') or 'unknown'}",
        f"- command: `{command}`",
        "",
        "`python -m mixutils predict DIR FILE` predicts with it, and so does "
        "`transformers.AutoModelForSequenceClassification.from_pretrained(DIR)`.",
        "",
    ]
    return "\n".join(lines)
