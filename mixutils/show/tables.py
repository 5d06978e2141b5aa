"""Result tables: paper | ours ± | n | difference | gain, one line per cell; a cell without data says why.

Verdicts are about claims, over all cells of one, and stand in the tables of claims.
"""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from ..evidence.stats import Summary, paired, summarize
from ..papers import PAPERS
from ..papers.base import Cell, Plan
from ..papers.published import number, published
from ..runs.records import Records

COLUMNS = [
    "table",
    "row",
    "column",
    "title",
    "paper",
    "paper_spread",
    "ours",
    "sd",
    "variance",
    "se",
    "low",
    "high",
    "n",
    "difference",
    "paper_gain",
    "gain",
    "gain_low",
    "gain_high",
    "note",
    "runs",
]


def result_table(
    plan: Plan, table: str, store: Records, *, baseline: tuple[str, str] | None = None, base_row: str = ""
) -> pd.DataFrame:
    """One line per cell of a table, published columns without data included.

    Args:
        baseline: (table, row) of the cells that gains are taken against, paired by seed, on readings without a floor.
            None: no gains.
        base_row: the row whose published value the published gains are taken against.

    Returns:
        Numbers in percent (points for differences). ``low`` and ``high``, ``gain_low`` and ``gain_high`` are 95 % t
        intervals over seeds, of one cell each.
    """
    cells = plan.table(table)
    rows = list(dict.fromkeys(c.row for c in cells))
    printed_titles = {c.key: c.title for c in getattr(PAPERS.get(plan.paper), "COLUMNS", ())}
    keys = [(c.key, c.title) for c in plan.columns] + [(k, printed_titles.get(k, k)) for k in plan.absent]
    lines = []
    for row in rows:
        for key, title in keys:
            cell = plan.cell(table, row, key)
            cited = published(plan.paper).get((table, row, key))
            printed = cited.number if cited else None
            line = dict.fromkeys(COLUMNS, math.nan) | {
                "table": table,
                "row": row,
                "column": key,
                "title": title,
                "paper": math.nan if printed is None else printed,
                "paper_spread": cited.deviation if cited else math.nan,
                "note": "",
                "runs": "",
            }
            if cell is None:
                if printed is None:
                    continue
                line["note"] = plan.absent.get(key, f"not in the {plan.setting.profile.name} profile")
            else:
                line |= _ours(cell, store)
                if printed is not None and not math.isnan(line["ours"]):
                    line["difference"] = line["ours"] - printed
                gain = _against(plan, cell, baseline, store) if baseline and row != base_row else None
                if gain is not None and gain.n:
                    line |= _gain(plan, cell, gain, base_row)
            lines.append(line)
    return pd.DataFrame(lines, columns=COLUMNS).astype({"n": "Int64"})


def _ours(cell: Cell, store: Records) -> dict:
    values = list(cell.values(store).values())
    out = {"note": cell.missing(store), "runs": " ".join(r.hash for r in cell.runs)}
    if not values:
        return out
    s = summarize(values)
    return out | {
        "ours": s.mean,
        "sd": s.sd,
        "variance": s.variance,
        "se": s.se,
        "low": s.low,
        "high": s.high,
        "n": s.n,
    }


def _against(plan: Plan, cell: Cell, baseline: tuple[str, str], store: Records) -> Summary | None:
    base = plan.cell(*baseline, cell.column)
    plain = replace(cell.reading, floor=False)
    return base and paired(cell.values(store, plain), base.values(store, plain))


def _gain(plan: Plan, cell: Cell, gain: Summary, base_row: str) -> dict:
    out = {"gain": gain.mean, "gain_low": gain.low, "gain_high": gain.high}
    ours, theirs = (number(plan.paper, cell.table, r, cell.column) for r in (cell.row, base_row))
    return out if ours is None or theirs is None else out | {"paper_gain": ours - theirs}


def over_steps(
    records: Sequence[Mapping[str, Any]], read: Callable[[Mapping[str, Any]], float]
) -> tuple[list[int], np.ndarray]:
    """Curves of several runs beside each other: the steps at which all were evaluated, and values (runs, steps).

    Args:
        read: a point of a record's curve -> number. Runs of one row have the same steps, but not under permuted names.
    """
    points = [{p["step"]: p for p in r["curve"]} for r in records]
    steps = sorted(set.intersection(*map(set, points))) if points else []
    return steps, np.array([[read(p[step]) for step in steps] for p in points])


def found_data(plan: Plan, store: Records, task: str) -> dict[str, object]:
    """What the records say about a data set: sizes, classes, length, source; or why there is nothing."""
    for cell in plan.cells:
        if cell.runs[0].task == task:
            for record in cell.records(store):
                data = record["data"]
                size = ", ".join(f"{k} {v:,}" for k, v in data["full"].items())
                used = ", ".join(f"{k} {v:,}" for k, v in data["sizes"].items())
                return {
                    "ours": size,
                    "classes": len(data["labels"]),
                    "used here": used,
                    "tokens": f"{data['mean_tokens']:.1f}",
                    "from": data["source"],
                    "remark": "; ".join(data["notes"]),
                }
    names = ((key.split("/")[0], reason) for key, reason in plan.absent.items())
    why = next((r for name, r in names if name == task or name.startswith(f"{task}-")), "no runs yet")  # anli-r1
    return {"ours": "–", "remark": why}


def to_html(frame: pd.DataFrame, *, spread: str = "sd", title: str = "", note: str = "", show: str = "ours") -> str:
    """A table as printed: methods down, data sets across; each cell "paper | ours ± spread", difference, gain.

    Args:
        frame: from ``result_table``. spread: "sd", "se" or "variance". show: the column that is shown as ours.
    """
    if frame.empty:
        return f"<p><b>{html.escape(title)}</b>: no runs and nothing published.</p>"
    rows, columns = list(dict.fromkeys(frame["row"])), list(dict.fromkeys(frame["column"]))
    titles = dict(zip(frame["column"], frame["title"], strict=True))
    cells = {(r["row"], r["column"]): r for r in frame.to_dict("records")}
    head = "".join(f"<th>{html.escape(str(titles[c]))}</th>" for c in columns)
    body = "".join(
        f"<tr><th scope='row'>{html.escape(row)}</th>"
        + "".join(_html_cell(cells.get((row, c)), spread, show) for c in columns)
        + "</tr>"
        for row in rows
    )
    caption = f"<caption>{html.escape(title)}</caption>" if title else ""
    foot = f"<p class='mx-note'>{html.escape(note)}</p>" if note else ""
    return f"{CSS}<div class='mx-scroll'><table class='mx'>{caption}<thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table></div>{foot}"


def _html_cell(cell: dict | None, spread: str, show: str) -> str:
    if cell is None:
        return "<td class='mx-none'>–</td>"
    printed = "" if _nan(cell.get("paper_spread")) else f" ± {cell['paper_spread']:.2f}"
    paper = "" if _nan(cell["paper"]) else f"<span class='mx-paper'>{cell['paper']:.2f}{printed}</span>"
    if _nan(cell[show]):
        return f"<td>{paper}<span class='mx-why'>{html.escape(cell['note'] or 'no data')}</span></td>"
    sd = "" if _nan(cell[spread]) or show != "ours" else f" ± {cell[spread]:.2f}"
    out = f"{paper}<span class='mx-ours'>{cell[show]:.2f}{sd}</span>"
    small = [f"n = {int(cell['n'])}"]
    if not _nan(cell["difference"]) and show == "ours":
        small.append(f"difference {cell['difference']:+.2f}")
    out += f"<span class='mx-small'>{', '.join(small)}</span>"
    if not _nan(cell["gain"]):
        interval = "" if _nan(cell["gain_low"]) else f" [{cell['gain_low']:+.1f}, {cell['gain_high']:+.1f}]"
        printed = "" if _nan(cell["paper_gain"]) else f", paper {cell['paper_gain']:+.2f}"
        out += (
            "<span class='mx-small' title='gain over the baseline and its 95 % t interval over seeds'>"
            f"gain {cell['gain']:+.2f}{interval}{printed}</span>"
        )
    if cell["note"]:
        out += f"<span class='mx-why'>{html.escape(cell['note'])}</span>"
    return f"<td>{out}</td>"


def _nan(value) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


CSS = """<style>
.mx-scroll{overflow-x:auto}
table.mx{border-collapse:collapse;font-size:12.5px;margin:.6em 0}
table.mx caption{text-align:left;font-weight:600;padding:.3em 0}
table.mx th,table.mx td{border-bottom:1px solid #ddd;padding:.35em .6em;vertical-align:top;text-align:left}
table.mx thead th{border-bottom:2px solid #555;white-space:nowrap}
table.mx th[scope=row]{white-space:nowrap;font-weight:600}
table.mx td span{display:block;white-space:nowrap}
.mx-paper{color:#777}.mx-paper::before{content:"paper "}.mx-ours{font-weight:600}
.mx-small,.mx-why,.mx-note{color:#666;font-size:11px}.mx-why{white-space:normal!important;max-width:14em;font-style:italic}
</style>"""


def to_csv(frame: pd.DataFrame, path) -> None:
    """Store a table; numbers with four decimals, so that the file is the same on every machine with the same records."""
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.to_csv(path, index=False, float_format="%.4f", lineterminator="\n")
