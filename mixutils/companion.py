"""What a notebook calls: one object per notebook, made from its parameters cell.

A notebook holds no training code. It opens a ``Companion``, which looks into the records first, trains what is missing in
plain processes, and shows tables and figures by name.
"""

from __future__ import annotations

import html
import os
import platform
from dataclasses import replace
from pathlib import Path

from . import paths
from .papers import PLANS, Plan
from .papers.profiles import PROFILES, make_setting
from .runs import environment
from .runs.estimate import Costs, rounded
from .runs.launch import devices, launch
from .runs.records import Records


def shipped(profile: str) -> list[Path]:
    """Records that come with the checkout for a profile."""
    path = paths.figures(profile) / "records.jsonl"
    return [path] if path.is_file() else []


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
        runs = [r["run"] for r in store.all() if r["status"] == "done"]
        # A paper may train on fewer rows than the setting has, or on more for a single figure.
        sizes = getattr(PLANS[paper], "train_sizes", lambda s: {s.train_size})(setting)
        of_this_setting = {
            r["task"]
            for r in runs
            if r["encoder"] in (setting.encoder, setting.multilingual)
            and (r["train_size"] in sizes or r["subset"] == "fixed")
        }
        setting = replace(setting, recorded=tuple(sorted(of_this_setting)))
    if hasattr(PLANS[paper], "adapt"):
        known = store or Records(shipped=shipped(profile) if setting.profile.resumes else ())
        setting = PLANS[paper].adapt(setting, known, showing=store is not None)
    return PLANS[paper].plan(setting)


def check_gpu(profile: str, device: str) -> None:
    """Refuse a profile that needs a GPU where there is none, unless the CPU was asked for.

    Raises:
        DeviceError: said before anything expensive happens.
    """
    if PROFILES[profile].needs_gpu and device != "cpu" and environment.pick_device(device).type == "cpu":
        raise environment.DeviceError(
            f"the profile {profile} is the papers' scale and needs a GPU; this machine shows none. "
            "Choose the profile desk or laptop, or the device cpu if you mean it"
        )


def stale_runs(plan: Plan, store: Records) -> dict[str, str]:
    """Hash -> why, for done runs that do not belong to the data at hand; they are trained again."""
    from .runs.execute import cached_task

    then: dict[str, dict[str, str]] = {}  # task -> run -> digest
    for run in plan.runs:
        record = store.get(run)
        if record is not None and record["status"] == "done":
            then.setdefault(run.task, {})[run.hash] = record["data"]["digest"]
    out = {}
    for task, digests in then.items():
        _, now = cached_task(task, plan.setting.use_hub)
        out |= {h: f"{task} had other data then: {d}, now {now}" for h, d in digests.items() if d != now}
    return out


class Companion:
    """A paper under one setting.

    Args:
        paper: key of ``papers.PLANS``.
        profile, encoder, seeds, tasks, train_size, methods: see ``profiles``; "" and -1 leave them to the profile.
        data: data folder; "" takes ``MIXUTILS_DATA``.
        device: "auto", "cpu", "cuda". jobs: worker processes, 0 chooses.
        train: whether missing runs are trained. false shows what the records hold, the shipped ones included.
        hub: whether the Hugging Face hub may be asked, beyond what the profile allows.
        shuffle: a seed, as text; what is shown is then made from permuted names of methods, the negative control of SPEC
            9.5. "" permutes nothing. Training is the same.

    Raises:
        ValueError: a seed that is no whole number, or as ``make_plan``.
    """

    def __init__(
        self,
        paper: str,
        *,
        profile: str = "smoke",
        data: str = "",
        tasks: str = "",
        encoder: str = "",
        seeds: str = "",
        train_size: int = -1,
        methods: str = "",
        device: str = "auto",
        jobs: int = 0,
        train: bool = True,
        hub: bool = False,
        shuffle: str = "",
    ) -> None:
        if data:
            os.environ["MIXUTILS_DATA"] = str(Path(data).expanduser().resolve())
        resumes = profile in PROFILES and PROFILES[profile].resumes
        self.shuffle = shuffle_seed(shuffle)
        self._records = Records(shipped=shipped(profile) if resumes or not train else [])
        self.plan = make_plan(
            paper,
            profile,
            None if train else self._records,
            tasks=tasks or None,
            encoder=encoder or None,
            seeds=seeds or None,
            train_size=None if train_size < 0 else train_size,
            methods=methods or None,
            use_hub=True if hub else None,
        )
        if train:
            check_gpu(profile, device)
        self.paper = PLANS[paper].PAPER
        self.profile = self.plan.setting.profile
        self.device, self.jobs, self.train = device, jobs, train
        self.folder = figures(profile, self.shuffle) / paper

    @property
    def store(self) -> Records:
        """The records that are shown; under permuted names with ``shuffle``."""
        return shown(self._records, self.plan, self.shuffle)

    def about(self) -> None:
        """Versions, hardware, and what the numbers are worth."""
        device = environment.pick_device(self.device)
        lines = environment.describe(device, environment.pick_precision("auto", device))
        print(f"{self.paper.cite()}")
        print(f"profile {self.profile.name}: {self.profile.purpose}")
        if self.shuffle is not None:
            print(f"*** {permuted(self.shuffle)} ***")
        if not self.profile.comparable:
            print("*** smoke numbers are NOT COMPARABLE with anything; they show that everything runs ***")
        print(
            f"encoder {self.plan.setting.encoder}; Python {platform.python_version()}, "
            + ", ".join(f"{k} {v}" for k, v in lines["versions"].items())
        )
        print(f"{lines['device']}, {lines['precision']}")

    def describe_plan(self) -> None:
        """Columns, runs done and to do, time."""
        plan, runs = self.plan, self.plan.runs
        done, failed = sum(map(self._records.done, runs)), sum(map(self._records.failed, runs))
        print("data: " + ", ".join(dict.fromkeys(c.task for c in plan.columns)))
        for reason in dict.fromkeys(plan.absent.values()):
            print(f"no data for {', '.join(k for k, v in plan.absent.items() if v == reason)}: {reason}")
        todo = [r for r in runs if not self._records.done(r) and not self._records.failed(r)]
        print(f"runs: {done} done, {len(todo)} to do, {failed} failed")
        if todo and self.train:
            _, workers = devices(self.device, self.jobs)
            print(f"time: {rounded(Costs(self._records).wall(todo, workers))} with {workers} workers")

    def train_or_load(self) -> None:
        """Train what is missing, in worker processes; with ``train`` false only say what is missing."""
        runs = self.plan.runs
        if self.train:
            quiet = self.profile.name == "smoke"
            costs = Costs(self._records)
            launch(
                runs,
                self._records,
                device=self.device,
                jobs=self.jobs,
                use_hub=self.plan.setting.use_hub,
                again=stale_runs(self.plan, self._records),
                cost=costs.seconds,
                say=(lambda line: None) if quiet else print,
            )
        failed = [r for r in runs if self._records.failed(r)]
        missing = [r for r in runs if not self._records.done(r) and not self._records.failed(r)]
        print(f"{len(runs) - len(failed) - len(missing)} of {len(runs)} runs are at hand")
        for run in failed[:5]:
            print(f"failed: {run.title()}: {self._records.get(run)['error'][:200]}")
        if failed:
            print("repeat failed runs: python -m mixutils train --retry, with this notebook's options")
        if missing:
            print("runs that are not at hand leave their cells empty")

    def show(self, name: str):
        """One table or figure by name: saved under ``figures/`` and returned for display."""
        from .show.artifacts import Table, write
        from .site.catalogue import artifacts

        known = {a.name: a for a in artifacts(self.plan.paper)}
        if name not in known:
            raise ValueError(f"{self.plan.paper} has no table or figure {name!r}; there are {', '.join(known)}")
        made = write(known[name], self.plan, self.store, self.folder)
        return _display(made, Table, known[name].caption, "" if self.shuffle is None else permuted(self.shuffle))


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


def shown(store: Records, plan: Plan, shuffle: int | None) -> Records:
    """The records that tables and figures of a plan are made from."""
    if shuffle is None:
        return store
    from .evidence.stores import Shuffled

    return Shuffled(store, plan, shuffle)


def figures(profile: str, shuffle: int | None) -> Path:
    """Where tables and figures of a profile go. Those of permuted names have a folder of their own."""
    return paths.figures(profile if shuffle is None else f"{profile}-shuffle-{shuffle}")


def permuted(shuffle: int) -> str:
    """What must be said beside everything that permuted names have made."""
    return (
        f"Negative control (shuffle = {shuffle}): methods have changed names within every data set and seed, "
        "so nothing shown here is true of any of them"
    )


def _display(made, table_class, caption: str, banner: str) -> None:
    from IPython.display import HTML, display

    if banner:
        display(HTML(f"<p><b>{html.escape(banner)}.</b></p>"))
    if made is None:
        display(HTML(f"<p><i>Nothing to draw yet: this setting has no runs for it.</i> {html.escape(caption)}</p>"))
        return
    if isinstance(made, table_class):
        display(HTML(made.html))
    else:
        import matplotlib.pyplot as plt

        display(made)
        plt.close(made)
    display(HTML(f"<p class='mx-note'>{html.escape(caption)}</p>"))
