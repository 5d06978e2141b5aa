"""plan, train."""

from __future__ import annotations

import argparse
import functools
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .. import paths
from ..companion import Ahead, check_gpu, describe, hours, resumed
from ..papers import Plan
from ..papers.profiles import PROFILES
from ..runs import environment, launch, saved, slurm
from ..runs.estimate import Costs, disk
from ..runs.launch import jobs_for
from ..runs.records import Records
from ..runs.rehearsal import read, rehearse
from ..runs.run import Run
from ..tasks import CATALOGUE
from ..wording import counted
from . import setting


def plan(args: argparse.Namespace) -> int:
    profile, papers, _ = setting.selected(args)
    plans = setting.plans(args, profile, papers)
    read([r for p in plans.values() for r in p.runs if r.task not in CATALOGUE], use_hub=False)  # those take longer
    show_plan(profile, plans, resumed(profile), 0, "auto")
    return 0


def show_plan(profile: str, plans: dict[str, Plan], store: Records, jobs: int, device: str) -> Ahead:
    """Say what a launch would do.

    Args:
        jobs, device: as for ``launch.launch``.

    Raises:
        RuntimeError: the disk is too small for the checkpoints.
    """
    workers = len(launch.devices(device, jobs))
    costs = Costs(store, device, workers)
    print(f"profile {profile}: {PROFILES[profile].purpose}")
    of_plans = [describe(plan, store, costs, workers) for plan in plans.values()]
    runs = list(dict.fromkeys(run for ahead in of_plans for run in ahead.runs))
    stale = {name: why for ahead in of_plans for name, why in ahead.stale.items()}
    free = shutil.disk_usage(next(p for p in (paths.work(), *paths.work().parents) if p.exists())).free / 1e6
    need, time = disk(runs, workers), hours(costs, runs, workers)
    print(
        f"in all: {counted(len(runs), 'run')} to do, {time}; disk: at most {need:.0f} MB while training, {free / 1e3:.0f} GB free"
    )
    if need > free:
        raise RuntimeError(f"not enough disk: {need:.0f} MB needed below {paths.work()}, {free:.0f} MB free")
    return Ahead(runs, stale)


def train(args: argparse.Namespace) -> int:
    """Say what is ahead and, without ``--dry-run``, do it here or on a cluster. 1 where runs have failed."""
    profile, papers, _ = setting.selected(args)
    here = _checked(args, profile)
    plans = setting.plans(args, profile, papers)
    store = resumed(profile)
    into = Path(args.save).expanduser().resolve() if getattr(args, "save", None) else None
    runs = _runs(plans)
    if into:
        saved.check(runs, into)
    use_hub = any(p.setting.use_hub for p in plans.values())
    read(runs, use_hub)
    stale = show_plan(profile, plans, store, args.jobs, here).stale
    keep = saved.wanted(runs, into, stale) if into else {}
    todo = jobs_for(runs, store, args.retry, stale, keep)
    if lost := len(todo) - len(jobs_for(runs, store, args.retry, stale)):
        print(f"    repeated for their weights, with the same numbers: {counted(lost, 'finished run')}")
    if args.dry_run or not runs:
        return 0
    for note in rehearse([job.run for job in todo.values()], store, use_hub):
        print(f"note: {note}")
    paths.sweep(paths.work())
    how = {"device": args.device, "use_hub": use_hub, "jobs": args.jobs, "threads": args.threads, "again": stale}
    compute = functools.partial(launch.launch if args.slurm is None else _on_cluster(args), retry=args.retry, **how)
    first = list(dict.fromkeys(r for p in plans.values() for r in p.first if not store.done(r)))
    if first:
        print(f"choosing hyperparameters first: {counted(len(first), 'run')}")
    undone = compute(first, store) if first else compute(runs, store, keep=keep)
    if first and all(map(store.done, first)):
        runs = _runs(setting.plans(args, profile, papers))
        keep = saved.wanted(runs, into, stale) if into else {}
        rehearse([job.run for job in jobs_for(runs, store, args.retry, stale, keep).values()], store, use_hub)
        undone = compute(runs, store, keep=keep)
    elif first:  # if one has failed, the others wait: it decides what they are
        runs = first
    print(f"trained: {sum(map(store.done, runs))} of {counted(len(runs), 'run')}")
    if into:
        _save(runs, keep, store, into, use_hub)
    return _say_undone(runs, undone, store)


def _checked(args: argparse.Namespace, profile: str) -> str:
    """Refuse arguments that would make every run fail; the device as far as it is seen from here."""
    # (The GPUs of a cluster are not.)
    here = args.device if args.slurm is None or not args.device.startswith("cuda") else "auto"
    environment.pick_precision("auto", environment.pick_device(here))
    environment.count("jobs", args.jobs)
    environment.count("threads", args.threads)
    if args.slurm is None:
        check_gpu(profile, here)
    else:
        slurm.options(args.slurm)
    return here


def _runs(plans: dict[str, Plan]) -> list[Run]:
    """Of all plans, each once."""
    return list(dict.fromkeys(r for p in plans.values() for r in p.runs))


def _save(runs: list[Run], keep: dict[str, set[str]], store: Records, into: Path, use_hub: bool) -> None:
    """Write the folders of the finished runs whose weights were kept."""
    ready = [r for r in runs if r.hash in keep and store.done(r)]
    for run in ready:
        saved.save(run, store.get(run), into, "python -m mixutils " + shlex.join(sys.argv[1:]), use_hub)
    print(f"saved: {counted(len(ready), 'classifier')} in {into}; there already: {len(runs) - len(keep)}")


def _say_undone(runs: list[Run], lost: list[str], store: Records) -> int:
    """Say which runs have failed or were lost, and how to repeat them; the exit status."""
    failed = [r for r in runs if store.failed(r)]
    for run in failed[:10]:
        print(f"failed: {run.title()} ({run.hash}): {store.get(run)['error'][:200]}")
    if failed:
        again = "the same command" + " with --retry" * any(map(store.given_up, failed))
        print(f"tracebacks are in {store.folder}; once the cause is mended, {again} repeats failed runs")
    if lost:
        print(f"lost with their jobs: {counted(len(lost), 'run')}; the same command submits them again")
    return int(bool(failed or lost))


def _on_cluster(args: argparse.Namespace) -> Callable[..., list[str]]:
    """What stands in for ``launch.launch``; it returns the hashes of lost runs."""
    from ..runs import cluster

    def compute(
        runs: list[Run],
        store: Records,
        *,
        retry: bool,
        again: dict[str, str],
        keep: dict[str, set[str]] | None = None,
        **how: Any,
    ) -> list[str]:
        todo = launch.jobs_for(runs, store, retry, again, keep)
        ids = cluster.submit(todo, store, again=again, arguments=args.slurm, **how)
        if ids:
            further = "python -m mixutils status says how far; the same command goes on from there"
            print(f"submitted as {', '.join(ids)}: {further}")
        elif todo:
            print(f"nothing new to submit; in the queue already: {counted(len(todo), 'run')}")
        lost = cluster.wait(todo, store, keep=keep) if args.wait else []
        if not todo or (args.wait and all(map(store.done, runs))):
            cluster.tidy(runs, keep or {})
        return lost

    return compute
