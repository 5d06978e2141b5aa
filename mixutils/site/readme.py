"""The numbers in README.md: blocks between markers, written from the registry and from records, never by hand."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from .. import paths
from ..mixers import REGISTRY
from ..papers import Plan
from ..runs.records import Records
from ..show.style import SCALES, VERDICT_MARKS
from .catalogue import artifacts


class Shown(NamedTuple):
    """What the README shows of a paper beside its claims: its main result tables, and what their numbers are."""

    tables: tuple[str, ...]
    metric: str


SHOWN = {
    "ssmix": Shown(("table_2",), "accuracy, %"),
    "dmix": Shown(("table_2", "table_3"), "micro F1, %"),
    "dmix_short": Shown(("table_1",), "micro F1, %"),
    "dnm": Shown(("table_2", "table_3", "table_4", "table_5"), "accuracy, %"),
    "dropmix": Shown(("table_3",), "accuracy, %"),
}


def blocks(plans: dict[str, Plan], store: Records) -> dict[str, str]:
    """Block name -> Markdown.

    Args:
        plans: of the profile whose records are shown. store: its records.
    """
    out = {"methods": methods(), "compare": comparison(), "bench": bench(), "patches": patches()}
    for key, shown in SHOWN.items():
        plan = plans[key]
        made = {a.name: a for a in artifacts(key)}
        rows = pd.concat([made[name].make(plan, store).frame for name in shown.tables])
        rows = rows.drop_duplicates(["row", "column"])  # what two tables share
        # Beside each other, columns of several tables need their data set's name.
        rows["title"] = rows["column"].map({c.key: c.title for c in plan.columns}).fillna(rows["title"])
        out[f"results {key}"] = hardware(plan, store) + "\n\n" + results(rows, shown.metric)
        out[f"claims {key}"] = verdicts(made["claims"].make(plan, store).frame)
    return out


def fill(text: str, made: dict[str, str]) -> str:
    """``text`` with every ``<!-- begin NAME -->`` … ``<!-- end NAME -->`` filled.

    Raises:
        ValueError: the text and ``made`` do not name the same blocks.
    """
    found = re.findall(r"<!-- begin (.+?) -->", text)
    if sorted(found) != sorted(made):
        raise ValueError(f"README has the blocks {sorted(found)}; there is content for {sorted(made)}")
    for name, content in made.items():
        pattern = re.compile(rf"(<!-- begin {re.escape(name)} -->\n).*?(<!-- end {re.escape(name)} -->)", re.DOTALL)
        text = pattern.sub(lambda m, content=content: m[1] + content.rstrip("\n") + "\n" + m[2], text)
    return text


def _row(cells) -> str:
    return "| " + " | ".join(str(c).replace("|", "\\|") for c in cells) + " |"


def _table(head: list[str], rows: list[list[str]]) -> str:
    return "\n".join([_row(head), _row(["---"] * len(head)), *map(_row, rows)])


def methods() -> str:
    """The four questions, answered by every registered mixer."""
    head = ["method", "where", "with whom", "how", "which label", "passes per step", "source"]
    rows = [[f"`{n}` {e.title}", e.where, e.whom, e.how, e.label, e.passes, e.source] for n, e in REGISTRY.items()]
    return _table(head, rows)


def comparison(path: Path | None = None) -> str:
    """Gains of all methods under one protocol, from the table that the notebook ``compare`` left."""
    path = path or paths.figures("compare") / "compare" / "gains.csv"
    gains = pd.read_csv(path) if path.is_file() else pd.DataFrame(columns=["estimate"])
    gains = gains.dropna(subset="estimate").sort_values("estimate", ascending=False)
    if gains.empty:
        return "Too few blocks are complete for an interval: `python -m mixutils train --only compare` goes on."
    head = ["method", "gain over no mixup, points [95 % interval]", "verdict", "tasks", "MDE", "reported by its papers"]
    rows = []
    for line in gains.to_dict("records"):
        reported = "–" if math.isnan(line["reported"]) else f"{line['reported']:+.2f}"
        word = f"{VERDICT_MARKS.get(line['word'], '')} {line['word']}"
        gain = f"**{line['estimate']:+.2f}** [{line['low']:+.2f}, {line['high']:+.2f}]"
        rows.append([line["method"], gain, word, f"{line['tasks']:.0f}", f"{line['mde']:.2f}", reported])
    return _table(head, rows)


def results(frame: pd.DataFrame, metric: str = "accuracy, %") -> str:
    """A result table, "paper → ours ± sd", with the columns that have numbers of ours."""
    frame = frame[frame.groupby("column")["ours"].transform(lambda c: c.notna().any())]
    if frame.empty:
        return "No runs yet."
    columns = dict(zip(frame["column"], frame["title"], strict=True))
    cells = {(r["row"], r["column"]): r for r in frame.to_dict("records")}
    rows = [[row, *(_cell(cells.get((row, c))) for c in columns)] for row in dict.fromkeys(frame["row"])]
    return _table([f"{metric}: paper → ours", *columns.values()], rows)


def _cell(line: dict | None) -> str:
    if line is None:
        return ""
    paper = "–" if math.isnan(line["paper"]) else f"{line['paper']:.2f}"
    if math.isnan(line["ours"]):
        return f"{paper} → {line['note'] or 'no runs yet'}"
    spread = "" if math.isnan(line["sd"]) else f" ± {line['sd']:.2f}"
    note = f" ({line['note']})" if line["note"] else ""
    return f"{paper} → **{line['ours']:.2f}**{spread}{note}"


def verdicts(frame: pd.DataFrame) -> str:
    """One line per claim of a frame of ``report.claims.to_frame``; two columns of words where claims were read in two ways."""
    readings = list(dict.fromkeys(frame["reading"]))
    rows = []
    for key in dict.fromkeys(frame["claim"]):
        lines = frame[frame["claim"] == key].drop_duplicates("reading").set_index("reading")
        first = lines.iloc[0]
        cells = [_verdict(lines.loc[r]) if r in lines.index else "" for r in readings]
        cells[1:] = ["the same" if cell == cells[0] else cell for cell in cells[1:]]
        rows.append([key, first["text"], first["paper"], *cells])
    return _table(["", "claim", "the paper's own tables", *(r or "verdict" for r in readings)], rows)


def _verdict(line: pd.Series) -> str:
    word = f"{VERDICT_MARKS[line['verdict']]} **{line['verdict']}**"
    if line["kind"] == "illustration" or math.isnan(line["estimate"]):
        return f"{word}: {line['why']}" if line["why"] else word
    fewest, most = line["seeds_fewest"], line["seeds_most"]
    seeds = f"{most}" if fewest == most else f"{fewest} to {most}"
    interval = "" if math.isnan(line["low"]) else f" [{line['low']:+.2f}, {line['high']:+.2f}]"
    scale = f" {SCALES[line['kind']]}" if line["kind"] in SCALES else ""
    least = "" if math.isnan(line["mde"]) else f", MDE {line['mde']:.2f}"
    sets = f"{line['tasks']} data set{'s' if line['tasks'] != 1 else ''}"
    return f"{word}<br>{line['estimate']:+.2f}{interval}{scale}; {sets}, {seeds} seeds{least}"


def hardware(plan: Plan, store: Records) -> str:
    """How many runs, on what, when, in what time."""
    done = [r for r in map(store.get, plan.runs) if r is not None and r["status"] == "done"]
    if not done:
        return "No runs yet."
    where = ", ".join(sorted({f"{r['environment']['device']} in {r['environment']['precision']}" for r in done}))
    hours = sum(r["cost"]["total_s"] for r in done) / 3600
    dates = [r["date"] for r in done]
    sizes = sorted({min(r["run"]["train_size"] or math.inf, r["data"]["sizes"]["train"]) for r in done})
    rows = f"{sizes[0]:,}" if len(sizes) == 1 else f"{sizes[0]:,} to {sizes[-1]:,}"
    return (
        f"Profile `{plan.setting.profile.name}`, encoder {plan.setting.encoder}, {rows} training rows: "
        f"{len(done)} of {len(plan.runs)} runs, {hours:.1f} hours of single-core workers on {where}, {max(dates)}."
    )


def bench(path: Path | None = None) -> str:
    """Step times of every method over the plain step, from the record of ``python -m mixutils bench``."""
    path = path or paths.figures("bench") / "bench-cpu.json"
    if not path.is_file():
        return "No benchmark record yet: `python -m mixutils bench`."
    record = json.loads(path.read_text("utf-8"))
    encoders = list(dict.fromkeys(r["encoder"] for r in record["mixers"]))
    by = {(r["method"], r["encoder"]): r for r in record["mixers"]}
    head = ["step time / plain step"]
    head += [f"{e} ({by['none', e]['ms']:.0f} ms plain): ratio, passes, ratio / passes" for e in encoders]
    rows = []
    for name in dict.fromkeys(r["method"] for r in record["mixers"]):
        found = [by.get((name, e)) for e in encoders]
        rows.append(
            [name, *(f"{r['over_plain']:.2f}, {r['passes']:.2f}, {r['over_passes']:.2f}" if r else "–" for r in found)]
        )
    against = "; ".join(
        f"{t['encoder']}: {t['speed_up']:.1f} times as fast ({t['low']:.1f}–{t['high']:.1f})" for t in record["trainer"]
    )
    e = record["environment"]
    return (
        f"{record['task']}, batch {record['batch_size']}, {e['device']}, {e['precision']}, {record['date']}; medians over the same batches, "
        f"methods taking turns. The plain step against the default step of the Hugging Face Trainer, on the same batches: {against}.\n\n"
        f"<details><summary>All {len(rows)} methods</summary>\n\n{_table(head, rows)}\n\n</details>"
    )


def patches(path: Path | None = None) -> str:
    """What choosing DropMix's patches costs, from the record of ``python -m mixutils bench --patches``."""
    path = path or paths.figures("bench") / "patch-cpu.json"
    if not path.is_file():
        return "No benchmark record yet: `python -m mixutils bench --patches`."
    record = json.loads(path.read_text("utf-8"))
    texts, length, channels = record["shape"]
    shares = ", ".join(f"{r['patch']} {100 * r['over_plain']:.1f} % ({r['ms']:.0f} ms)" for r in record["patches"])
    e = record["environment"]
    return (
        f"Choosing the patches of {texts} texts of {length} tokens with {channels} channels, as a share of a plain step of {record['encoder']} "
        f"on such texts ({record['plain_ms']:,.0f} ms; {e['device']}, {e['precision']}, {record['date']}): {shares}."
    )
