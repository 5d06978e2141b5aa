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
from ..companion import Ahead, check_gpu, describe, hours, shipped
from ..papers import Plan
from ..papers.profiles import PROFILES
from ..runs import environment, launch, saved, slurm
from ..runs.estimate import Costs, disk
from ..runs.launch import jobs_for
from ..runs.records import Records
from ..runs.rehearsal import read, rehearse
from ..runs.run import Run
from ..tasks import CATALOGUE
from . import setting


def plan(args: argparse.Namespace) -> int:
    profile, papers, _ = setting.selected(args)
    plans = setting.plans(args, profile, papers)
    read([r for p in plans.values() for r in p.runs if r.task not in CATALOGUE], use_hub=False)  # those take longer
    show_plan(profile, plans, Records(), 0, "auto")
    return 0


def show_plan(profile: str, plans: dict[str, Plan], store: Records, jobs: int, device: str) -> Ahead:
    """Say what a launch would do.

    Args:
        jobs, device: as for ``launch.launch``.

    Raises:
        RuntimeError: the disk is too small for the checkpoints.
    """
    costs, workers = Costs(store, device), len(launch.devices(device, jobs))
    print(f"profile {profile}: {PROFILES[profile].purpose}")
    of_plans = [describe(plan, store, costs, workers) for plan in plans.values()]
    runs = list(dict.fromkeys(run for ahead in of_plans for run in ahead.runs))
    stale = {name: why for ahead in of_plans for name, why in ahead.stale.items()}
    free = shutil.disk_usage(next(p for p in (paths.work(), *paths.work().parents) if p.exists())).free / 1e6
    need, time = disk(runs, workers), hours(costs, runs, workers)
    print(
        f"in all: {len(runs)} runs to do, {time}; disk: at most {need:.0f} MB while training, {free / 1e3:.0f} GB free"
    )
    if need > free:
        raise RuntimeError(f"not enough disk: {need:.0f} MB needed below {paths.work()}, {free:.0f} MB free")
    return Ahead(runs, stale)


def train(args: argparse.Namespace) -> int:
    """Say what is ahead and, without ``--dry-run``, do it here or on a cluster. 1 where runs have failed."""
    profile, papers, _ = setting.selected(args)
    # What would make every run fail is said before the first one.
    # (Of a cluster the GPUs are not seen from here.)
    here = args.device if args.slurm is None or not args.device.startswith("cuda") else "auto"
    environment.pick_precision("auto", environment.pick_device(here))
    environment.count("jobs", args.jobs)
    environment.count("threads", args.threads)
    if args.slurm is None:
        check_gpu(profile, here)
    else:
        slurm.options(args.slurm)
    plans = setting.plans(args, profile, papers)
    store = Records(shipped=shipped(profile) if PROFILES[profile].resumes else ())
    into = Path(args.save).expanduser().resolve() if getattr(args, "save", None) else None
    if into:
        saved.check((r for p in plans.values() for r in p.runs), into)
    runs = list(dict.fromkeys(r for p in plans.values() for r in p.runs))
    use_hub = any(p.setting.use_hub for p in plans.values())
    read(runs, use_hub)
    ahead = show_plan(profile, plans, store, args.jobs, here)
    keep = saved.wanted(runs, into, ahead.stale) if into else {}
    todo = jobs_for(runs, store, args.retry, ahead.stale, keep)
    if lost := len(todo) - len(jobs_for(runs, store, args.retry, ahead.stale)):
        print(f"    {lost} finished runs are repeated for their weights, with the same numbers")
    if args.dry_run or not runs:
        return 0
    for note in rehearse([job.run for job in todo.values()], store, use_hub):
        print(f"note: {note}")
    paths.sweep(paths.work())
    how = {"device": args.device, "use_hub": use_hub, "jobs": args.jobs, "threads": args.threads, "again": ahead.stale}
    compute = functools.partial(launch.launch if args.slurm is None else _on_cluster(args), retry=args.retry, **how)
    first = list(dict.fromkeys(r for p in plans.values() for r in p.first if not store.done(r)))
    if first:
        print(f"{len(first)} runs choose hyperparameters first")
    undone = compute(first, store) if first else compute(runs, store, keep=keep)
    if first and all(map(store.done, first)):
        runs = list(dict.fromkeys(r for p in setting.plans(args, profile, papers).values() for r in p.runs))
        keep = saved.wanted(runs, into, ahead.stale) if into else {}
        undone = compute(runs, store, keep=keep)
    elif first:  # if one has failed, the others wait: it decides what they are
        runs = first
    print(f"trained: {sum(map(store.done, runs))} of {len(runs)} runs are done")
    ready = [r for r in runs if r.hash in keep and store.done(r)]
    for run in ready:
        saved.save(run, store.get(run), into, "python -m mixutils " + shlex.join(sys.argv[1:]), use_hub)
    if into:
        print(f"saved: {len(ready)} classifiers in {into}, {len(runs) - len(keep)} were there already")
    failed = [r for r in runs if store.failed(r)]
    for run in failed[:10]:
        print(f"failed: {run.title()} ({run.hash}): {store.get(run)['error'][:200]}")
    if failed:
        again = "the same command" + " with --retry" * any(map(store.given_up, failed))
        print(f"tracebacks are in {store.folder}; once the cause is mended, {again} repeats failed runs")
    if undone:
        print(f"{len(undone)} runs were lost with their jobs; the same command submits them again")
    return int(bool(failed or undone))


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
            print(f"nothing new to submit: {len(todo)} runs are in the queue already")
        lost = cluster.wait(todo, store, keep=keep) if args.wait else []
        if not todo or (args.wait and all(map(store.done, runs))):
            cluster.tidy(runs, keep or {})
        return lost

    return compute
