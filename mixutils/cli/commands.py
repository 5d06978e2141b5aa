"""What each command of the command line does, with plain lines for people."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from .. import paths
from ..companion import check_gpu, figures, make_plan, permuted, shipped, shown, shuffle_seed
from ..papers import PLANS, Plan
from ..papers.profiles import PROFILES
from ..runs import environment, launch
from ..runs.estimate import Costs
from ..runs.records import Records, write_whole
from ..runs.slurm import submit
from .planning import show_plan


def _profile(args: argparse.Namespace) -> str:
    """The asked profile, or the one that suits the machine."""
    if args.profile:
        return args.profile
    if args.only and args.only.strip() == "compare":
        return "compare"  # its own protocol is what is asked for by name
    if getattr(args, "from_records", False):
        return next((p for p in ("full", "desk", "laptop") if shipped(p)), "laptop")
    return "laptop" if environment.pick_device(getattr(args, "device", "auto")).type == "cpu" else "desk"


def _selected(args: argparse.Namespace) -> tuple[str, list[str], list[str]]:
    from ..site.catalogue import select

    profile = _profile(args)
    return profile, *select(args.only, PROFILES[profile].papers)


def _plans(args: argparse.Namespace, profile: str, papers: list[str], store: Records | None = None) -> dict[str, Plan]:
    """``store``: to show its records and not to train."""
    return {
        p: make_plan(
            p,
            profile,
            store,
            encoder=args.encoder,
            seeds=args.seeds,
            tasks=args.tasks,
            train_size=args.train_size,
            methods=args.methods,
            use_hub=True if args.hub else None,
        )
        for p in papers
    }


def _check(profile: str, args: argparse.Namespace) -> None:
    """What would make every run fail, said before the first one."""
    environment.pick_precision("auto", environment.pick_device(args.device))
    check_gpu(profile, args.device)
    if args.encoder:
        from ..encoder.load import load_encoder, load_tokenizer

        load_tokenizer(args.encoder)
        load_encoder(args.encoder)


def plan(args: argparse.Namespace) -> int:
    profile, papers, _ = _selected(args)
    show_plan(profile, _plans(args, profile, papers), Records(), 0, "auto")
    return 0


def train(args: argparse.Namespace) -> int:
    profile, papers, _ = _selected(args)
    _check(profile, args)
    return _train(args, profile, _plans(args, profile, papers))


def _train(args: argparse.Namespace, profile: str, plans: dict[str, Plan]) -> int:
    store = Records(shipped=shipped(profile) if PROFILES[profile].resumes else ())
    ahead = show_plan(profile, plans, store, args.jobs, args.device)
    if args.dry_run:
        return 0
    runs = [r for p in plans.values() for r in p.runs]
    if not runs:
        return 0
    setting = next(iter(plans.values())).setting
    if args.slurm is not None:
        ids = submit(
            runs,
            store,
            device=args.device,
            use_hub=setting.use_hub,
            retry=args.retry,
            again=ahead.stale,
            at_once=args.jobs,
            arguments=args.slurm,
        )
        print(
            f"submitted as {', '.join(ids) or 'nothing: all runs are done'}; call again without --slurm when they are finished"
        )
        return 0
    if ahead.runs or (args.retry and any(map(store.failed, runs))):
        counts = launch.launch(
            runs,
            store,
            device=args.device,
            jobs=args.jobs,
            threads=args.threads,
            use_hub=setting.use_hub,
            retry=args.retry,
            again=ahead.stale,
            cost=Costs(store).seconds,
        )
        failed = sum(map(store.failed, runs))
        print(f"trained: {counts['done']} done, {failed} failed, {counts['kept']} were there")
    failed = [r for r in runs if store.failed(r)]
    for run in failed[:10]:
        print(f"failed: {run.title()} ({run.hash}): {store.get(run)['error'][:200]}")
    if failed:
        print(f"tracebacks are in {_short(store.folder)}; the same command with --retry repeats failed runs")
    return int(bool(failed))


def _parameters(args: argparse.Namespace, profile: str, train: bool) -> dict[str, object]:
    """The notebooks' parameters that these arguments mean."""
    return {
        "profile": profile,
        "data": "",
        "tasks": args.tasks or "",
        "encoder": args.encoder or "",
        "seeds": args.seeds or "",
        "train_size": -1 if args.train_size is None else args.train_size,
        "train": train,
        "device": getattr(args, "device", "auto"),
        "jobs": getattr(args, "jobs", 0),
        "hub": bool(args.hub),
        "shuffle": args.shuffle,
    }


def notebooks(args: argparse.Namespace) -> int:
    profile, _, names = _selected(args)
    if args.dry_run:
        print("notebooks: " + ", ".join(names))
        return 0
    return _notebooks(args, profile, names, train=True)


def _notebooks(args: argparse.Namespace, profile: str, names: list[str], train: bool) -> int:
    from ..site.catalogue import NOTEBOOKS
    from ..site.notebooks import execute_all

    parameters = _parameters(args, profile, train)
    folder = figures(profile, shuffle_seed(args.shuffle)) / "notebooks"
    of_papers = [n for n in names if NOTEBOOKS[n] and NOTEBOOKS[n] != "compare"]
    comparisons = [n for n in names if NOTEBOOKS[n] == "compare"]
    workers = 1 if train else min(4, environment.cores())  # kernels take memory
    failed = execute_all([n for n in names if not NOTEBOOKS[n]], {}, folder, workers=workers)
    failed += execute_all(of_papers, parameters, folder, workers=workers)
    failed += execute_all(comparisons, parameters | {"methods": args.methods or ""}, folder)
    return int(bool(failed))


def report(args: argparse.Namespace) -> int:
    profile, papers, _ = _selected(args)
    store = Records(shipped=shipped(profile))
    _report(profile, _plans(args, profile, papers, store), store, shuffle_seed(args.shuffle))
    return 0


def _report(profile: str, plans: dict[str, Plan], store: Records, shuffle: int | None) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    from ..show.artifacts import write
    from ..site.catalogue import artifacts

    for key, plan_ in plans.items():
        folder, records_ = figures(profile, shuffle) / key, shown(store, plan_, shuffle)
        for artifact in artifacts(key):
            write(artifact, plan_, records_, folder)
            plt.close("all")
        print(f"{key}: {len(artifacts(key))} tables and figures in {_short(folder)}")


def site(args: argparse.Namespace) -> int:
    profile, papers, _ = _selected(args)
    store = Records(shipped=shipped(profile))
    _site(profile, _plans(args, profile, papers, store), store, export=False, shuffle=shuffle_seed(args.shuffle))
    return 0


def _site(profile: str, plans: dict[str, Plan], store: Records, export: bool, shuffle: int | None = None) -> Path:
    from ..site.gallery import build

    if export:
        runs = [r for p in plans.values() for r in p.runs]
        # What came with the checkout stays, also where only some papers or data sets were asked for.
        count = store.export([*runs, *store.shipped], paths.figures(profile) / "records.jsonl")
        print(f"records: {count} runs in {_short(paths.figures(profile) / 'records.jsonl')}")
    return build(plans, store, figures(profile, shuffle), "" if shuffle is None else permuted(shuffle))


def everything(args: argparse.Namespace) -> int:
    begin = time.monotonic()
    shuffle_seed(args.shuffle)  # a wrong one is said before anything is trained
    profile, papers, names = _selected(args)
    status = 0
    if args.from_records:
        store = Records(shipped=shipped(profile))
        plans = _plans(args, profile, papers, store)
        runs = {r.hash for p in plans.values() for r in p.runs}
        print(f"profile {profile}, from records: {sum(map(store.done, runs))} of {len(runs)} runs are at hand")
        if args.dry_run:
            return 0
    else:
        _check(profile, args)
        status = _train(args, profile, _plans(args, profile, papers))
        if args.dry_run:
            return status
        # What the notebooks show, and what is exported: the new records beside those that came with the checkout.
        store = Records(shipped=shipped(profile))
        plans = _plans(args, profile, papers, store)
    status |= _notebooks(args, profile, names, train=False)
    index = _site(profile, plans, store, export=not args.from_records, shuffle=shuffle_seed(args.shuffle))
    print(
        f"{launch.duration(time.monotonic() - begin)}. Look at {_short(index)}"
        + ("" if status == 0 else " (something failed, see above)")
    )
    return status


def _short(path: Path) -> str:
    return str(path.relative_to(paths.ROOT)) if path.is_relative_to(paths.ROOT) else str(path)


def records(args: argparse.Namespace) -> int:
    store = Records()
    if args.action == "merge":
        print(f"{store.merge(args.path)}\nin {_short(store.folder)}")
        return 0
    if args.profile:
        runs = [r for p in PROFILES[args.profile].papers or PLANS for r in make_plan(p, args.profile, store).runs]
    else:
        from ..runs.run import Run

        runs = [Run.from_dict(r["run"]) for r in store.all()]
    print(f"{store.export(runs, args.path)} records in {args.path}")
    return 0


def readme(args: argparse.Namespace) -> int:
    from ..site.readme import blocks, fill

    profile, papers, _ = _selected(args)
    if args.shuffle:
        raise ValueError("README.md shows the numbers as they are; --shuffle is for report, site, notebooks and all")
    # Only what comes with a checkout: a reader's own runs do not belong in the project's README.
    store = Records(paths.figures(profile) / "no-own-records", shipped=shipped(profile))
    path = paths.ROOT / "README.md"
    text = fill(path.read_text("utf-8"), blocks(_plans(args, profile, papers, store), store))
    write_whole(path, text.encode("utf-8"))
    print(f"tables written into {path.name} from {len(store.shipped)} records of the profile {profile}")
    return 0


def bench(args: argparse.Namespace) -> int:
    if args.scale:
        from ..bench.scale import main
    elif args.patches:
        from ..bench.patches import main
    else:
        from ..bench.steps import main

    return main(args)


def doctor(args: argparse.Namespace) -> int:
    from .doctor import main

    return main(sys.stdout)
