"""The plan in plain lines, before anything is computed: what is done, to do, failed or stale, and what it costs."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from typing import NamedTuple

from .. import paths
from ..companion import stale_runs
from ..papers import PLANS, Plan
from ..papers.profiles import PROFILES
from ..runs import launch
from ..runs.estimate import Costs, disk, rounded
from ..runs.records import Records
from ..runs.run import Run


class Ahead(NamedTuple):
    """What is ahead of a launch."""

    runs: list[Run]  # to train, each once
    stale: dict[str, str]  # hash -> why a done run is trained again


def show_plan(
    profile: str, plans: dict[str, Plan], store: Records, jobs: int, device: str, say: Callable[[str], None] = print
) -> Ahead:
    """Say what a launch would do.

    Args:
        jobs, device: as for ``launch.launch``.

    Raises:
        RuntimeError: the disk is too small for the weights that runs start from.
    """
    costs, ahead, stale_all = Costs(store, device), {}, {}
    _, workers = launch.devices(device, jobs)
    say(f"profile {profile}: {PROFILES[profile].purpose}")
    for key, plan in plans.items():
        stale = stale_runs(plan, store)
        failed = [r for r in plan.runs if store.failed(r)]
        done = [r for r in plan.runs if store.done(r) and r.hash not in stale]
        todo = [r for r in plan.runs if r.hash in stale or not (store.done(r) or store.failed(r))]
        outdated = list(filter(None, map(store.outdated, plan.runs)))
        ahead |= {r.hash: r for r in todo}
        stale_all |= stale
        seeds = ",".join(map(str, plan.setting.seeds_for(PLANS[key].PAPER.seeds)))
        tasks = ", ".join(dict.fromkeys(c.task for c in plan.columns))
        say(f"{key}: {tasks}; encoder {plan.setting.encoder}; seeds {seeds}; train rows {_train_rows(plan)}")
        for reason in dict.fromkeys(plan.absent.values()):
            say(f"    without {', '.join(k for k, v in plan.absent.items() if v == reason)}: {reason}")
        again = ((len(stale), "stale", next(iter(stale.values()), "")), (len(outdated), "outdated", *outdated[:1]))
        say(
            f"    runs: {len(done)} done, {len(todo)} to do, {len(failed)} failed"
            + "".join(f", {n} {what} and to do again ({why[0]})" for n, what, *why in again if n)
            + (f"; {rounded(costs.wall(todo, workers))} with {workers} workers" if todo else "")
        )
        for run in failed[:3]:
            say(f"    failed: {run.title()}: {store.get(run)['error'][:140]}")
    free = shutil.disk_usage(next(p for p in (paths.work(), *paths.work().parents) if p.exists())).free / 1e6
    need = disk(ahead.values())
    time = rounded(costs.wall(ahead.values(), workers)) if ahead else "no time"
    say(
        f"in all: {len(ahead)} runs to do, {time}; disk: at most {need:.0f} MB while training, {free / 1e3:.0f} GB free"
    )
    if need > free:
        raise RuntimeError(f"not enough disk: {need:.0f} MB needed below {paths.work()}, {free:.0f} MB free")
    return Ahead(list(ahead.values()), stale_all)


def _train_rows(plan: Plan) -> str:
    """What the plan's runs train on: papers have limits of their own, and curves over sizes."""
    sizes = sorted({r.train_size or math.inf for r in plan.runs} or {plan.setting.train_size or math.inf})
    return " to ".join("all" if n == math.inf else f"{n:,}" for n in dict.fromkeys((sizes[0], sizes[-1])))
