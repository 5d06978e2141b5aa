"""The numbers in README.md: blocks between markers that name what they show, never written by hand.

``<!-- begin KIND WHAT -->`` … ``<!-- end -->``; the kinds are those of ``KINDS``. Tables come from the CSV files that the
notebooks saved, ``PROFILE/PAPER/TABLE`` below ``figures/``.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any

import pandas as pd

from .. import paths
from ..mixers import REGISTRY
from ..papers import Plan
from ..runs.records import Records
from ..show.style import VERDICT_MARKS
from . import csvs

#: (profile, paper) -> the paper's plan and the records that come with the checkout.
Plans = Callable[[str, str], tuple[Plan, Records]]


def fill(text: str, plans: Plans) -> str:
    """``text`` with the content of every block made anew.

    Raises:
        ValueError: a block of an unknown kind, or one that has no end. FileNotFoundError: a table that nobody has saved.
    """

    def made(block: re.Match) -> str:
        kind, _, what = block[1].partition(" ")
        if kind not in KINDS or "<!-- begin" in block[2] or not block[3]:
            why = "has no end" if kind in KINDS else f"is of no known kind; there are {', '.join(KINDS)}"
            raise ValueError(f"the block {block[1]!r} {why}")
        return f"<!-- begin {block[1]} -->\n{KINDS[kind](what, plans).rstrip()}\n<!-- end -->"

    return re.sub(r"<!-- begin (.+?) -->\n(.*?)(<!-- end -->|\Z)", made, text, flags=re.DOTALL)


def table(frame: pd.DataFrame) -> str:
    """A Markdown table; no cell can end itself or its line."""
    cells = frame.astype(str).replace({r"\|": r"\\|", "\n": "<br>"}, regex=True)
    lines = [list(frame), ["---"] * len(frame.columns), *cells.to_numpy()]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def methods(what: str = "", plans: Plans | None = None) -> str:
    """The four questions, answered by every registered mixer."""
    head = ["method", "where", "with whom", "how", "which label", "passes per step", "source"]
    lines = ([f"`{n}` {e.title}", e.where, e.whom, e.how, e.label, e.passes, e.source] for n, e in REGISTRY.items())
    return table(pd.DataFrame(lines, columns=head))


def gains(what: str, plans: Plans) -> str:
    """Gains of all methods under one protocol."""
    frame = _saved(what).dropna(subset="estimate").sort_values("estimate", ascending=False)
    if frame.empty:
        return "Too few blocks are complete for an interval: `python -m mixutils train --only compare` goes on."
    head = ["method", "gain over no mixup, points [95 % interval]", "verdict", "tasks", "MDE", "reported by its papers"]
    lines = (
        [
            line.method,
            f"**{line.estimate:+.2f}** [{line.low:+.2f}, {line.high:+.2f}]",
            f"{VERDICT_MARKS.get(line.word, '')} {line.word}",
            f"{line.tasks:.0f}",
            f"{line.mde:.2f}",
            "–" if math.isnan(line.reported) else f"{line.reported:+.2f}",
        ]
        for line in frame.itertuples()
    )
    return table(pd.DataFrame(lines, columns=head))


def results(what: str, plans: Plans) -> str:
    """Result tables of a paper, ``PROFILE/PAPER/TABLE+TABLE METRIC``, below what their runs were made on."""
    place, _, metric = what.partition(" ")
    folder, _, names = place.rpartition("/")
    plan, store = plans(*folder.split("/"))
    frame = pd.concat([_saved(f"{folder}/{name}") for name in names.split("+")])
    frame = frame.drop_duplicates(["row", "column"])  # what two tables share
    # Beside each other, columns of several tables need their data set's name.
    frame["title"] = frame["column"].map({c.key: c.title for c in plan.columns}).fillna(frame["title"])
    shown = csvs.results(frame, metric)
    return f"{hardware(plan, store)}\n\n" + (table(shown) if len(shown) else "No runs yet.")


def claims(what: str, plans: Plans) -> str:
    """The claims of ``PROFILE/PAPER``."""
    return table(csvs.claims(_saved(f"{what}/claims")))


def hardware(plan: Plan, store: Records) -> str:
    """How many runs, on what, when, in what time."""
    done = [r for r in map(store.get, plan.runs) if r is not None and r["status"] == "done"]
    if not done:
        return "No runs yet."
    where = ", ".join(sorted({f"{r['environment']['device']} in {r['environment']['precision']}" for r in done}))
    hours = sum(r["cost"]["total_s"] for r in done) / 3600
    sizes = sorted({min(r["run"]["train_size"] or math.inf, r["data"]["sizes"]["train"]) for r in done})
    rows = f"{sizes[0]:,}" if len(sizes) == 1 else f"{sizes[0]:,} to {sizes[-1]:,}"
    return (
        f"Profile `{plan.setting.profile.name}`, encoder {plan.setting.encoder}, {rows} training rows: "
        f"{len(done)} of {len(plan.runs)} runs, {hours:.1f} hours of single-core workers on {where}, {max(r['date'] for r in done)}."
    )


def bench(what: str, plans: Plans | None = None) -> str:
    """Step times of every method over the plain step, from the record of ``python -m mixutils bench``."""
    record = _measured(what)
    if record is None:
        return "No benchmark record yet: `python -m mixutils bench`."
    steps = pd.DataFrame(record["mixers"])
    ratios = zip(steps["over_plain"], steps["passes"], steps["over_passes"], strict=True)
    steps["text"] = [", ".join(f"{ratio:.2f}" for ratio in of_one) for of_one in ratios]
    plain = steps[steps["method"] == "none"].set_index("encoder")["ms"]
    wide = steps.pivot(index="method", columns="encoder", values="text").fillna("–")
    wide = wide.loc[steps["method"].unique(), steps["encoder"].unique()]
    wide.columns = [f"{e} ({plain[e]:.0f} ms plain): ratio, passes, ratio / passes" for e in wide.columns]
    against = "; ".join(
        f"{t['encoder']}: {t['speed_up']:.1f} times as fast ({t['low']:.1f}–{t['high']:.1f})" for t in record["trainer"]
    )
    e = record["environment"]
    return (
        f"{record['task']}, batch {record['batch_size']}, {e['device']}, {e['precision']}, {record['date']}; medians over the same batches, "
        f"methods taking turns. The plain step against the default step of the Hugging Face Trainer, on the same batches: {against}.\n\n"
        f"<details><summary>All {len(wide)} methods</summary>\n\n"
        f"{table(wide.rename_axis('step time / plain step').reset_index())}\n\n</details>"
    )


def patches(what: str, plans: Plans | None = None) -> str:
    """What choosing patches costs, from the record that the notebook of the method keeps."""
    record = _measured(what)
    if record is None:
        return "No record yet: the notebook of the method measures it."
    texts, length, channels = record["shape"]
    shares = ", ".join(f"{r['patch']} {100 * r['over_plain']:.1f} % ({r['ms']:.0f} ms)" for r in record["patches"])
    e = record["environment"]
    return (
        f"Choosing the patches of {texts} texts of {length} tokens with {channels} channels, as a share of a plain step of {record['encoder']} "
        f"on such texts ({record['plain_ms']:,.0f} ms; {e['device']}, {e['precision']}, {record['date']}): {shares}."
    )


def _saved(place: str) -> pd.DataFrame:
    profile, _, name = place.partition("/")
    return csvs.read(paths.figures(profile) / f"{name}.csv")


def _measured(name: str) -> dict[str, Any] | None:
    path = paths.figures("bench") / f"{name}.json"
    return json.loads(path.read_text("utf-8")) if path.is_file() else None


KINDS = {f.__name__: f for f in (methods, gains, results, claims, bench, patches)}
