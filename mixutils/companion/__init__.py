"""What a notebook opens: one object, made from its parameters cell.

A notebook holds no training code. It opens a ``Companion``, which looks into the records first, trains what is missing in
plain processes, and hands out tidy frames. Tables, figures and verdicts are made from the frames, in the notebook.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import paths
from ..papers import PLANS
from ..papers.options import OF_EVIDENCE, of_readings
from ..papers.profiles import PROFILES
from ..runs import environment
from ..runs.checkpoints import checkpoint_path
from ..runs.estimate import Costs
from ..runs.launch import devices, jobs_for, launch
from ..runs.records import Records, compact, write_whole
from ..runs.rehearsal import rehearse
from ..runs.trained import Trained, trained
from ..tasks import own_wishes
from ..wording import counted
from .parameters import PARAMETERS, parameters
from .plans import (
    Ahead,
    check_gpu,
    describe,
    figures,
    hours,
    make_plan,
    permuted,
    resumed,
    shipped,
    shuffle_seed,
    stale_runs,
)
from .progress import progress

if TYPE_CHECKING:
    import matplotlib.pyplot as plt
    import pandas as pd

    from ..evidence import Evidence
    from ..runs.run import Run
from ..runs.schema import made_on


class Companion:
    """A paper, or the comparison of all methods, under one setting.

    Args:
        paper: key of ``papers.PLANS``.
        given: by name, as converted by ``parameters``. profile, encoder, seeds, tasks, train_size, methods, options: see
            ``papers.profiles``; "" and -1 leave them to the profile. data: data folder; "" takes ``MIXUTILS_DATA``. device:
            "auto", "cpu", "cuda". jobs: worker processes, 0 chooses. train: whether missing runs are trained; false shows
            what the records hold, the shipped ones included. hub: whether the Hugging Face hub may be asked, beyond what the
            profile allows. shuffle: a seed; all frames are then those of permuted names of methods, the negative control of
            SPEC 9.5. Training is the same.

    Attributes:
        plan: cells, columns and runs. store: the records. folder: where ``save`` writes.

    Raises:
        ValueError: a value that a parameter does not take, or as ``make_plan``. TypeError: an unknown parameter.
    """

    def __init__(self, paper: str, **given: Any) -> None:
        wishes = parameters(given)
        profile, self.train = wishes["profile"], wishes["train"]
        if wishes["data"]:
            os.environ["MIXUTILS_DATA"] = str(Path(wishes["data"]).expanduser().resolve())
        self.shuffle = shuffle_seed(wishes["shuffle"])
        self.store = resumed(profile) if self.train and profile in PROFILES else Records(shipped=shipped(profile))
        self._make_plan = lambda: make_plan(
            paper,
            profile,
            None if self.train else self.store,
            **{name: wishes[name] or None for name in ("tasks", "encoder", "seeds", "methods", "options")},
            train_size=None if wishes["train_size"] < 0 else wishes["train_size"],
            use_hub=True if wishes["hub"] else None,
        )
        self.plan = self._make_plan()
        self.device, self.jobs = wishes["device"], wishes["jobs"]
        if self.train:
            check_gpu(profile, self.device)
        self.paper = PLANS[paper].PAPER
        self.profile = self.plan.setting.profile
        self.folder = figures(profile, self.shuffle) / paper

    @classmethod
    def open(cls, paper: str, notebook: Mapping[str, Any]) -> Companion:
        """The companion of a notebook: its parameters are found by name in ``globals()``, and it is introduced.

        Args:
            notebook: the notebook's ``globals()``; what is no parameter is left alone.
        """
        from ..show import style

        style.use()
        c = cls(paper, **{name: notebook[name] for name in PARAMETERS if name in notebook})
        _as_text(column.title for column in c.plan.columns)
        c.about()
        return c

    def about(self) -> None:
        """Versions, hardware, and what the numbers are worth."""
        device = environment.pick_device(self.device)
        here = environment.describe(device, environment.pick_precision("auto", device))
        versions = {"Python": here["python"]} | here["versions"]
        print(self.paper.cite().replace("*", ""))
        print(f"profile {self.profile.name}: {self.profile.purpose}")
        if self.shuffle is not None:
            print(f"*** {permuted(self.shuffle)} ***")
        if not self.profile.comparable:
            print("*** smoke numbers are NOT COMPARABLE with anything; they show that everything runs ***")
        print(f"encoder {self.plan.setting.encoder}; {', '.join(f'{k} {v}' for k, v in versions.items())}")
        print(f"shown on {here['device']}, {here['precision']}")

    def describe_plan(self) -> None:
        """Columns, runs done and to do, time."""
        if self.train:
            workers = len(devices(self.device, self.jobs))
            describe(self.plan, self.store, Costs(self.store, self.device, workers), workers)
        else:
            describe(self.plan, self.store)

    def train_or_load(self) -> None:
        """Train what is missing, in worker processes; with ``train`` false only say what is missing.

        Raises:
            ValueError: data, an encoder or a method does not work (see ``rehearsal``); nothing is trained then.
            RuntimeError: runs of the plan failed. What is done stays, and the message says how to repeat the others.
        """
        if self.train and self.plan.first:
            self._launch(self.plan.first, self.plan.runs)
            self.plan = self._make_plan()
        if self.train and not any(map(self.store.failed, self.plan.first)):  # the others wait for what decides them
            self._launch(self.plan.runs)
            self.plan = self._make_plan()  # with what its grids prefer
        runs = self.plan.runs
        for name in ("frame", "curves"):  # made anew from what is there now
            self.__dict__.pop(name, None)
        failed = [r for r in runs if self.store.failed(r)]
        missing = [r for r in runs if not self.store.done(r) and not self.store.failed(r)]
        print(f"{len(runs) - len(failed) - len(missing)} of {len(runs)} runs are at hand")
        if made := self.made:
            print(f"made on {made}")
        older = [r for r in missing if self.store.outdated(r)]
        if len(older) < len(missing):
            print("runs that are not at hand leave their cells empty")
        if older:
            print(f"{counted(len(older), 'run')} from before a change of the code: shown, and to be trained again")
        if failed:
            errors = "\n".join(f"  {r.title()}: {self.store.get(r)['error'][:200]}" for r in failed[:5])
            raise RuntimeError(
                f"{len(failed)} of {counted(len(runs), 'run')} failed:\n{errors}\n"
                "repeat them with: python -m mixutils train --retry, with this notebook's options"
            )

    def _launch(self, runs: Sequence[Run], later: Sequence[Run] = ()) -> None:
        """Train ``runs``; what ``later`` ones need is tried too."""
        stale = stale_runs(self.plan, self.store)
        ahead = jobs_for(runs, self.store, again=stale)
        how = {"device": self.device, "jobs": self.jobs, "use_hub": self.plan.setting.use_hub, "again": stale}
        everything = jobs_for([*runs, *later], self.store, again=stale)
        rehearse([job.run for job in everything.values()], self.store, self.plan.setting.use_hub)
        with progress(len(ahead), quiet=self.profile.name == "smoke") as say:
            launch(runs, self.store, say=say, **how)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The tidy frame of the records, one row per cell, run and reading; see ``evidence.frame``."""
        from ..evidence import frame, read_as

        records = (self.store.get(r) for r in self.plan.runs)
        _as_text(label for r in records if r is not None for label in r.get("data", {}).get("labels", ()))
        own = {c.task: metric for c in self.plan.columns if (metric := own_wishes(c.task).metric)}
        asked = ({"metric": own} if own else {}) | of_readings(self.plan.setting.options)
        return read_as(frame(self.plan, self.store, self.shuffle), **asked)

    @property
    def made(self) -> str:
        """On what hardware the records of the plan were made, in which precision."""
        return made_on(r for r in map(self.store.get, self.plan.runs) if r is not None and r["status"] == "done")

    @cached_property
    def curves(self) -> pd.DataFrame:
        """One row per cell, run, evaluation, part and metric; see ``evidence.curves``."""
        from ..evidence import curves

        return curves(self.plan, self.store, self.shuffle)

    @cached_property
    def printed(self) -> pd.DataFrame:
        """Published numbers: table, row, column, value, spread, marker."""
        from ..evidence import printed

        return printed(self.plan.paper)

    def evidence(self, **reading: Any) -> Evidence:
        """The paper's records and printed numbers, ready for claims.

        Args:
            reading: ``margin``, ``tasks``, ``metric``, ``policy`` and ``floor`` of ``evidence.Evidence``.
        """
        from ..evidence import Evidence

        reading = of_readings(self.plan.setting.options, OF_EVIDENCE) | reading
        return Evidence(self.frame, self.printed, curves=self.curves, **reading)

    def names_of(self, notebook: str, tag: str) -> dict[str, Any]:
        """What cells of another notebook of the paper define on these records; see ``names_of``."""
        return names_of(notebook, tag, c=self)

    def measured(self, name: str, measure: Callable[[Trained], dict[str, Any]]) -> list[dict[str, Any]]:
        """What is measured on trained models, of every run of the plan that keeps its weights for it.

        It is measured once. What was found stays in ``NAME.json`` beside the paper's figures (older records have it
        themselves), so that figures are drawn again without weights; delete the file to measure anew. With ``train`` false
        runs whose weights are not at hand are left out.

        Args:
            name: one of the runs' ``probes``. measure: from a ``runs.trained.Trained`` to what JSON can hold.

        Returns:
            What ``measure`` returned, with ``task``, ``seed``, ``labels`` and ``hash`` of the run.
        """
        path = figures(self.profile.name, None) / self.plan.paper / f"{name}.json"
        kept = json.loads(path.read_text("utf-8")) if path.is_file() else {}
        out = []
        for run in (r for r in self.plan.runs if name in r.probes):
            record = self.store.get(run)
            if record is None or record["status"] != "done":
                continue
            made_from = [record["data"]["digest"], record.get("generation", 1)]
            made_from += [content] if (content := record.get("encoder", {}).get("digest")) else []
            found = record.get("probes", {}).get(name)
            if found is None and kept.get(run.hash, {}).get("made_from") == made_from:
                found = kept[run.hash]["found"]
            if found is None and (self.train or checkpoint_path(run.hash, run.probe_policy).is_file()):
                found = compact(measure(trained(run, device=self.device, use_hub=self.plan.setting.use_hub)))
                kept[run.hash] = {"made_from": made_from, "found": found}
                write_whole(path, json.dumps(kept, ensure_ascii=False).encode("utf-8"))
            if found is not None:
                of_run = {"task": run.task, "seed": run.seed, "labels": record["data"]["labels"], "hash": run.hash}
                out.append(found | of_run)
        return out

    def save(self, made: plt.Figure | pd.DataFrame | None, name: str, says: str = "") -> Any:
        """Write a figure as PNG and SVG, or a table as CSV, to ``folder``; returns what was given.

        Args:
            says: what a figure shows, for those who cannot see it: the finding in a sentence with its numbers. "": its titles. It
                is in both files, with where the records were made, and on the site.
            made: None where there is nothing to show yet; earlier files of the name are removed, because they would say
                something that these records do not.
        """
        from ..show import style

        self.folder.mkdir(parents=True, exist_ok=True)
        if made is None:
            for ending in ("csv", "png", "svg"):
                (self.folder / f"{name}.{ending}").unlink(missing_ok=True)
            print(f"nothing to show for {name} yet: this setting has no runs for it")
        elif hasattr(made, "to_csv"):
            # Four decimals: the same file on every machine with the same records.
            made.to_csv(self.folder / f"{name}.csv", index=False, float_format="%.4f", lineterminator="\n")
        else:
            style.save(made, self.folder, name, says, f"Records made on {self.made}" if self.made else "")
        return made


def _as_text(names: Iterable[str]) -> None:
    """Figures have no formulas where a name of the user's data has a dollar sign, which would begin one."""
    if any("$" in name for name in names):
        from ..show import style

        style.plain()


def names_of(notebook: str, tag: str, **given: Any) -> dict[str, Any]:
    """What cells of another notebook define: those with the tag, and its imports (tagged "setup").

    So a claim is declared, and a measurement written down, in one place. ``c.names_of("dnm", "claims")["readings"]`` are the
    claims that ``dnm`` declares, decided on the records of ``c``: a notebook that shows some of them has the others too, over
    which Holm's correction runs.

    Args:
        notebook: name without ending. given: names that the cells find.
    """
    names: dict[str, Any] = {"__name__": notebook, **given}
    for cell in json.loads((paths.NOTEBOOKS / f"{notebook}.ipynb").read_text("utf-8"))["cells"]:
        if cell["cell_type"] == "code" and {"setup", tag} & set(cell["metadata"].get("tags", ())):
            exec(compile("".join(cell["source"]), f"{notebook}.ipynb", "exec"), names)
    return names


__all__ = [
    "Ahead",
    "Companion",
    "check_gpu",
    "describe",
    "figures",
    "hours",
    "make_plan",
    "names_of",
    "permuted",
    "resumed",
    "shipped",
    "shuffle_seed",
    "stale_runs",
]
