"""notebooks, site, and all: everything in one go."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from .. import paths
from ..companion import figures, permuted, resumed, shipped, shuffle_seed, stale_runs
from ..companion.parameters import PARAMETERS
from ..papers import Plan
from ..papers.profiles import PROFILES
from ..runs import environment, launch
from ..runs.records import Records
from ..site.catalogue import NOTEBOOKS
from ..wording import counted
from . import setting
from .training import train


def everything(args: argparse.Namespace) -> int:
    begin = time.monotonic()
    shuffle_seed(args.shuffle)  # a wrong one is said before anything is trained
    status = 0 if args.from_records else train(args)
    # What the notebooks show, and what is exported: new records beside those that came with the checkout.
    profile, papers, names = setting.selected(args)
    store = Records(shipped=shipped(profile))
    plans = setting.plans(args, profile, papers, store)
    if args.from_records:
        runs = {r.hash for p in plans.values() for r in p.runs}
        print(f"profile {profile}, from records: {sum(map(store.done, runs))} of {len(runs)} runs are at hand")
    if args.dry_run:
        return status
    if half(args, plans):
        return status
    failed = execute(args, profile, names, train=False)
    if not args.from_records:
        export(profile, plans, store)
    page = build(args, profile, plans, store)
    print(f"{launch.duration(time.monotonic() - begin)}. Look at {page}")
    return say_failed(failed, runs=bool(status))


def notebooks(args: argparse.Namespace) -> int:
    profile, papers, names = setting.selected(args)
    if args.dry_run:
        print("notebooks: " + ", ".join(names))
        return 0
    if args.slurm is None or args.from_records:
        return say_failed(execute(args, profile, names, train=not args.from_records))
    status = train(args)
    if half(args, setting.plans(args, profile, papers)):
        return status
    return say_failed(execute(args, profile, names, train=False), runs=bool(status))


def half(args: argparse.Namespace, plans: dict[str, Plan]) -> bool:
    """Whether a cluster still has runs of the plans to do: nothing is shown of half a plan. Says how to go on."""
    if args.slurm is None or args.from_records:
        return False
    profile = setting.profile(args)
    store = resumed(profile)
    missing = {r.hash for p in plans.values() for r in (*p.first, *p.runs) if not (store.done(r) or store.given_up(r))}
    missing |= {name for p in plans.values() for name in stale_runs(p, store)}
    if missing:
        print(
            f"missing: {counted(len(missing), 'run')}; give the same command again when they are done, or now with --wait"
        )
    return bool(missing)


def site(args: argparse.Namespace) -> int:
    profile, papers, _ = setting.selected(args)
    store = Records(shipped=shipped(profile))
    print(f"Look at {build(args, profile, setting.plans(args, profile, papers, store), store)}")
    return 0


def parameters(args: argparse.Namespace, profile: str, train: bool) -> dict[str, object]:
    """The notebooks' parameters that these arguments mean; what is left to its default is left out."""
    given = {n: getattr(args, n, None) for n in PARAMETERS if n not in ("data", "methods")}  # --data is a variable
    given = {n: v for n, v in given.items() if v is not None and v != PARAMETERS[n]}
    return given | {"profile": profile, "train": train}


def execute(args: argparse.Namespace, profile: str, names: list[str], train: bool) -> list[str]:
    """Execute notebooks; the names of those that failed."""
    from ..site.notebooks import execute_all

    common = parameters(args, profile, train)
    compare = common | ({"methods": args.methods} if args.methods else {})
    wanted = {n: {None: {}, "compare": compare}.get(NOTEBOOKS[n], common) for n in names}
    folder = figures(profile, shuffle_seed(args.shuffle)) / "notebooks"
    # Training takes all cores; without it kernels take memory.
    return execute_all(wanted, folder, workers=1 if train else min(4, environment.cores()))


def say_failed(notebooks: list[str], runs: bool = False) -> int:
    """The exit status; where something failed, the last line says what, and how to repeat it."""
    failed = ["runs"] * runs + ["the notebook" + "s" * (len(notebooks) > 1) + f" {', '.join(notebooks)}"] * bool(
        notebooks
    )
    if failed:
        how = "--retry repeats failed runs" if runs else "--only NAME executes one alone"
        print(f"failed, see above: {' and '.join(failed)}; mend the cause and give the same command again ({how})")
    return int(bool(failed))


def export(profile: str, plans: dict[str, Plan], store: Records) -> None:
    """The records of the plans, and those that came with the checkout, also of what was not asked for."""
    path = paths.figures(profile) / "records.jsonl"
    count = store.export([*(r for p in plans.values() for r in p.runs), *store.shipped], path)
    print(f"records: {counted(count, 'run')} in {path}")


def build(args: argparse.Namespace, profile: str, plans: dict[str, Plan], store: Records) -> Path:
    """Build the site; its first page."""
    from ..site import build

    shuffle = shuffle_seed(args.shuffle)
    banner = "" if shuffle is None else permuted(shuffle)
    return build.build(PROFILES[profile], plans, store, figures(profile, shuffle), banner)
