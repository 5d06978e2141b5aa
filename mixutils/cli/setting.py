"""From arguments to a profile, and to the plans of what they name."""

from __future__ import annotations

import argparse

from ..companion import make_plan, shipped
from ..papers import Plan
from ..papers.profiles import PROFILES
from ..runs import environment
from ..runs.records import Records
from ..site.catalogue import select


def profile(args: argparse.Namespace) -> str:
    """The asked profile, or the one that suits the machine."""
    if args.profile:
        return args.profile
    for p in PROFILES.values():
        if args.only and p.papers == (args.only.strip(),):
            return p.name  # its own protocol is what is asked for by name
    if getattr(args, "from_records", False):
        return next((p for p in ("full", "desk", "laptop") if shipped(p)), "laptop")
    return "laptop" if environment.pick_device(getattr(args, "device", "auto")).type == "cpu" else "desk"


def selected(args: argparse.Namespace) -> tuple[str, list[str], list[str]]:
    """Profile, papers, notebooks."""
    name = profile(args)
    return name, *select(args.only, PROFILES[name].papers)


def plans(args: argparse.Namespace, profile: str, papers: list[str], store: Records | None = None) -> dict[str, Plan]:
    """Paper -> plan. ``store``: to show its records and not to train."""
    wishes = {name: getattr(args, name) for name in ("encoder", "seeds", "tasks", "train_size", "methods", "options")}
    return {p: make_plan(p, profile, store, use_hub=True if args.hub else None, **wishes) for p in papers}
