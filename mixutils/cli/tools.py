"""bench, doctor, readme, records."""

from __future__ import annotations

import argparse
import functools
import os
import sys

from .. import paths
from ..companion import make_plan, shipped
from ..papers import PLANS, Plan
from ..papers.profiles import PROFILES
from ..runs.records import Records, write_whole
from ..runs.run import Run
from . import setting


def bench(args: argparse.Namespace) -> int:
    from ..site.notebooks import execute_all

    names = ("encoders", "methods", "task", "batch_size", "repeats", "threads", "device")
    given = {name: getattr(args, name) for name in names}
    return int(bool(execute_all({"bench": given}, paths.figures("bench") / "notebooks")))


def doctor(args: argparse.Namespace) -> int:
    from .doctor import main

    return main(sys.stdout)


def readme(args: argparse.Namespace) -> int:
    from ..site.readme import fill

    os.environ["MIXUTILS_DATA"] = ""  # only what comes with a checkout: neither a reader's own data nor runs

    @functools.cache
    def store(profile: str) -> Records:
        return Records(paths.figures(profile) / "no-own-records", shipped=shipped(profile))

    def plan(profile: str, paper: str) -> tuple[Plan, Records]:
        return make_plan(paper, profile, store(profile)), store(profile)

    path = paths.ROOT / "README.md"
    write_whole(path, fill(path.read_text("utf-8"), plan).encode("utf-8"))
    print(f"tables written into {path.name}")
    return 0


def records(args: argparse.Namespace) -> int:
    store = Records()
    if args.action == "merge":
        print(f"{store.merge(args.path)}\nin {setting.short(store.folder)}")
        return 0
    if args.profile:
        runs = [r for p in PROFILES[args.profile].papers or PLANS for r in make_plan(p, args.profile, store).runs]
    else:
        runs = [Run.from_dict(r["run"]) for r in store.all()]
    print(f"{store.export(runs, args.path)} records in {args.path}")
    return 0
