"""From a paper's name and wishes to its plan, and to the places of its records and figures."""

from __future__ import annotations

import math
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from .. import paths
from ..encoder import fetched
from ..encoder.fetched import FETCHED
from ..papers import PLANS, Plan, tuning
from ..papers.apply import with_options
from ..papers.profiles import PROFILES, make_setting
from ..runs import environment
from ..runs.estimate import Costs
from ..runs.launch import duration
from ..runs.records import Records
from ..runs.run import Run
from ..tasks import BUILTIN, CATALOGUE, at_hand, notes
from ..wording import counted


def shipped(profile: str) -> list[Path]:
    """Records that come with the checkout for a profile."""
    path = paths.figures(profile) / "records.jsonl"
    return [path] if path.is_file() else []


def resumed(profile: str) -> Records:
    """What training counts as done: the records at hand, and the shipped ones of a profile that goes on from them."""
    return Records(shipped=shipped(profile) if PROFILES[profile].resumes else ())


def make_plan(paper: str, profile: str, store: Records | None = None, **wishes) -> Plan:
    """The plan of a paper; ``wishes`` as in ``profiles.make_setting``.

    Args:
        store: to show records and not to train: data sets that have records there are columns also where the data are
            not at hand.

    Raises:
        ValueError: an unknown paper, profile or data set; the message lists the known ones.
    """
    if paper not in PLANS:
        raise ValueError(f"no paper is called {paper!r}; there are {', '.join(PLANS)}")
    setting = make_setting(profile, **wishes)
    if store is not None:
        # A paper may train on fewer rows than the setting has, or on more for a single figure.
        sizes = getattr(PLANS[paper], "train_sizes", lambda s: {s.train_size})(setting)
        of_this_setting = {
            run["task"]
            for run in (r["run"] for r in store.all() if r["status"] == "done")
            if run["encoder"] in (setting.encoder, setting.multilingual)
            and (run["train_size"] in sizes or run["subset"] == "fixed")
        }
        setting = replace(setting, recorded=tuple(sorted(of_this_setting)))
    known = store or resumed(profile)
    if hasattr(PLANS[paper], "adapt"):
        setting = PLANS[paper].adapt(setting, known, showing=store is not None)
    plan = with_options(PLANS[paper].plan(setting), setting.options)
    if preferred := tuning.tuned(plan, known):
        plan = with_options(PLANS[paper].plan(replace(setting, tuned=preferred)), setting.options)
    return plan


def check_gpu(profile: str, device: str) -> None:
    """Refuse a profile that needs a GPU where there is none, unless the CPU was asked for.

    Raises:
        RuntimeError: said before anything expensive happens.
    """
    if PROFILES[profile].needs_gpu and device != "cpu" and environment.pick_device(device).type == "cpu":
        raise RuntimeError(
            f"the profile {profile} is the papers' scale and needs a GPU; this machine shows none. "
            "Choose the profile desk or laptop, or the device cpu if you mean it"
        )


def stale_runs(plan: Plan, store: Records) -> dict[str, str]:
    """Hash -> why, for done runs of other data, or of an encoder with other content, than at hand; they are trained again.

    Records that say nothing of their encoder's content, as the first ones, belong to any.
    """
    from ..encoder.digest import digest
    from ..runs.execute import cached_task

    done = [r for r in map(store.get, plan.runs) if r is not None and r["status"] == "done"]
    tasks = {task: cached_task(task, plan.setting.use_hub)[1] for task in dict.fromkeys(r["run"]["task"] for r in done)}
    known = {Run.from_dict(r["run"]).encoder for r in done if "digest" in r.get("encoder", {})}
    encoders = {name: digest(name) for name in known}
    out = {}
    for record in done:
        run, then = Run.from_dict(record["run"]), record["data"]["digest"]
        content = record.get("encoder", {}).get("digest", "")
        if then != tasks[run.task]:
            out[run.hash] = f"{run.task} had other data then: {then}, now {tasks[run.task]}"
        elif content and (now := encoders[run.encoder]) and content != now:
            out[run.hash] = f"{run.encoder} had other weights or another tokenizer then: {content}, now {now}"
    return out


class Ahead(NamedTuple):
    """What is ahead of a launch."""

    runs: list[Run]  # to train, each once
    stale: dict[str, str]  # hash -> why a done run is trained again


def of_own_data(plan: Plan) -> list[str]:
    """A line per data set of the user's own that is at hand: rows, classes, and what is odd about it or a run's part of it.

    Raises:
        DataError: bad data, so that they are refused before anything is trained.
    """
    from ..runs.execute import cached_task, prepare_data

    hub, lines = plan.setting.use_hub, []
    for task in dict.fromkeys(r.task for r in plan.runs):
        if task in CATALOGUE or task in BUILTIN or not at_hand(task, False)[0]:
            continue
        # One run of each way to cut the data.
        ways = {
            (r.policy, r.train_size, r.train_fraction, r.subset, r.evaluate): r
            for r in reversed(plan.runs)
            if r.task == task
        }
        said = dict.fromkeys(note for run in reversed(ways.values()) for note in prepare_data(run, hub)[0].notes)
        lines.append("; ".join((f"{task}: {notes.summary(cached_task(task, hub)[0])}", *said)))
    return lines


def describe(plan: Plan, store: Records, costs: Costs | None = None, workers: int = 1) -> Ahead:
    """Print what a plan consists of and what of it is done, to do, failed, stale and outdated.

    Args:
        costs: for the time of what is to do, with so many workers. None where nothing is trained; then nothing is stale.
    """
    runs, stale = plan.runs, stale_runs(plan, store) if costs else {}
    failed = [r for r in runs if store.given_up(r)]
    todo = [r for r in runs if r.hash in stale or not (store.done(r) or store.given_up(r))]
    again = {"stale": list(stale.values()), "outdated": list(filter(None, map(store.outdated, runs)))}
    tasks = ", ".join(dict.fromkeys(c.task for c in plan.columns))
    seeds = ",".join(map(str, plan.setting.seeds_for(PLANS[plan.paper].PAPER.seeds)))
    # Papers have limits of their own, and curves over sizes.
    sizes = sorted({r.train_size or math.inf for r in runs} or {plan.setting.train_size or math.inf})
    rows = " to ".join("all" if n == math.inf else f"{n:,}" for n in dict.fromkeys((sizes[0], sizes[-1])))
    of_encoder: dict[str, list[str]] = {}
    for run in runs:
        of_encoder.setdefault(run.encoder, []).append(run.task)
    several = len(of_encoder) > 1
    encoders = f"{len(of_encoder)} encoders" if several else f"encoder {next(iter(of_encoder), plan.setting.encoder)}"
    print(f"{plan.paper}: {tasks}; {encoders}; seeds {seeds}; train rows {rows}")
    for encoder, of_runs in of_encoder.items() if several else ():
        said = f"{encoder}: {len(of_runs):,} runs on {', '.join(dict.fromkeys(of_runs))}"
        print(textwrap.indent(textwrap.fill(said, 100), "    "))
    for reason in dict.fromkeys(plan.absent.values()):
        names = ", ".join(k for k, v in plan.absent.items() if v == reason)
        print(textwrap.indent(textwrap.fill(f"without {names}: {reason}", 100), "    "))
    for said in of_own_data(plan) if costs else ():
        print(textwrap.indent(textwrap.fill(said, 100, break_long_words=False), "    "))
    print(
        f"    runs: {len(runs) - len(todo) - len(failed)} done, {len(todo)} to do, {len(failed)} failed"
        + "".join(f", {len(why)} {what} and to do again ({why[0]})" for what, why in again.items() if why)
        + (f"; {hours(costs, todo, workers)} with {counted(workers, 'worker')}" if todo and costs else "")
    )
    for said in costs.unknown(todo).values() if costs else ():
        print(textwrap.indent(textwrap.fill(f"no estimate: {said}", 100, break_long_words=False), "    "))
    for encoder in dict.fromkeys(run.encoder for run in todo) if costs else ():
        if encoder in FETCHED and not fetched.at_hand(encoder):
            print(f"    {encoder} is fetched first: {fetched.cost(encoder)}")
    for run in failed[:3]:
        print(f"    failed: {run.title()}: {store.get(run)['error'][:140]}")
    return Ahead(todo, stale)


def hours(costs: Costs, runs: list[Run], workers: int) -> str:
    """What these runs will take; "an unknown time" where no encoder of theirs can be opened."""
    if not runs:
        return "no time"
    seconds = costs.wall(runs, workers)
    return f"about {duration(seconds)}" if seconds else "an unknown time"


def shuffle_seed(text: str) -> int | None:
    """The seed of a permutation of names, or None for "".

    Raises:
        ValueError: something that is no whole number of at least 0.
    """
    if not text.strip():
        return None
    if not text.strip().isdecimal():
        raise ValueError(f"shuffle must be a seed, a whole number of at least 0, or empty, not {text!r}")
    return int(text)


def figures(profile: str, shuffle: int | None) -> Path:
    """Where tables and figures of a profile go. Those of permuted names have a folder of their own."""
    return paths.figures(profile if shuffle is None else f"{profile}-shuffle-{shuffle}")


def permuted(shuffle: int) -> str:
    """What must be said beside everything that permuted names have made."""
    return (
        f"Negative control (shuffle = {shuffle}): methods have changed names within every data set and seed, "
        "so nothing shown here is true of any of them"
    )
