"""A page for every claim: the words, what they rest on seed by seed, the runs behind it, and the cell that computes it."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Mapping
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from ..papers import PLANS
from ..runs.records import Records
from ..runs.run import Run
from ..show import card, display_table
from ..show.plots import interval
from ..show.style import KINDS, SCALES, VERDICT_COLOURS, VERDICT_MARKS
from .readings import CODE, target

#: Columns of the table of units -> what they are called there.
UNIT = {"title": "data set", "pair": "compared", "n": "pairs", "mean": "mean", "low": "low", "high": "high"}
UNIT |= {"mde": "MDE", "printed": "reported", "void": "does not count", "note": "note"}


def name(key: str) -> str:
    """A claim's page."""
    return f"claim-{re.sub(r'[^A-Za-z0-9]+', '-', key)}"


def link(key: str) -> str:
    """A claim's name that leads to its page."""
    return f'<a href="{name(key)}.html">{html.escape(key)}</a>'


def grid(claims: Mapping[str, pd.DataFrame]) -> str:
    """All claims as squares that lead to their pages, a line per paper; as HTML.

    Args:
        claims: paper -> its ``claims.csv``.
    """
    lines = []
    for paper, of_paper in card.words(claims).items():
        texts = claims[paper].drop_duplicates("claim").set_index("claim")["text"]
        cells = [_square(key, word, texts[key]) for key, word in of_paper.items()]
        lines.append(f"<tr><th>{_e(PLANS[paper].PAPER.name)}</th>{''.join(cells)}</tr>")
    return _html(f"<div class='scroll'><table class='squares'>{''.join(lines)}</table></div>")


def _square(key: str, word: str, text: str) -> str:
    look = "" if word in card.OPEN else f" style='background: {VERDICT_COLOURS[word]}; --square: white'"
    return f"<td{look}><a href='{name(key)}.html' title='{_e(text)}: {word}'>{VERDICT_MARKS[word]}<br>{_e(card.short(key))}</a></td>"


def write(source: Path, frame: pd.DataFrame, paper: str, profile: str, store: Records) -> list[str]:
    """Write a page per claim of a ``claims.csv``; their names, in the order of the claims.

    Args:
        source: the folder of the site's sources. paper, profile: what the claims are of.
    """
    frame = frame.fillna({"reading": "", "paper": "", "why": ""})
    out = []
    for key, of_claim in frame.groupby("claim", sort=False):
        text = _page(source, key, of_claim, paper, profile, store)
        (source / f"{name(key)}.md").write_text(text, "utf-8")
        out.append(name(key))
    return out


def anchors(code: str) -> str:
    """Anchors for the claims that a notebook's cell makes, as HTML."""
    keys = re.findall(r"\.claim\(\s*\"([^\"]+)\"", code)
    return "".join(f'<a id="{name(key)}"></a>' for key in keys)


def _page(source: Path, key: str, of_claim: pd.DataFrame, paper: str, profile: str, store: Records) -> str:
    first, about = of_claim.iloc[0], PLANS[paper].PAPER
    parts = [
        "---\norphan: true\n---",
        f"# {key}",
        _html(f"<p><b>{_e(first['text'])}</b></p>", f"<p>{_e(about.title)}; {KINDS[first['kind']]}.</p>"),
    ]
    for i, (reading, of_reading) in enumerate(of_claim.groupby("reading", sort=False)):
        parts += [f"## Reading: {_md(reading)}"] if reading else ["## What was found"]
        parts.append(_html(*_words(of_reading.iloc[0])))
        units = of_reading[of_reading["unit_title"].notna()] if "unit_title" in of_reading else of_reading.head(0)
        if (figure := draw(of_reading.iloc[0], units)) is not None:
            place = source / "_static" / f"{name(key)}-{i}.svg"
            figure.savefig(place, metadata={"Date": None, "Creator": None})
            plt.close(figure)
            image = f'<img src="_static/{place.name}" alt="{_e(_alt(of_reading.iloc[0]))}">'
            parts.append(_html(f"<div class='scroll figure'>{image}</div>"))
        if len(units):
            table = units[[f"unit_{k}" for k in UNIT]].dropna(axis="columns", how="all")
            table = table.astype({"unit_n": "Int64"}).rename(columns={f"unit_{k}": v for k, v in UNIT.items()})
            wide = [c for c in ("compared", "does not count", "note") if c in table]
            shown = display_table(table, wrap=wide).set_uuid(f"{name(key)}-{i}").to_html()
            parts.append(_html(f"<div class='scroll units'>{shown}</div>"))
    if first["paper"]:
        parts += ["## The paper's own tables", _html(f"<p>{_text(first['paper'])}</p>")]
    parts += ["## Runs", *_runs(of_claim, paper, profile, store)]
    # (In JSON the anchor's quotation marks are escaped.)
    there = f'id=\\"{name(key)}\\"'
    books = [n for n in about.notebooks if there in _source(source / f"{n}.ipynb")]
    if books:
        parts += ["## Where it is computed", _html(f"<p>In <a href='{books[0]}.html#{name(key)}'>{books[0]}</a>.</p>")]
    return "\n\n".join(parts)


def _source(path: Path) -> str:
    return path.read_text("utf-8") if path.is_file() else ""


def _words(line: pd.Series) -> list[str]:
    word, facts = line["verdict"], []
    why = f": {_text(line['why'])}" if line["why"] else ""
    out = [f"<p><b>{VERDICT_MARKS[word]} {word}</b>{why}</p>"]
    if math.isnan(line["estimate"]) or line["kind"] in ("illustration", "measured"):
        return out
    if f"{line['estimate']:+.2f}".replace("-", "−") not in line["why"]:
        scale = SCALES.get(line["kind"], "points")
        facts.append(f"estimate {line['estimate']:+.2f} [{line['low']:+.2f}, {line['high']:+.2f}] {scale}")
    if not math.isnan(line["mde"]):
        facts.append(f"smallest effect that these runs would find with 80 % power: {line['mde']:.2f}")
    if not math.isnan(line["p_holm"]):
        facts.append(f"p for the claim {line['p_for']:.3f}, after Holm's correction {line['p_holm']:.3f}")
    return [*out, f"<p>{_e('; '.join(facts))}.</p>"] if facts else out


def _alt(line: pd.Series) -> str:
    if math.isnan(line["estimate"]):
        return f"Differences by data set; {line['verdict']}"
    return f"Pooled difference {line['estimate']:+.2f}, interval {line['low']:+.2f} to {line['high']:+.2f}: {line['verdict']}"


def draw(line: pd.Series, units: pd.DataFrame) -> plt.Figure | None:
    """Differences by seed and data set, their means, and the pooled estimate; None where there is nothing of the kind."""
    units = units[units["unit_mean"].notna()] if len(units) else units
    if units.empty or line["kind"] in ("illustration", "measured"):
        return None
    height = 0.34 * (len(units) + 1) + 1.1
    figure, axis = plt.subplots(figsize=(7.4, height), layout="constrained")
    if line["kind"] not in SCALES:  # the margin is in points
        axis.axvspan(-line["margin"], line["margin"], color="#eef1f6", zorder=0)
    axis.axvline(0, color="#555", linewidth=1)
    shade = VERDICT_COLOURS.get(line["verdict"], "#777777")
    labels = []
    for y, unit in enumerate(units.to_dict("records")):
        void = isinstance(unit["unit_void"], str)
        tone = "#9a9a9a" if void else "#3b3b3b"
        seeds = [float(x) for x in str(unit.get("unit_differences") or "").split() if x != "nan"]
        axis.plot(seeds, [y + 0.16] * len(seeds), ".", color=tone, alpha=0.6, markersize=5)
        numbers = (unit["unit_mean"], unit["unit_low"], unit["unit_high"])
        interval(axis, y - 0.06, numbers, unit["unit_printed"], tone)
        labels.append(f"{unit['unit_title']}{' (does not count)' * void}")
    if not math.isnan(line["estimate"]):
        interval(axis, len(units), (line["estimate"], line["low"], line["high"]), line["reported"], shade)
        labels.append("pooled")
    axis.set_yticks(range(len(labels)), labels)
    axis.set_ylim(len(labels) - 0.5, -0.5)
    axis.grid(axis="y", visible=False)
    axis.set_xlabel(f"difference in the claimed direction, {SCALES.get(line['kind'], 'points')}")
    marks = {"one seed": ".", "mean and 95 % interval": "o", "reported": "D"}
    handles = [
        plt.Line2D(
            [], [], marker=m, linestyle="", color="#3b3b3b", label=k, markerfacecolor="none" if m == "D" else None
        )
        for k, m in marks.items()
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, fontsize=8.5)
    return figure


def _runs(of_claim: pd.DataFrame, paper: str, profile: str, store: Records) -> list[str]:
    """Every run behind the claim, by data set, with the command that repeats them."""
    if "unit_runs" not in of_claim:
        return [_html("<p>None.</p>")]
    names = dict.fromkeys(h for cell in of_claim["unit_runs"].dropna() for h in str(cell).split())
    found = {h: Run.from_dict(r["run"]) for h in names if (r := store.get(h)) is not None}
    if not found:
        return [_html("<p>None.</p>")]
    out = []
    for task in dict.fromkeys(run.task for run in found.values()):
        runs = {h: run for h, run in found.items() if run.task == task}
        seeds = ",".join(map(str, sorted({run.seed for run in runs.values()})))
        command = f"python -m mixutils train --profile {profile} --only {paper} --tasks {task} --seeds {seeds}"
        links = "".join(f"<li><a href='runs.html#{h}'>{h}</a> {_e(run.title())}</li>" for h, run in runs.items())
        out.append(
            _html(
                f"<details><summary>{_e(task)}: {len(runs)} runs</summary>",
                f"<p>With what they share rows with: <code>{_e(command)}</code></p><ul>{links}</ul></details>",
            )
        )
    return out


def _html(*lines: str) -> str:
    """Lines of HTML, which MyST takes as they are as long as none is empty."""
    return "".join(lines).replace("\n", " ")


def _e(text: object) -> str:
    return html.escape(str(text))


def _text(text: str) -> str:
    """Prose, escaped, with codes that lead to their entries."""
    return CODE.sub(lambda m: f'<a href="{target(m[0]).replace(".md", ".html")}">{m[0]}</a>', _e(text))


def _md(text: str) -> str:
    """Text that Markdown leaves as it is."""
    return re.sub(r"([^\w\s])", r"\\\1", text)
