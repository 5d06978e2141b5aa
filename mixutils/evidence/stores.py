"""Records under permuted names: the negative control of SPEC 9.5 for everything that reads records run by run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ..papers.base import Plan
from ..runs.records import Record, Records
from ..runs.run import Run


class Shuffled:
    """A store that answers for a run with the record of another one, in place of ``Records`` wherever records are shown.

    Runs change places as in ``evidence.shuffled``: inside every group of task, seed, training rows, encoder and
    evaluated parts, the same in all tables. What a method logged or a probe measured about itself means nothing under another name, and stays. Nothing
    is trained or written through it.

    Args:
        plain: the records. plan: whose runs change places; what is not done has no part in it. seed: of the permutation.
    """

    def __init__(self, plain: Records, plan: Plan, seed: int) -> None:
        self.plain, self.seed = plain, seed
        runs = {r.hash: r for r in (*(r for c in plan.cells for r in c.runs), *plan.extra)}
        done = {h: record for h, r in runs.items() if (record := plain.get(r)) and record["status"] == "done"}
        # As in ``evidence.shuffle``: a plan is of one paper, and parts are those that are evaluated during training.
        labels = [
            (
                runs[h].task,
                runs[h].seed,
                r["data"]["sizes"]["train"],
                runs[h].encoder,
                ", ".join(r["curve"][-1]["metrics"]),
            )
            for h, r in done.items()
        ]
        groups = pd.factorize(pd.Series(labels, dtype=object))[0]
        names = np.array(list(done), dtype=str)
        source = permutation(names, groups, seed) if done else []
        self._of = {str(name): str(names[i]) for name, i in zip(names, source, strict=True)}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.plain, name)

    def get(self, run: Run | str) -> Record | None:
        """The record that stands under the run's name; None where it lacks a number that the run itself has."""
        own = self.plain.get(run)
        if own is None or own["hash"] not in self._of:
            return own
        other = self.plain.get(self._of[own["hash"]])
        if other is None or not _readings(own) <= _readings(other):
            return None
        stays = {name: own[name] for name in ("mixer", "probes") if name in own}
        logged = [p.get("mixer") for p in own["curve"]] + [None] * len(other["curve"])
        curve = [
            {k: v for k, v in point.items() if k != "mixer"} | ({} if mixer is None else {"mixer": mixer})
            for point, mixer in zip(other["curve"], logged, strict=False)
        ]
        return {k: v for k, v in other.items() if k not in ("mixer", "probes")} | stays | {"curve": curve}

    def done(self, run: Run | str) -> bool:
        return self.plain.done(run) and self.get(run) is not None

    def failed(self, run: Run | str) -> bool:
        return self.plain.failed(run)

    def start(self, record: Record) -> Record | None:
        """The record that a record started from: its own, which comes with it."""
        return self.plain.start(record)


def _readings(record: Record) -> set[tuple[str, str]]:
    """Policies and parts that can be read."""
    return {(policy, part) for policy, chosen in record["selected"].items() for part in chosen["metrics"]}


def permutation(names: np.ndarray, groups: np.ndarray, seed: int) -> np.ndarray:
    """For every run the index of the one that takes its place, in its group; it depends on names, groups and seed alone."""
    order = np.argsort(names)
    draw = np.empty(len(names))
    draw[order] = np.random.default_rng(seed).random(len(names))
    out = np.empty(len(names), dtype=int)
    out[np.lexsort((names, groups))] = np.lexsort((draw, groups))
    return out
